"""State files that hold the peers too, so that a restart forgets nothing.

::

    magic[8], version in it · i64 minutes from 1970 to the writer's minute 0 · u64 the writer's minute
    for each torrent: info_hash[20] · u32 length · record      a small torrent, see swarm.records
                   or info_hash[20] · u32 LARGE + downloaded · four tables: IPv4 leechers and seeders, IPv6 likewise
                      a table: u32 blocks · for each one u32 length · block, see swarm.peer_table
    u64 torrents · blake2b[16] of all that stands before it

Numbers are big-endian. A file is read twice: to see that it is whole, and then to take it in.

Other settings may hold by then: torrents that the access list or the limits have no room for are skipped, and peers
that are not to be listed are left out. The limits on the peers of a torrent and on the ports of an address hold for
newcomers alone, so a torrent that has more than they allow by now keeps them until they go.
"""

import logging
from collections.abc import Generator, Iterator
from hashlib import blake2b
from io import FileIO
from typing import Final

from mypy_extensions import i64

from opentracker._features import (
    OT_PEER_TIMEOUT,
    OT_TORRENT_TIMEOUT_HOURS,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_BOGON_FILTER,
    WANT_MAX_PEER,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import BrokenStateError
from opentracker.features.state import kinds
from opentracker.features.state.tally import KNOWN, NO_ROOM, NOT_ALLOWED, TOO_OLD, Tally
from opentracker.swarm.ages import least_age
from opentracker.swarm.expiry import OLDEST, demoted, stamps_of
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peer_table import PeerTable
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import (
    EMPTY,
    HEADER_SIZE,
    PEER4,
    PEER6,
    SMALL,
    counts,
    downloaded,
    left_at,
    without_peers,
)
from opentracker.swarm.store.small import without_peer
from opentracker.swarm.tracker import SHARDS, Tracker

if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import size_of, weight_of_torrent

log = logging.getLogger("opentracker")

MAGIC: Final = kinds.FULL + b"\x01"  # and the version of the format
LARGE: Final = 1 << 31
DIGEST: Final = 16
HEADER: Final = 24
TRAILER: Final = 8 + DIGEST
PIECE: Final = 128  # torrents looked at in one go
ENOUGH: Final = 1 << 15  # bytes in a piece
BLOCK: Final = 1 << 16
OLDEST_TORRENT: Final = OT_TORRENT_TIMEOUT_HOURS * 60  # minutes without a peer
# Two million years: no clock tells more, and sums of a few are far from overflowing.
MOST_MINUTES: Final = 1 << 40


# ---- Writing -----------------------------------------------------------------------------------------------


def write(tracker: Tracker, minute: int, epoch: int) -> Generator[bytes, None, None]:
    """The file in pieces; `epoch` is minutes from 1970 to the tracker's minute 0."""
    hashed = blake2b(digest_size=DIGEST)
    piece = MAGIC + epoch.to_bytes(8, "big", signed=True) + minute.to_bytes(8, "big")
    hashed.update(piece)
    yield piece
    torrents = 0
    for shard in tracker.shards:
        info_hashes = list(shard)
        for start in range(0, len(info_hashes), PIECE):
            parts: list[bytes] = []
            for info_hash in info_hashes[start : start + PIECE]:
                entry = shard.get(info_hash)
                if entry is None or not is_allowed(tracker, info_hash):
                    continue
                torrents += 1
                add_torrent(info_hash, entry, parts)
            for piece in joined(parts):
                hashed.update(piece)
                yield piece
    piece = torrents.to_bytes(8, "big")
    hashed.update(piece)
    yield piece + hashed.digest()


def is_allowed(tracker: Tracker, info_hash: bytes) -> bool:
    """Whether the access list serves a torrent that is here."""
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        return not tracker.has_doubtful or tracker.admission.allows(info_hash)
    return True


def add_torrent(info_hash: bytes, entry: bytes | Swarm, parts: list[bytes]) -> None:
    """Add a torrent's bytes, which are not copied."""
    parts.append(info_hash)
    if not isinstance(entry, Swarm):
        parts.append(len(entry).to_bytes(4, "big"))
        parts.append(entry)
        return
    marked: int = LARGE + entry.downloaded
    parts.append(marked.to_bytes(4, "big"))
    for table in (entry.v4.leechers, entry.v4.seeders, entry.v6.leechers, entry.v6.seeders):
        parts.append(len(table.blocks).to_bytes(4, "big"))
        for block in table.blocks:
            parts.append(len(block).to_bytes(4, "big"))
            parts.append(block)


def joined(parts: list[bytes]) -> Iterator[bytes]:
    """Parts put together to pieces of some tens of kilobytes: a swarm may have megabytes of peers."""
    start: i64 = 0
    size: i64 = 0
    for index in range(len(parts)):
        size += len(parts[index])
        if size >= ENOUGH or index == len(parts) - 1:
            yield b"".join(parts[start : index + 1])
            start = index + 1
            size = 0


# ---- Reading -----------------------------------------------------------------------------------------------


class Input:
    """The bytes of a file up to its trailer, of which all or none are there."""

    def __init__(self, file: FileIO, size: int) -> None:
        self.file = file
        self.left = size
        self.block = b""
        self.at: i64 = 0

    def take(self, size: i64) -> bytes:
        """The next bytes. Raises BrokenStateError."""
        if self.at + size > len(self.block) + self.left:  # before room is made for what a length says
            raise BrokenStateError("a torrent is cut")
        while self.at + size > len(self.block):
            more = self.file.read(max(BLOCK, size)) if self.left else b""
            more = (more or b"")[: self.left]
            if not more:
                raise BrokenStateError("a torrent is cut")
            self.left -= len(more)
            self.block = self.block[self.at :] + more
            self.at = 0
        self.at += size
        return self.block[self.at - size : self.at]

    def number(self) -> i64:
        """The next u32."""
        return int.from_bytes(self.take(4), "big")

    def is_at_end(self) -> bool:
        """Whether there is nothing more."""
        return self.left == 0 and self.at == len(self.block)


def checked_size(file: FileIO) -> int:
    """The bytes before the trailer of a file, which is read and rewound. Raises BrokenStateError."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BrokenStateError("it is of a version that this tracker does not know")
    size = file.seek(0, 2)
    file.seek(0)
    if size < HEADER + TRAILER:
        raise BrokenStateError(f"it is cut: {size} bytes")
    hashed = blake2b(digest_size=DIGEST)
    left = size - DIGEST
    while left:
        block = file.read(min(BLOCK, left))
        if not block:
            raise BrokenStateError("it has become shorter")
        hashed.update(block)
        left -= len(block)
    if file.read(DIGEST) != hashed.digest():
        raise BrokenStateError("its checksum is wrong: it is cut or corrupted")
    file.seek(0)
    return size - TRAILER


def examine(file: FileIO, name: str) -> None:
    """Look whether a file is whole, without taking it in. Raises BrokenStateError, which names it."""
    try:
        checked_size(file)
    except BrokenStateError as error:
        raise BrokenStateError(f"{name}: {error}") from error


def times_of(head: bytes) -> tuple[int, int]:
    """The writer's epoch and minute. Raises BrokenStateError for what is beyond all clocks."""
    epoch = int.from_bytes(head[8:16], "big", signed=True)
    minute = int.from_bytes(head[16:24], "big")
    if abs(epoch) > MOST_MINUTES or minute > MOST_MINUTES:
        raise BrokenStateError("the time in which it was written is wrong")
    return epoch, minute


class Loading:
    """Takes a file in: all of it or nothing."""

    def __init__(self, tracker: Tracker, minute: int, epoch: int) -> None:
        self.tracker = tracker
        self.minute: i64 = minute
        self.epoch: i64 = epoch
        self.moved: i64 = 0  # from the writer's minutes to ours
        self.written: i64 = 0  # the writer's minute when it began
        self.passed: i64 = 0  # minutes since then
        self.ages = b""  # by stamp: age now, 255 being too old
        self.tally = Tally()

    def load(self, file: FileIO, name: str) -> None:
        """Load a file; of one that is not whole nothing is taken. Raises BrokenStateError, which names it."""
        try:
            size = checked_size(file)
            for _ in self.take_all(file, size):
                pass
        except BrokenStateError as error:
            self.forget_all()
            raise BrokenStateError(f"{name}: {error}") from error
        log.info("%s, with peers: %s", name, self.tally.in_words())

    def take_all(self, file: FileIO, size: int) -> Iterator[None]:
        """Take in a file that is whole. Raises BrokenStateError where it is not what it says."""
        source = Input(file, size)
        head = source.take(HEADER)
        written_epoch, written = times_of(head)
        self.written = written
        self.moved = written_epoch - self.epoch
        self.passed = max(0, self.minute - self.moved - self.written)
        self.ages = ages_by_stamp(self.written, self.passed)
        seen = 0
        while not source.is_at_end():
            self.take_torrent(source)
            seen += 1
            if seen % PIECE == 0:
                yield
        if int.from_bytes(file_tail(file, size), "big") != seen:
            raise BrokenStateError("the number of torrents is wrong")

    def take_torrent(self, source: Input) -> None:
        """Take in the next torrent."""
        info_hash = source.take(20)
        length = source.number()
        if length >= LARGE:
            entry: bytes | Swarm = self.read_swarm(source, length - LARGE)
        else:
            entry = self.read_record(source.take(length))
        shard = self.tracker.shards[hash(info_hash) & (SHARDS - 1)]
        reason = self.reason_against(info_hash, entry)
        if info_hash in shard:
            reason = KNOWN
        elif isinstance(entry, bytes) and len(entry) == HEADER_SIZE and self.is_over(entry):
            reason = TOO_OLD
        if reason:
            self.tally.skip(reason)
            return
        self.tracker.put(shard, info_hash, None, entry)
        self.tally.loaded += 1

    def reason_against(self, info_hash: bytes, entry: bytes | Swarm) -> str:
        """Why the access list or the limits have no room for a torrent; empty if they have."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if not self.tracker.admission.allows(info_hash):
                return NOT_ALLOWED
        if WANT_MAX_PEER:
            limits = self.tracker.limits
            if (
                limits.torrents >= limits.most_torrents
                or limits.peers + size_of(entry) > limits.most_peers
                or limits.bytes + weight_of_torrent(entry) > limits.most_bytes
            ):
                return NO_ROOM
        return ""

    def without_unlisted(self, addresses: bytes, ages: bytes, stride: i64) -> bytes:
        """The ages of peers, 255 also for those that are not to be listed."""
        if not WANT_BOGON_FILTER:
            return ages
        visibility = self.tracker.visibility
        listed = bytearray(ages)
        for index in range(len(ages)):
            if ages[index] != 255 and not visibility.lists(addresses[index * stride : (index + 1) * stride]):
                listed[index] = 255
        return bytes(listed)

    def is_over(self, record: bytes) -> bool:
        """Whether a torrent without peers has no count to keep, or has been left for too long."""
        return downloaded(record) == 0 or self.minute - left_at(record) > OLDEST_TORRENT

    def bounded(self, left: i64) -> i64:
        """A minute in which a last peer left, as a record holds it: neither in the future nor older than it matters.

        A clock that was wrong, then or now, says any minute, and a record has room for 16 years of them.
        """
        return max(self.minute - OLDEST_TORRENT - 1, min(self.minute, left))

    def read_record(self, record: bytes) -> bytes:
        """A small torrent as it is now, without the peers that are too old. Raises BrokenStateError."""
        if len(record) < HEADER_SIZE:
            raise BrokenStateError("a torrent is too short")
        if downloaded(record) < 0:
            raise BrokenStateError("a torrent has a wrong count")
        if len(record) == HEADER_SIZE:
            return without_peers(downloaded(record), self.bounded(left_at(record) + self.moved))
        n4, leechers4, n6, leechers6 = counts(record)
        if (
            n6 < 0
            or len(record) != HEADER_SIZE + PEER4 * n4 + PEER6 * n6
            or leechers4 > n4
            or leechers6 > n6
            or not 0 < n4 + n6 <= SMALL
        ):
            raise BrokenStateError("a torrent has a wrong length")
        stamps4, stamps6 = stamps_of(record)
        ages4, ages6 = stamps4.translate(self.ages), stamps6.translate(self.ages)
        middle = HEADER_SIZE + PEER4 * n4
        ages4 = self.without_unlisted(record[HEADER_SIZE:middle], ages4, STRIDE4)
        ages6 = self.without_unlisted(record[middle:], ages6, STRIDE6)
        record = b"".join(
            [
                record[: middle - n4],
                self.stamps(ages4),
                record[middle : len(record) - n6],
                self.stamps(ages6),
            ]
        )
        left = self.bounded(self.minute - self.passed - least_age(stamps4 + stamps6, self.written, 255))
        return self.without_old(record, ages4, ages6, left)

    def stamps(self, ages: bytes) -> bytes:
        """Stamps of these ages."""
        return bytes([(self.minute - age) & 255 for age in ages])

    def without_old(self, record: bytes, ages4: bytes, ages6: bytes, left: i64) -> bytes:
        """A record without the peers that are too old, or of a family that is not in this build.

        If that is all of them, the last one left in the minute `left`.
        """
        if WANT_V6:
            ages4 = b"\xff" * len(ages4)
        if WANT_V4_ONLY:
            ages6 = b"\xff" * len(ages6)
        for ages, v6 in ((ages4, False), (ages6, True)):
            index: i64 = ages.rfind(255)
            while index >= 0:
                record = without_peer(record, v6, index, left)
                index = ages.rfind(255, 0, index)
        return record

    def read_swarm(self, source: Input, completed: i64) -> bytes | Swarm:
        """A large swarm as it is now."""
        swarm = self.tracker.grown(EMPTY)
        swarm.downloaded = completed
        for v6 in (False, True):
            for seeding in (False, True):
                for _ in range(source.number()):
                    block = source.take(source.number())
                    if (WANT_V6 and not v6) or (WANT_V4_ONLY and v6):
                        continue
                    if block:
                        family = swarm.own6() if v6 else swarm.own4()
                        self.load_block(block, family.seeders if seeding else family.leechers)
        if swarm.size() > SMALL // 2:
            return swarm
        return demoted(swarm, self.bounded(self.minute - max(self.passed, OT_PEER_TIMEOUT + 1)))

    def load_block(self, block: bytes, table: PeerTable) -> None:
        """Put the peers of a block that are not too old into a table."""
        stride = table.stride
        n: i64 = len(block) // (stride + 2)
        if len(block) != n * (stride + 2):
            raise BrokenStateError("a block has a wrong length")
        ages = block[n * (stride + 1) :].translate(self.ages)
        ages = self.without_unlisted(block, ages, stride)
        if ages.find(255) < 0:
            table.load(block[: n * (stride + 1)] + self.stamps(ages))
            return
        for index in range(n):
            age: i64 = ages[index]
            if age != 255:
                peer = block[index * stride : (index + 1) * stride]
                table.add(peer, block[n * stride + index], (self.minute - age) & 255)

    def forget_all(self) -> None:
        """Empty the tracker again."""
        for shard in self.tracker.shards:
            for info_hash in list(shard):
                self.tracker.put(shard, info_hash, shard[info_hash], None)
        self.tally = Tally()


def ages_by_stamp(written: i64, passed: i64) -> bytes:
    """A table from stamp to the age that a peer has now, in minutes; 255 for one that is too old.

    `written` is the writer's minute when it began, `passed` how many have passed since.
    """
    ages = bytearray(256)
    for stamp in range(256):
        age = (written - stamp) & 255
        if age > OLDEST:  # of a minute that began while it was written
            age = 0
        ages[stamp] = min(255, age + passed) if age + passed <= OT_PEER_TIMEOUT else 255
    return bytes(ages)


def file_tail(file: FileIO, size: int) -> bytes:
    """The eight bytes behind the first `size` of a file."""
    file.seek(size)
    return file.read(8) or b""
