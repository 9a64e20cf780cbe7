"""The rows of a segment of a compiled build: three words each, sorted in place, without an object for each.

====== ===========================================================================
word   bits
====== ===========================================================================
0, 1   the first 16 bytes of the info_hash, the first one highest
2      its last four bytes, the first one highest; 0 to 31: the code of the counts
====== ===========================================================================

Written with the highest byte first, the words are the bytes of a row.
"""

from collections.abc import Iterator
from typing import Final

from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i64_be
from librt.vecs import append, vec
from mypy_extensions import i64

from opentracker.swarm.store.flat.heads import numbers_at
from opentracker.swarm.store.flat.layout import DOWNLOADS, LARGE, M8, M32
from opentracker.swarm.store.flat.shard import PLACE, Shard
from opentracker.swarm.store.flat.sorting import WORDS, is_before, sort_rows
from opentracker.swarm.store.flat.torrents import SHARDS, FlatTorrents
from opentracker.swarm.store.rows import END, KEY, Rows

SLICE: Final = 4096  # slots of indices read in one go, or one whole shard
ENOUGH: Final = 256  # rows given in one go
SPARE: Final = 16  # room beyond the expected rows: a sixteenth of them
LEAST_SPARE: Final = 64  # and these rows more
BYTE: Final = 8  # bits
EVEN_BYTES: Final = 0x00FF00FF00FF00FF
EVEN_PAIRS: Final = 0x0000FFFF0000FFFF
SIGN: Final = 0x80000000


class FlatRows(Rows):
    """See Rows. The rows are in the order of the shards until all of them have been read and sorted."""

    def __init__(self, store: FlatTorrents, bits: i64, number: i64) -> None:
        super().__init__(bits, number)
        self.store = store
        expected = store.totals.torrents >> bits
        self.words = vec[i64](capacity=WORDS * (expected + expected // SPARE + LEAST_SPARE))
        self.shard: i64 = 0
        self.sorting: Iterator[None] | None = None
        self.is_sorted = False
        self.out = BytesWriter()

    def count(self) -> i64:
        """The number of rows."""
        return len(self.words) // WORDS

    def prepare_some(self) -> bool:
        """See Rows."""
        if self.is_sorted:
            return False
        if self.shard < SHARDS:
            left: i64 = SLICE
            while left > 0 and self.shard < SHARDS:
                s = self.store.all[self.shard]
                self.read(s)
                left -= s.mask + 1
                self.shard += 1
            return True
        if self.sorting is None:
            self.sorting = sort_rows(self.words, 0, self.count(), self.bits)
        try:
            next(self.sorting)
        except StopIteration:
            self.is_sorted = True
        return not self.is_sorted

    def read(self, s: Shard) -> None:
        """Add the torrents of a shard that belong here."""
        words, index, rows = s.words, s.index, self.words
        number, shift = self.number, BYTE - self.bits
        slot: i64 = 0
        while slot <= s.mask:
            entry = index[slot]
            slot += 1
            if entry == 0:
                continue
            at = entry & PLACE
            first = words[at]
            if (first & M8) >> shift != number:
                continue
            rows = append(rows, turned(first))
            rows = append(rows, turned(words[at + 1]))
            rows = append(rows, turned(words[at + 2] & M32) | self.code_at(s, at))
        self.words = rows

    def code_at(self, s: Shard, at: i64) -> i64:
        """The code of the counts of the torrent at a place."""
        words = s.words
        if words[at + 3] & LARGE == 0:
            n4, leechers4, n6, leechers6 = numbers_at(words, at)
            incomplete = leechers4 + leechers6
            return self.code(n4 + n6 - incomplete, words[at + 3] & DOWNLOADS, incomplete)
        swarm = self.store.swarm_at(s, at)
        if swarm is None:
            return 0
        return self.code(swarm.complete(), swarm.downloaded, swarm.incomplete())

    def rows_from(self, start: bytes) -> tuple[bytes, bytes]:
        """See Rows."""
        words, out = self.words, self.out
        first = self.place_of(start)
        end = min(first + ENOUGH, self.count())
        out.truncate(0)
        i, last = first * WORDS, end * WORDS
        while i < last:
            write_i64_be(out, words[i])
            i += 1
        rows = out.getvalue()
        if end == self.count():
            return rows, END
        out.truncate(0)
        for word in words[last : last + WORDS]:
            write_i64_be(out, word)
        return rows, out.getvalue()[:KEY]

    def place_of(self, start: bytes) -> i64:
        """The number of rows with info_hashes below `start`; the rows have been sorted."""
        words = self.words
        key = start.ljust(KEY, b"\0")
        k0, k1, k2 = read_i64_be(key, 0), read_i64_be(key, BYTE), i64(read_i32_be(key, KEY - 4)) << 32
        low: i64 = 0
        high = self.count()
        while low < high:
            middle = (low + high) >> 1
            i = middle * WORDS
            if is_before(words[i], words[i + 1], words[i + 2] & ~M32, k0, k1, k2):
                low = middle + 1
            else:
                high = middle
        return low

    def weight(self) -> i64:
        """See Rows."""
        return len(self.words) * BYTE


def turned(word: i64) -> i64:
    """A word with its bytes in the opposite order."""
    pairs = (word & EVEN_BYTES) << 8 | word >> 8 & EVEN_BYTES
    fours = (pairs & EVEN_PAIRS) << 16 | pairs >> 16 & EVEN_PAIRS
    return (
        (fours & M32 ^ SIGN) - SIGN
    ) << 32 | fours >> 32 & M32  # signed before the shift, for interpreted integers
