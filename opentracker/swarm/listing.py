"""All torrents with their counts, in the order of their info_hashes, for full scrapes.

A store's shards are in no order, and looking up every torrent in order would miss the CPU's caches four times for each.
So the shards are read one after the other, and each torrent becomes a row in one of 4096 buckets (see `rows`); a bucket
is sorted when it is read. The rows of a million torrents would be 23 MB, so the range of info_hashes is divided into
segments, a power of two of them, with half a million rows each at most. Full scrapes share the rows of their segment.

A stranger can overfill a bucket with info_hashes that begin alike. Such a bucket is divided by the next byte of the
info_hashes, and its parts again if necessary. This is done once and shared too: a full scrape itself keeps nothing but
its position.
"""

from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.swarm.store.rows import BUCKETS, KEY, ROW, Counts, Rows
from opentracker.swarm.tracker import Tracker

MOST_ROWS: Final = 1 << 19  # of a segment, while info_hashes are spread evenly
MOST_BITS: Final = 4  # 16 segments: with more, skipping the torrents of other segments would take longer
ROW_WEIGHT: Final = 27  # bytes of memory, with the spare capacity of a bytearray
SEGMENT_WEIGHT: Final = 1 << 19  # bytes: empty buckets, and the picture of a shard
SLICE: Final = 256  # torrents read in one go: about a tenth of a millisecond
MOST_SORTED: Final = 512  # rows sorted in one go
ENOUGH: Final = 128  # rows given in one go, from as many buckets as it takes
BYTES: Final = 256  # values of a byte
STALE: Final = 1  # minutes after which a new reader has a segment read again
END: Final = b""  # the start of rows that do not exist


class Segment(Rows):
    """The rows of the torrents whose info_hashes begin with the same few bits."""

    def __init__(self, tracker: Tracker, bits: i64, number: i64, minute: i64) -> None:
        super().__init__(bits, number)
        self.store = tracker.store
        self.minute = minute
        self.crowds: dict[int, OverflowBucket] = {}  # by bucket; the rows of such a bucket are here alone
        self.shard: i64 = 0
        self.at: i64 = 0
        self.picture = self.store.picture(0)

    def read_some(self) -> bool:
        """Read a few more torrents; False if all have been read."""
        shards = self.store.shards
        if self.shard == shards:
            return False
        left: i64 = SLICE
        while left > 0 and self.shard < shards:
            size = self.picture.size()
            end = min(self.at + left, size)
            self.picture.note(self.at, end, self)
            left -= end - self.at
            self.at = end
            if end == size:
                self.shard += 1
                self.at = 0
                if self.shard < shards:
                    self.picture = self.store.picture(self.shard)
        return True

    def start_of(self, bucket: i64) -> bytes:
        """The first two bytes of the lowest info_hash of a bucket; END for the index behind the last bucket."""
        if bucket == BUCKETS:
            return END
        start: int = self.first + (bucket << self.shift)
        return start.to_bytes(2, "big")

    def rows_from(self, start: bytes) -> tuple[list[bytes], bytes]:
        """The next few rows in order, with info_hashes not below `start`, and the start of the rows after them."""
        first: i64 = start[0]
        bucket = ((first << 8 | start[1]) - self.first) >> self.shift
        while bucket < BUCKETS and not self.buckets[bucket] and bucket not in self.crowds:
            bucket += 1
        if bucket < BUCKETS and self.is_crowd(bucket):
            return self.crowd(bucket).rows_from(start, self.start_of(bucket + 1))
        rows: list[bytes] = []
        # Some buckets together, since the calls for each would cost as much as a dozen rows.
        while bucket < BUCKETS and not self.is_crowd(bucket):
            found = self.buckets[bucket]
            if len(rows) > 0 and len(rows) * ROW + len(found) > ENOUGH * ROW:
                break
            rows += sorted_rows(bytes(found))
            bucket += 1
        return not_below(start, rows), self.start_of(bucket)

    def is_crowd(self, bucket: i64) -> bool:
        """Whether a bucket has too many rows to be sorted in one go."""
        return len(self.buckets[bucket]) > MOST_SORTED * ROW or (
            len(self.crowds) > 0 and bucket in self.crowds
        )

    def crowd(self, bucket: i64) -> "OverflowBucket":
        """The rows of an overfull bucket, divided further."""
        found = self.crowds.get(bucket)
        if found is None:
            rows = self.buckets[bucket]
            found = self.crowds[bucket] = OverflowBucket(rows, bytes(rows[:1]))
            self.buckets[bucket] = bytearray()
        return found


