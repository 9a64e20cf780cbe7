"""State files that hold the peers too, so that a restart loses nothing; features/state/full_file.py has their format.

The settings may have changed since the file was written: torrents that the access list refuses or that are beyond the
limits are skipped, and peers that must not be listed are left out. The limits on the peers of a torrent and on the
ports of an address apply to new peers only, so a loaded torrent keeps peers beyond them until they expire.
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
    WANT_BOGON_FILTER,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import BrokenStateError
from opentracker.features.state.full_file import (
    DIGEST,
    HEADER,
    MAGIC,
    Input,
    checked_size,
    number_behind,
    times_of,
)
from opentracker.features.state.taking import take
from opentracker.features.state.tally import Tally
from opentracker.swarm.ages import ages_by_stamp, is_over, least_age
from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.peers import STRIDE4, STRIDE6, remove
from opentracker.swarm.store.records import (
    HEADER_SIZE,
    LARGE,
    PEER4,
    PEER6,
    SMALL,
    counts,
    downloaded,
    left_at,
    stamps_of,
)
from opentracker.swarm.tracker import Tracker

log = logging.getLogger("opentracker")

PIECE: Final = 128  # torrents in a step
ENOUGH: Final = 1 << 15  # bytes in a piece
COUNT: Final = 4  # bytes of the count of torrents before a piece
OLDEST_TORRENT: Final = OT_TORRENT_TIMEOUT_HOURS * 60  # minutes without a peer


def write(tracker: Tracker, minute: int, epoch: int) -> Generator[bytes, None, None]:
    """The file in pieces; `epoch` is minutes from 1970 to the tracker's minute 0."""
    return sealed(part(tracker), minute, epoch)


def sealed(parts: Generator[bytes, None, None], minute: int, epoch: int) -> Generator[bytes, None, None]:
    """A file in pieces, from those of the `part` of one tracker, or of several ones."""
    hashed = blake2b(digest_size=DIGEST)
    piece = MAGIC + epoch.to_bytes(8, "big", signed=True) + minute.to_bytes(8, "big")
    hashed.update(piece)
    yield piece
    torrents = 0
    for counted in parts:
        if counted:
            torrents += int.from_bytes(counted[:COUNT], "big")
            piece = counted[COUNT:]
            hashed.update(piece)
            yield piece
        else:
            yield b""
    piece = torrents.to_bytes(8, "big")
    hashed.update(piece)
    yield piece + hashed.digest()


def part(tracker: Tracker) -> Generator[bytes, None, None]:
    """The torrents of a tracker in pieces of ENOUGH bytes at most, each behind a u32: torrents that begin in it."""
    store = tracker.store
    for shard in range(store.shards):
        info_hashes = store.info_hashes(shard)
        for start in range(0, len(info_hashes), PIECE):
            parts: list[bytes] = []
            torrents = 0
            for info_hash in info_hashes[start : start + PIECE]:
                if tracker.serves(info_hash):
                    packed = store.pack(info_hash)
                    parts += packed
                    torrents += 1 if packed else 0
            for piece in joined(parts):
                for at in range(0, len(piece), ENOUGH):
                    yield torrents.to_bytes(COUNT, "big") + piece[at : at + ENOUGH]
                    torrents = 0


def joined(parts: list[bytes]) -> Iterator[bytes]:
    """Join parts to pieces of some tens of kilobytes, since a swarm may have megabytes of peers."""
    start: i64 = 0
    size: i64 = 0
    for index in range(len(parts)):
        size += len(parts[index])
        if size >= ENOUGH or index == len(parts) - 1:
            yield b"".join(parts[start : index + 1])
            start = index + 1
            size = 0


