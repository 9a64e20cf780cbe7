"""All torrents with their counts, in the order of their info_hashes, for full scrapes.

A tracker's shards are in no order, and to look every torrent up in order would miss every cache four times. So the
shards are read one after the other, and each torrent is noted as a row in one of 4096 buckets; a bucket is sorted when
it is read. The rows of a million torrents would be 23 MB, so they are made stretch by stretch of the info_hashes, a
power of two of them, each with half a million rows at most. All full scrapes share the rows of the stretch they are in.

====== =====================================================================
offset field of a row
====== =====================================================================
0      info_hash
20     u8 complete (below 128) · u8 incomplete · u8 downloaded; or, with the highest bit set,
       u23 which of `Stretch.large` holds the counts
====== =====================================================================
"""

from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.swarm.large import Swarm
from opentracker.swarm.records import HEAD, PEER4, counts, downloaded
from opentracker.swarm.tracker import SHARDS, Tracker

KEY: Final = 20
ROW: Final = 23
MOST_ROWS: Final = 1 << 19  # of a stretch, while info_hashes are spread evenly
MOST_BITS: Final = 4  # 16 stretches: more would mean more time in passing over torrents of the others
BUCKET_BITS: Final = 12
BUCKETS: Final = 1 << BUCKET_BITS
LARGE: Final = 1 << 23  # a row's counts from here on: a number in `large`
SLICE: Final = 256  # torrents read in one go: about a tenth of a millisecond
MOST_SORTED: Final = 512  # rows sorted in one go
MOST_REMEMBERED: Final = 4096  # heads of records whose counts are at hand
STALE: Final = 1  # minutes after which a newcomer has a stretch read again

Counts = tuple[i64, i64, i64]  # complete, downloaded, incomplete


class Stretch:
    """The rows of the torrents whose info_hashes begin with the same few bits."""

    def __init__(self, tracker: Tracker, bits: i64, number: i64, minute: i64) -> None:
        self.tracker = tracker
        self.minute = minute
        self.width: i64 = 1 << (16 - bits)  # of the values of the first two bytes
        self.first = number * self.width
        self.shift = 16 - bits - BUCKET_BITS
        self.buckets = [bytearray() for _ in range(BUCKETS)]
        self.large: list[Counts] = []
        self.remembered: dict[bytes, bytes] = {}
        self.shard: i64 = 0
        self.at: i64 = 0
        self.take_shard()

    def read_some(self) -> bool:
        """Read a few torrents more; False if all have been read."""
        if self.shard == SHARDS:
            return False
        left: i64 = SLICE
        while left > 0 and self.shard < SHARDS:
            end = min(self.at + left, len(self.keys))
            self.note(self.at, end)
            left -= end - self.at
            self.at = end
            if end == len(self.keys):
                self.shard += 1
                self.at = 0
                self.take_shard()
        return True

    def take_shard(self) -> None:
        """Take the picture of the next shard, all of it at this moment.

        To take hold of so many objects one after the other is what a processor can do while it waits for memory; that
        they are near afterwards is two thirds of what looking each of them up would cost.
        """
        self.keys: list[bytes] = []
        self.entries: list[bytes | Swarm] = []
        if self.shard < SHARDS:
            self.keys = list(self.tracker.shards[self.shard])
            self.entries = list(self.tracker.shards[self.shard].values())

    def note(self, start: i64, end: i64) -> None:
        """Note some of the torrents of the shard that is being read."""
        buckets = self.buckets
        remembered = self.remembered
        first, width, shift = self.first, self.width, self.shift
        keys, entries = self.keys, self.entries
        for index in range(start, end):
            info_hash = keys[index]
            place: i64 = info_hash[0]
            place = (place << 8 | info_hash[1]) - first
            if place < 0 or place >= width:
                continue
            entry = entries[index]
            if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
                if self.tracker.has_doubtful and not self.tracker.admission.allows(info_hash):
                    continue
            if isinstance(entry, Swarm):
                code = self.code(entry.complete(), entry.downloaded, entry.incomplete())
            elif (
                len(entry) > HEAD and len(entry) == HEAD + PEER4 * entry[4]
            ):  # no IPv6 peers: the head has it all
                head = entry[:HEAD]
                known = remembered.get(head)
                code = self.code_of_head(entry, head) if known is None else known
            else:
                code = self.code_of(entry)
            buckets[place >> shift] += info_hash + code

    def code_of(self, record: bytes) -> bytes:
        """The counts of a small torrent, as they stand in a row."""
        n4, leechers4, n6, leechers6 = counts(record)
        incomplete = leechers4 + leechers6
        return self.code(n4 + n6 - incomplete, downloaded(record), incomplete)

    def code_of_head(self, record: bytes, head: bytes) -> bytes:
        """The same, to be remembered."""
        if len(self.remembered) >= MOST_REMEMBERED:
            self.remembered.clear()
        code = self.remembered[head] = self.code_of(record)
        return code

    def code(self, complete: i64, completed: i64, incomplete: i64) -> bytes:
        """Counts as they stand in a row."""
        packed: int
        if complete < 128 and incomplete < 256 and completed < 256:
            packed = complete << 16 | incomplete << 8 | completed
        else:
            packed = LARGE + len(self.large)
            self.large.append((complete, completed, incomplete))
        return packed.to_bytes(3, "big")


