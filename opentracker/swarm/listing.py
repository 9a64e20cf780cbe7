"""All torrents with their counts, in the order of their info_hashes, for full scrapes.

A tracker's shards are in no order, and to look every torrent up in order would miss every cache four times. So the
shards are read one after the other, and each torrent is noted as a row in one of 4096 buckets; a bucket is sorted when
it is read. The rows of a million torrents would be 23 MB, so they are made stretch by stretch of the info_hashes, a
power of two of them, each with half a million rows at most. All full scrapes share the rows of the stretch they are in.

A bucket of too many rows, which a stranger fills who sends info_hashes that begin alike, is spread by the next byte of
the info_hashes, and so on. That too is done once and shared: a full scrape has nothing of its own but its place.

====== =====================================================================
offset field of a row
====== =====================================================================
0      info_hash
20     u8 complete (below 128) · u8 incomplete · u8 downloaded; or, with the highest bit set,
       u23 which of `Segment.large` holds the counts
====== =====================================================================
"""

from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, counts, downloaded
from opentracker.swarm.tracker import SHARDS, Tracker

KEY: Final = 20
ROW: Final = 23
MOST_ROWS: Final = 1 << 19  # of a stretch, while info_hashes are spread evenly
MOST_BITS: Final = 4  # 16 stretches: more would mean more time in passing over torrents of the others
BUCKET_BITS: Final = 12
BUCKETS: Final = 1 << BUCKET_BITS
LARGE: Final = 1 << 23  # a row's counts from here on: a number in `large`
ROW_WEIGHT: Final = 27  # bytes of memory, with what a bytearray has to spare
STRETCH_WEIGHT: Final = 1 << 19  # bytes: empty buckets, and the picture of a shard
SLICE: Final = 256  # torrents read in one go: about a tenth of a millisecond
MOST_SORTED: Final = 512  # rows sorted in one go
BYTES: Final = 256  # values of a byte
MOST_REMEMBERED: Final = 4096  # heads of records whose counts are at hand
STALE: Final = 1  # minutes after which a newcomer has a stretch read again

Counts = tuple[i64, i64, i64]  # complete, downloaded, incomplete


class Segment:
    """The rows of the torrents whose info_hashes begin with the same few bits."""

    def __init__(self, tracker: Tracker, bits: i64, number: i64, minute: i64) -> None:
        self.tracker = tracker
        self.minute = minute
        self.width: i64 = 1 << (16 - bits)  # of the values of the first two bytes
        self.first = number * self.width
        self.shift = 16 - bits - BUCKET_BITS
        self.buckets = [bytearray() for _ in range(BUCKETS)]
        self.crowds: dict[int, OverflowBucket] = {}  # by bucket, which is empty then
        self.large: list[Counts] = []
        self.rows: i64 = 0
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
        noted: i64 = 0
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
                len(entry) > HEADER_SIZE and len(entry) == HEADER_SIZE + PEER4 * entry[4]
            ):  # no IPv6 peers: the head has it all
                head = entry[:HEADER_SIZE]
                known = remembered.get(head)
                code = self.code_of_head(entry, head) if known is None else known
            else:
                code = self.code_of(entry)
            buckets[place >> shift] += info_hash + code
            noted += 1
        self.rows += noted

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

    def crowd(self, bucket: i64) -> "OverflowBucket":
        """The rows of a bucket that has too many, as they are spread."""
        found = self.crowds.get(bucket)
        if found is None:
            found = self.crowds[bucket] = OverflowBucket(self.buckets[bucket], 1)
            self.buckets[bucket] = bytearray()
        return found


class OverflowBucket:
    """Rows that are the same before `place`: spread by the byte there, once for all who read them."""

    def __init__(self, rows: bytearray, place: i64) -> None:
        self.rows = rows  # that are not spread yet
        self.place = place
        self.parts: dict[int, bytearray] = {}  # those that there are: 18 crowds may be around 513 rows
        self.crowds: dict[
            int, OverflowBucket
        ] = {}  # the parts that have too many rows themselves; empty in `parts`

    def spread_some(self) -> bool:
        """Spread some rows more, the last ones first; False if nothing was left to be done."""
        if not self.rows:
            return False
        parts, place = self.parts, self.place
        rows = bytes(self.rows[-MOST_SORTED * ROW :])
        del self.rows[-MOST_SORTED * ROW :]
        for at in range(0, len(rows), ROW):
            row = rows[at : at + ROW]
            part = parts.get(row[place])
            if part is None:
                parts[row[place]] = bytearray(row)
            else:
                part += row
        return True

    def next_part(self, byte: i64) -> i64:
        """The first part from this one on that there is; BYTES if there is none."""
        while byte < BYTES and byte not in self.parts:
            byte += 1
        return byte

    def is_crowd(self, byte: i64) -> bool:
        """Whether a part has too many rows to be sorted in one go."""
        return byte in self.crowds or len(self.parts[byte]) > MOST_SORTED * ROW

    def crowd(self, byte: i64) -> "OverflowBucket":
        """The rows of such a part, as they are spread."""
        found = self.crowds.get(byte)
        if found is None:
            found = self.crowds[byte] = OverflowBucket(self.parts[byte], self.place + 1)
            self.parts[byte] = bytearray()
        return found


