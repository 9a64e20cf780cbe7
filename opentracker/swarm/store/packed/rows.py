"""The rows of a segment of an interpreted build, in 4096 buckets by their first bytes; a bucket is sorted when read.

A stranger can overfill a bucket with info_hashes that begin alike. Such a bucket is divided by the next byte of the
info_hashes, and its parts again if necessary, see `overflow`. This is done once, for all readers.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.packed.overflow import MOST_SORTED, OverflowBucket, not_below, sorted_rows
from opentracker.swarm.store.packed.pictures import PackedPicture
from opentracker.swarm.store.packed.shards import SHARDS, PackedShards
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, counts, downloaded
from opentracker.swarm.store.rows import BYTES, END, ROW, Rows

BUCKET_BITS: Final = 12
BUCKETS: Final = 1 << BUCKET_BITS
SLICE: Final = 256  # torrents read in one go: about a tenth of a millisecond
ENOUGH: Final = 128  # rows given in one go, from as many buckets as it takes
MOST_REMEMBERED: Final = 4096  # heads of records whose codes are cached
ROW_WEIGHT: Final = 28  # bytes of memory, with the spare capacity of a bytearray
FIXED_WEIGHT: Final = 1 << 19  # bytes: empty buckets, and the picture of a shard


class PackedRows(Rows):
    """See Rows."""

    def __init__(self, store: PackedShards, bits: i64, number: i64) -> None:
        super().__init__(bits, number)
        self.width: i64 = 1 << (16 - bits)  # of the values of the first two bytes
        self.first = number * self.width
        self.shift = 16 - bits - BUCKET_BITS
        self.buckets = [bytearray() for _ in range(BUCKETS)]
        self.crowds: dict[int, OverflowBucket] = {}  # by bucket; the rows of such a bucket are here alone
        self.rows: i64 = 0
        self.remembered: dict[bytes, bytes] = {}  # heads of records and their codes
        self.store = store
        self.shard: i64 = 0
        self.at: i64 = 0
        self.picture = PackedPicture(store.dicts[0])

    def prepare_some(self) -> bool:
        """See Rows."""
        if self.shard == SHARDS:
            return False
        left: i64 = SLICE
        while left > 0 and self.shard < SHARDS:
            size = self.picture.size()
            end = min(self.at + left, size)
            self.note(self.at, end)
            left -= end - self.at
            self.at = end
            if end == size:
                self.shard += 1
                self.at = 0
                if self.shard < SHARDS:
                    self.picture = PackedPicture(self.store.dicts[self.shard])
        return True

    def note(self, start: i64, end: i64) -> None:
        """Put the torrents of the picture from `start` up to `end` into their buckets, if they belong here."""
        buckets, remembered = self.buckets, self.remembered
        first, width, shift = self.first, self.width, self.shift
        keys, entries = self.picture.keys[start:end], self.picture.entries[start:end]
        noted: i64 = 0
        for info_hash, entry in zip(keys, entries, strict=True):
            place: i64 = info_hash[0]
            place = (place << 8 | info_hash[1]) - first
            if place < 0 or place >= width:
                continue
            if isinstance(entry, Swarm):
                code = self.code_of(entry.complete(), entry.downloaded, entry.incomplete())
            elif (size := len(entry)) > HEADER_SIZE and size == HEADER_SIZE + PEER4 * entry[4]:
                head = entry[:HEADER_SIZE]  # without IPv6 peers the head has all counts
                known = remembered.get(head)
                code = self.code_of_head(entry, head) if known is None else known
            else:
                code = self.code_of_record(entry)
            bucket = buckets[place >> shift]
            bucket += info_hash + code
            noted += 1
        self.rows += noted

    def code_of(self, complete: i64, completed: i64, incomplete: i64) -> bytes:
        """The bytes of a code."""
        return int(self.code(complete, completed, incomplete)).to_bytes(BYTES, "big")

    def code_of_record(self, record: bytes) -> bytes:
        """The code of a small torrent's counts."""
        n4, leechers4, n6, leechers6 = counts(record)
        incomplete = leechers4 + leechers6
        return self.code_of(n4 + n6 - incomplete, downloaded(record), incomplete)

    def code_of_head(self, record: bytes, head: bytes) -> bytes:
        """As `code_of_record`, with the result cached by the record's head."""
        if len(self.remembered) >= MOST_REMEMBERED:
            self.remembered.clear()
        code = self.remembered[head] = self.code_of_record(record)
        return code

    def start_of(self, bucket: i64) -> bytes:
        """The first two bytes of the lowest info_hash of a bucket; END for the index behind the last bucket."""
        if bucket == BUCKETS:
            return END
        start: int = self.first + (bucket << self.shift)
        return start.to_bytes(2, "big")

    def rows_from(self, start: bytes) -> tuple[bytes, bytes]:
        """See Rows."""
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

    def crowd(self, bucket: i64) -> OverflowBucket:
        """The rows of an overfull bucket, divided further."""
        found = self.crowds.get(bucket)
        if found is None:
            rows = self.buckets[bucket]
            found = self.crowds[bucket] = OverflowBucket(rows, bytes(rows[:1]))
            self.buckets[bucket] = bytearray()
        return found

    def weight(self) -> i64:
        """See Rows."""
        return self.rows * ROW_WEIGHT + FIXED_WEIGHT