class Loading:
    """Loads a file: all of it or nothing."""

    def __init__(self, tracker: Tracker, minute: int, epoch: int) -> None:
        self.tracker = tracker
        self.minute: i64 = minute
        self.epoch: i64 = epoch
        self.moved: i64 = 0  # the difference between our minutes and the writer's
        self.written: i64 = 0  # the writer's minute when it began
        self.passed: i64 = 0  # minutes since then
        self.ages_then = b""  # by stamp: the age in that minute
        self.ages = b""  # by stamp: the age now; 255 is too old
        self.tally = Tally()

    def load(self, file: FileIO, name: str) -> None:
        """Load a file; a broken one leaves the tracker empty. Raises BrokenStateError, which names the file."""
        try:
            size = checked_size(file)
            for _ in self.take_all(file, size):
                pass
        except BrokenStateError as error:
            self.forget_all()
            raise BrokenStateError(f"{name}: {error}") from error
        log.info("%s, with peers: %s", name, self.tally.in_words())

    def take_all(self, file: FileIO, size: int) -> Iterator[None]:
        """Load a file whose checksum is right. Raises BrokenStateError if its content is wrong."""
        source = Input(file, size)
        head = source.take(HEADER)
        written_epoch, written = times_of(head)
        self.written = written
        self.moved = written_epoch - self.epoch
        self.passed = max(0, self.minute - self.moved - self.written)
        self.ages_then = ages_by_stamp(self.written)
        self.ages = ages_now(self.ages_then, self.passed)
        seen = 0
        while not source.is_at_end():
            self.take_torrent(source)
            seen += 1
            if seen % PIECE == 0:
                yield
        if number_behind(file, size) != seen:
            raise BrokenStateError("the number of torrents is wrong")

    def take_torrent(self, source: Input, renews: bool = False) -> None:
        """Load the next torrent; if it `renews`, in place of the one that is there."""
        info_hash = source.take(20)
        length = source.number()
        if length >= LARGE:
            contents = self.read_swarm(source, length - LARGE)
        else:
            contents = self.read_record(source.take(length))
        if renews:
            self.tracker.remove(info_hash)
        too_old = contents.size() == 0 and is_over(contents.downloaded, contents.left_at, self.minute)
        take(self.tracker, info_hash, contents, too_old, self.tally)

    def without_unlisted(self, addresses: bytes, ages: bytes, stride: i64) -> bytes:
        """The ages of peers, with 255 for peers that must not be listed too."""
        if not WANT_BOGON_FILTER:
            return ages
        visibility = self.tracker.visibility
        listed = bytearray(ages)
        for index in range(len(ages)):
            if ages[index] != 255 and not visibility.lists(addresses[index * stride : (index + 1) * stride]):
                listed[index] = 255
        return bytes(listed)

    def bounded(self, left: i64) -> i64:
        """The minute in which a last peer left, not in the future and not older than a torrent's timeout.

        A clock that was wrong, then or now, may give any minute, and a record has room for 16 years of minutes.
        """
        return max(self.minute - OLDEST_TORRENT - 1, min(self.minute, left))

    def read_record(self, record: bytes) -> Contents:
        """A small torrent with its current ages, without expired peers. Raises BrokenStateError."""
        if len(record) < HEADER_SIZE:
            raise BrokenStateError("a torrent is too short")
        if downloaded(record) < 0:
            raise BrokenStateError("a torrent has a wrong count")
        if len(record) == HEADER_SIZE:
            return Contents(downloaded(record), self.bounded(left_at(record) + self.moved))
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
        left = self.bounded(self.minute - self.passed - least_age(stamps4 + stamps6, self.ages_then))
        contents = Contents(downloaded(record), left)
        middle = HEADER_SIZE + PEER4 * n4
        contents.planes4, contents.leechers4 = self.read_planes(
            record[HEADER_SIZE:middle], leechers4, STRIDE4
        )
        contents.planes6, contents.leechers6 = self.read_planes(record[middle:], leechers6, STRIDE6)
        return contents

    def read_planes(self, planes: bytes, leechers: i64, stride: i64) -> tuple[bytes, i64]:
        """The planes of some peers with current stamps, without expired ones, and the number of leechers among them.

        Peers of a family that is not in this build are left out.
        """
        n: i64 = len(planes) // (stride + 2)
        if n == 0 or (WANT_V6 and stride == STRIDE4) or (WANT_V4_ONLY and stride == STRIDE6):
            return b"", 0
        start = n * (stride + 1)
        ages = self.without_unlisted(planes, planes[start:].translate(self.ages), stride)
        planes = planes[:start] + bytes([(self.minute - age) & 255 for age in ages])
        index: i64 = ages.rfind(255)
        while index >= 0:
            planes = remove(b"", planes, 0, n, stride, index)
            n -= 1
            if index < leechers:
                leechers -= 1
            index = ages.rfind(255, 0, index)
        return planes, leechers

    def read_swarm(self, source: Input, completed: i64) -> Contents:
        """A large swarm with its current ages, without expired peers. Raises BrokenStateError."""
        contents = Contents(completed, self.bounded(self.minute - max(self.passed, OT_PEER_TIMEOUT + 1)))
        contents.planes4, contents.leechers4 = self.read_family(source, STRIDE4)
        contents.planes6, contents.leechers6 = self.read_family(source, STRIDE6)
        return contents

    def read_family(self, source: Input, stride: i64) -> tuple[bytes, i64]:
        """The planes of a large swarm's peers of one family, and the number of leechers among them."""
        parts: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])
        leechers: i64 = 0
        for seeding in (False, True):
            for _ in range(source.number()):
                block = source.take(source.number())
                n: i64 = len(block) // (stride + 2)
                if len(block) != n * (stride + 2):
                    raise BrokenStateError("a block has a wrong length")
                planes, _ = self.read_planes(block, 0, stride)
                n = len(planes) // (stride + 2)
                leechers += 0 if seeding else n
                parts[0].append(planes[: n * stride])
                parts[1].append(planes[n * stride : n * (stride + 1)])
                parts[2].append(planes[n * (stride + 1) :])
        return b"".join([part for plane in parts for part in plane]), leechers

    def forget_all(self) -> None:
        """Empty the tracker again."""
        store = self.tracker.store
        for shard in range(store.shards):
            for info_hash in store.info_hashes(shard):
                self.tracker.remove(info_hash)
        self.tally = Tally()


def ages_now(ages: bytes, passed: i64) -> bytes:
    """A table from stamp to a peer's current age in minutes; 255 for an expired peer.

    `ages` is the same table for the minute when the writer began, `passed` the number of minutes since.
    """
    return bytes([age + passed if age + passed <= OT_PEER_TIMEOUT else 255 for age in ages])