class SortedTorrents:
    """The stretches that full scrapes are reading; each is there once, and goes when nobody reads it any more."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.stretches: dict[tuple[i64, i64], Segment] = {}
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
            self.stretches[key] = Segment(self.tracker, bits, number, minute)
        self.readers[key] = self.readers.get(key, 0) + 1

    def stretch(self, bits: i64, number: i64) -> Segment:
        """The stretch that was entered, as it is now."""
        return self.stretches[bits, number]

    def weight(self) -> i64:
        """Bytes of memory that the stretches take, about."""
        rows: i64 = 0
        for stretch in self.stretches.values():
            rows += stretch.rows
        return rows * ROW_WEIGHT + len(self.stretches) * STRETCH_WEIGHT

    def leave(self, bits: i64, number: i64) -> None:
        """Stop reading a stretch."""
        key = (bits, number)
        self.readers[key] -= 1
        if self.readers[key] == 0:
            del self.readers[key], self.stretches[key]


class Reader:
    """One full scrape's way through all torrents, in the order of their info_hashes."""

    def __init__(self, listing: SortedTorrents, minute: i64) -> None:
        self.listing = listing
        self.minute = minute
        self.bits = listing.bits()
        self.number: i64 = -1  # of the stretch that is being read
        self.bucket: i64 = BUCKETS
        # In a crowd, from the second byte of the info_hashes on: all below have been read, whatever is from here on has
        # not. It holds as well where the stretch is read anew meanwhile, with other crowds or none.
        self.place: list[int] = []

    def next_rows(self) -> list[bytes] | None:
        """The next few rows in order; an empty list where there is more to be done first, None at the end."""
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
        buckets, crowds = stretch.buckets, stretch.crowds
        if not self.place:
            while self.bucket < BUCKETS - 1 and not buckets[self.bucket] and self.bucket not in crowds:
                self.bucket += 1
        bucket = buckets[self.bucket]
        if len(bucket) > MOST_SORTED * ROW or (crowds and self.bucket in crowds):
            return self.next_of_crowd(stretch.crowd(self.bucket))
        rows = sorted_rows(bytes(bucket))
        if self.place:
            rows = self.unread(rows)
            self.place.clear()
        self.bucket += 1
        return rows

    def next_of_crowd(self, crowd: OverflowBucket) -> list[bytes]:
        """The same where a stranger has sent thousands of info_hashes that begin alike."""
        depth: i64 = 0
        while not crowd.spread_some():
            byte = crowd.next_part(self.place[depth] if depth < len(self.place) else 0)
            if depth == len(self.place) or byte > self.place[depth]:
                self.go_to(depth, byte)
            if byte == BYTES:
                self.go_on()
                return []
            if not crowd.is_crowd(byte):
                return self.next_of_parts(crowd, depth)
            crowd = crowd.crowd(byte)
            depth += 1
        return []

    def next_of_parts(self, crowd: OverflowBucket, depth: i64) -> list[bytes]:
        """The rows of as many parts as can be had in one go."""
        rows: list[bytes] = []
        byte: i64 = self.place[depth]
        while byte < BYTES and not crowd.is_crowd(byte):
            part = crowd.parts[byte]
            if len(rows) + len(part) // ROW > MOST_SORTED:
                break
            rows += sorted_rows(bytes(part))
            byte = crowd.next_part(byte + 1)
        if depth + 1 < len(self.place):
            rows = self.unread(rows)
        self.go_to(depth, byte)
        self.go_on()
        return rows

    def go_to(self, depth: i64, byte: i64) -> None:
        """Have read what is below a part of a crowd."""
        del self.place[depth:]
        self.place.append(byte)

    def go_on(self) -> None:
        """Have read the crowd, and those around it, whose last part has been read."""
        while self.place and self.place[-1] == BYTES:
            self.place.pop()
            if self.place:
                self.place[-1] += 1
            else:
                self.bucket += 1

    def unread(self, rows: list[bytes]) -> list[bytes]:
        """Those of the rows that have not been read: they were parts of a crowd when the stretch was read before."""
        place = bytes(self.place)
        return [row for row in rows if row[1:] >= place]

    def counts(self, code: bytes) -> Counts:
        """What the last three bytes of one of the latest rows stand for, until anybody reads on."""
        packed = int.from_bytes(code, "big")
        if packed >= LARGE:
            return self.listing.stretch(self.bits, self.number).large[packed - LARGE]
        return packed >> 16, packed & 255, packed >> 8 & 255

    def close(self) -> None:
        """Leave what is being read."""
        if self.number >= 0 and self.bucket >= 0:
            self.listing.leave(self.bits, self.number)
        self.bucket = -1


def sorted_rows(rows: bytes) -> list[bytes]:
    """Rows apart, in order."""
    apart = [rows[at : at + ROW] for at in range(0, len(rows), ROW)]
    apart.sort()
    return apart