class OverflowBucket:
    """Rows that all begin with `prefix`, divided by the byte behind it, once for all readers."""

    def __init__(self, rows: bytearray, prefix: bytes) -> None:
        self.rows = rows  # not divided yet
        self.prefix = prefix
        # A dict, not 256 parts: 513 rows with a long common beginning are nested in up to 18 objects of this class.
        self.parts: dict[int, bytearray] = {}
        # Parts that have too many rows themselves; they are empty in `parts`.
        self.crowds: dict[int, OverflowBucket] = {}

    def spread_some(self) -> bool:
        """Divide some more rows, the last ones first; False if no row was left."""
        if not self.rows:
            return False
        parts, place = self.parts, len(self.prefix)
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

    def rows_from(self, start: bytes, behind: bytes) -> tuple[list[bytes], bytes]:
        """See Segment.rows_from; rows after those of this bucket start at `behind`."""
        if self.spread_some():
            return [], start
        place = len(self.prefix)
        byte = self.next_part(start[place] if len(start) > place and start.startswith(self.prefix) else 0)
        if byte < BYTES and self.is_crowd(byte):
            return self.crowd(byte).rows_from(start, self.start_of(byte + 1, behind))
        rows: list[bytes] = []
        while byte < BYTES and not self.is_crowd(byte):
            part = self.parts[byte]
            if len(rows) + len(part) // ROW > MOST_SORTED:
                break
            rows += sorted_rows(bytes(part))
            byte = self.next_part(byte + 1)
        return not_below(start, rows), self.start_of(byte, behind)

    def start_of(self, byte: i64, behind: bytes) -> bytes:
        """The start of the rows of a part."""
        return behind if byte == BYTES else self.prefix + bytes([int(byte)])

    def next_part(self, byte: i64) -> i64:
        """The first existing part from `byte` on; BYTES if there is none."""
        while byte < BYTES and byte not in self.parts:
            byte += 1
        return byte

    def is_crowd(self, byte: i64) -> bool:
        """Whether a part has too many rows to be sorted in one go."""
        return byte in self.crowds or len(self.parts[byte]) > MOST_SORTED * ROW

    def crowd(self, byte: i64) -> "OverflowBucket":
        """The rows of an overfull part, divided further."""
        found = self.crowds.get(byte)
        if found is None:
            found = self.crowds[byte] = OverflowBucket(self.parts[byte], self.prefix + bytes([int(byte)]))
            self.parts[byte] = bytearray()
        return found


class SortedTorrents:
    """The segments that full scrapes are reading; they share a segment, and the last one to leave frees it."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.segments: dict[tuple[i64, i64], Segment] = {}
        self.readers: dict[tuple[i64, i64], int] = {}

    def bits(self) -> i64:
        """The number of segments for the torrents that there are, as a power of two."""
        bits: i64 = 0
        while bits < MOST_BITS and self.tracker.store.totals.torrents >> bits > MOST_ROWS:
            bits += 1
        return bits

    def enter(self, bits: i64, number: i64, minute: i64) -> None:
        """Begin to read a segment, in `minute`; it is shared with other readers, and made anew for all if stale."""
        key = (bits, number)
        segment = self.segments.get(key)
        if segment is None or minute - segment.minute > STALE:
            self.segments[key] = Segment(self.tracker, bits, number, minute)
        self.readers[key] = self.readers.get(key, 0) + 1

    def segment(self, bits: i64, number: i64) -> Segment:
        """The current rows of a segment that was entered."""
        return self.segments[bits, number]

    def weight(self) -> i64:
        """Approximate memory of the segments, in bytes."""
        rows: i64 = 0
        for segment in self.segments.values():
            rows += segment.rows
        return rows * ROW_WEIGHT + len(self.segments) * SEGMENT_WEIGHT

    def leave(self, bits: i64, number: i64) -> None:
        """Stop reading a segment."""
        key = (bits, number)
        self.readers[key] -= 1
        if self.readers[key] == 0:
            del self.readers[key], self.segments[key]

    def served(self, rows: list[bytes]) -> list[bytes]:
        """The rows whose torrents the access list does not refuse."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if self.tracker.has_doubtful:
                return [row for row in rows if self.tracker.serves(row[:KEY])]
        return rows


class Reader:
    """One full scrape's way through all torrents, in the order of their info_hashes."""

    def __init__(self, listing: SortedTorrents, minute: i64) -> None:
        self.listing = listing
        self.minute = minute
        self.bits = listing.bits()
        self.number: i64 = -1  # of the segment that is being read
        # All rows below this info_hash have been read, and none from it on, also if the segment is made anew.
        self.start = END
        self.is_open = False

    def next_rows(self) -> list[bytes] | None:
        """The next few rows in order; an empty list while rows are still being prepared, None at the end."""
        if self.start == END:
            self.close()
            if self.number + 1 == 1 << self.bits:
                return None
            self.number += 1
            self.listing.enter(self.bits, self.number, self.minute)
            self.is_open = True
            self.start = self.listing.segment(self.bits, self.number).start_of(0)
        segment = self.listing.segment(self.bits, self.number)
        if segment.read_some():
            return []
        rows, self.start = segment.rows_from(self.start)
        return self.listing.served(rows)

    def counts(self, code: bytes) -> Counts:
        """The counts behind the last three bytes of one of the latest rows; valid until any reader reads on."""
        return self.listing.segment(self.bits, self.number).counts(code)

    def close(self) -> None:
        """Leave the current segment."""
        if self.is_open:
            self.listing.leave(self.bits, self.number)
            self.is_open = False


def sorted_rows(rows: bytes) -> list[bytes]:
    """Split joined rows, and sort them."""
    apart = [rows[at : at + ROW] for at in range(0, len(rows), ROW)]
    apart.sort()
    return apart


def not_below(start: bytes, rows: list[bytes]) -> list[bytes]:
    """The sorted rows from `start` on."""
    return rows if not rows or rows[0] >= start else [row for row in rows if row >= start]