class Listing:
    """The stretches that full scrapes are reading; each is there once, and goes when nobody reads it any more."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.stretches: dict[tuple[i64, i64], Stretch] = {}
        self.readers: dict[tuple[i64, i64], int] = {}

    def bits(self) -> i64:
        """Into how many stretches, as a power of two, the torrents are to be divided."""
        torrents: i64 = 0
        for shard in self.tracker.shards:
            torrents += len(shard)
        bits: i64 = 0
        while bits < MOST_BITS and torrents >> bits > MOST_ROWS:
            bits += 1
        return bits

    def enter(self, bits: i64, number: i64, minute: i64) -> None:
        """Begin to read a stretch, in `minute`; one that others read is shared, or made anew for all if it is stale."""
        key = (bits, number)
        stretch = self.stretches.get(key)
        if stretch is None or minute - stretch.minute > STALE:
            self.stretches[key] = Stretch(self.tracker, bits, number, minute)
        self.readers[key] = self.readers.get(key, 0) + 1

    def stretch(self, bits: i64, number: i64) -> Stretch:
        """The stretch that was entered, as it is now."""
        return self.stretches[bits, number]

    def leave(self, bits: i64, number: i64) -> None:
        """Stop reading a stretch."""
        key = (bits, number)
        self.readers[key] -= 1
        if self.readers[key] == 0:
            del self.readers[key], self.stretches[key]


class Reader:
    """One full scrape's way through all torrents, in the order of their info_hashes."""

    def __init__(self, listing: Listing, minute: i64) -> None:
        self.listing = listing
        self.minute = minute
        self.bits = listing.bits()
        self.number: i64 = -1  # of the stretch that is being read
        self.bucket: i64 = BUCKETS
        self.crowds: list[Crowd] = []  # too many to be sorted in one go, the next one last
        self.large: list[Counts] = []

    def next_rows(self) -> list[bytes] | None:
        """The next few rows in order; an empty list where there is more to be done first, None at the end."""
        if self.crowds:
            return self.next_of_crowd()
        if self.bucket == BUCKETS:
            self.close()
            if self.number + 1 == 1 << self.bits:
                return None
            self.number += 1
            self.bucket = 0
            self.listing.enter(self.bits, self.number, self.minute)
        stretch = self.listing.stretch(self.bits, self.number)
        if stretch.read_some():
            return []
        buckets = stretch.buckets
        while self.bucket < BUCKETS - 1 and not buckets[self.bucket]:
            self.bucket += 1
        rows = bytes(buckets[self.bucket])
        self.bucket += 1
        self.large = stretch.large
        if len(rows) > MOST_SORTED * ROW:
            self.crowds.append(Crowd(rows, 1))
            return []
        return sorted_rows(rows)

    def next_of_crowd(self) -> list[bytes]:
        """The same where a stranger has sent thousands of info_hashes that begin alike."""
        crowd = self.crowds[-1]
        if crowd.spread_some():
            return []
        self.crowds.pop()
        if len(crowd.rows) <= MOST_SORTED * ROW:
            return sorted_rows(crowd.rows)
        for part in reversed(crowd.parts):
            if part:
                self.crowds.append(Crowd(bytes(part), crowd.place + 1))
        return []

    def counts(self, code: bytes) -> Counts:
        """What the last three bytes of one of the latest rows stand for."""
        packed = int.from_bytes(code, "big")
        if packed >= LARGE:
            return self.large[packed - LARGE]
        return packed >> 16, packed & 255, packed >> 8 & 255

    def close(self) -> None:
        """Leave what is being read."""
        if self.number >= 0 and self.bucket >= 0:
            self.listing.leave(self.bits, self.number)
        self.bucket = -1


class Crowd:
    """Rows that are the same before `place`; spread by the byte there until they are few enough to be sorted."""

    def __init__(self, rows: bytes, place: i64) -> None:
        self.rows = rows
        self.place = place
        self.at: i64 = 0
        self.parts: list[bytearray] = []

    def spread_some(self) -> bool:
        """Spread some rows more; False if nothing was left to be done."""
        if self.at == len(self.rows) or len(self.rows) <= MOST_SORTED * ROW:
            return False
        if not self.parts:
            self.parts = [bytearray() for _ in range(256)]
        end: i64 = min(self.at + MOST_SORTED * ROW, len(self.rows))
        for at in range(self.at, end, ROW):
            self.parts[self.rows[at + self.place]] += self.rows[at : at + ROW]
        self.at = end
        return True


def sorted_rows(rows: bytes) -> list[bytes]:
    """Rows apart, in order."""
    apart = [rows[at : at + ROW] for at in range(0, len(rows), ROW)]
    apart.sort()
    return apart
