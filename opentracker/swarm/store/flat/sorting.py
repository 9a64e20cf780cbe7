"""Sorting rows of three words in place, in small steps, by the info_hashes in them.

A range of rows is divided into buckets by the next bits of its info_hashes, each row moving straight into its bucket
(American flag sort). Small buckets are sorted by insertion, larger ones divided again. A stranger can overfill a bucket
with info_hashes that begin alike; it is divided at most once for each of their bytes.
"""

from collections.abc import Iterator
from typing import Final

from librt.vecs import vec
from mypy_extensions import i32, i64

WORDS: Final = 3  # of a row
WORD_BITS: Final = 64
KEY_BITS: Final = 160
FEW: Final = 24  # rows of a bucket that is sorted by insertion
AIM_BITS: Final = 3  # rows of a bucket, on average: 8
MOST_BITS: Final = 8  # of a digit: the places of more buckets would not fit into the CPU's caches
BYTE: Final = 8
SLICE: Final = 1024  # rows counted, moved or sorted in one go


class Division:
    """The rows from `first` up to `end`, whose first `bit` bits are the same, on their way into buckets.

    A bucket is known by the next bits of its rows, a digit of one word.
    """

    def __init__(self, words: vec[i64], first: i64, end: i64, bit: i64) -> None:
        self.words = words
        self.end = end
        width: i64 = 1
        while width < MOST_BITS and (end - first) >> (width + AIM_BITS) > 0:
            width += 1
        self.word = bit // WORD_BITS  # of a row
        self.shift: i64 = max(WORD_BITS - bit % WORD_BITS - width, 0)
        self.mask: i64 = (1 << width) - 1
        self.starts = vec[i32]([0] * ((1 << width) + 1))  # of the buckets, and the end of the last one
        self.heads = vec[i32]()  # of the buckets, behind the rows that have come
        self.first = first
        self.at = first
        self.bucket: i64 = 0

    def next_bit(self) -> i64:
        """The number of first bits that are the same in the rows of a bucket."""
        return (self.word + 1) * WORD_BITS - self.shift

    def count_some(self) -> bool:
        """Count the rows of buckets; False once all have been counted."""
        if self.at == self.end:
            return False
        words, starts, word, shift, mask = self.words, self.starts, self.word, self.shift, self.mask
        end = min(self.at + SLICE, self.end)
        i = self.at * WORDS + word
        while i < end * WORDS:
            starts[(words[i] >> shift & mask) + 1] += 1
            i += WORDS
        self.at = end
        if end == self.end:
            self.add_up()
        return True

    def add_up(self) -> None:
        """Turn the sizes of buckets into their starts."""
        starts = self.starts
        starts[0] = i32(self.first)
        bucket: i64 = 1
        while bucket < len(starts):
            starts[bucket] += starts[bucket - 1]
            bucket += 1
        self.heads = starts[: len(starts)]

    def move_some(self) -> bool:
        """Move rows into their buckets; False once all are there."""
        words, starts, heads = self.words, self.starts, self.heads
        word, shift, mask = self.word, self.shift, self.mask
        bucket = self.bucket
        left: i64 = SLICE
        while bucket <= mask and left > 0:
            at = i64(heads[bucket])
            if at == i64(starts[bucket + 1]):
                bucket += 1
                continue
            left -= 1
            target = words[at * WORDS + word] >> shift & mask
            place = i64(heads[target])
            if target != bucket:
                exchange(words, at * WORDS, place * WORDS)
            heads[target] = i32(place + 1)
        self.bucket = bucket
        return bucket <= mask


def sort_rows(words: vec[i64], first: i64, end: i64, bit: i64) -> Iterator[None]:
    """Sort the rows from `first` up to `end`, whose first `bit` bits are the same; yields every few dozen µs."""
    if end - first <= SLICE or bit >= KEY_BITS:
        sort_few(words, first, end, bit)
        return
    division = Division(words, first, end, bit)
    while division.count_some():
        yield
    while division.move_some():
        yield
    starts = division.starts
    done = first
    for bucket in range(division.mask + 1):
        low, high = i64(starts[bucket]), i64(starts[bucket + 1])
        if high - low <= SLICE:
            sort_few(words, low, high, division.next_bit())
        else:
            yield from sort_rows(words, low, high, division.next_bit())
        if high - done >= SLICE:
            done = high
            yield


def sort_few(words: vec[i64], first: i64, end: i64, bit: i64) -> None:
    """Sort rows as `sort_rows` does, in one go."""
    if end - first <= FEW or bit >= KEY_BITS:
        if end - first > 1:
            insert_rows(words, first, end)
        return
    division = Division(words, first, end, bit)
    while division.count_some() or division.move_some():
        pass
    starts = division.starts
    bucket: i64 = 0
    while bucket <= division.mask:
        sort_few(words, i64(starts[bucket]), i64(starts[bucket + 1]), division.next_bit())
        bucket += 1


def insert_rows(words: vec[i64], first: i64, end: i64) -> None:
    """Sort a few rows: each moves down to its place among those before it."""
    lowest = first * WORDS
    at = lowest + WORDS
    while at < end * WORDS:
        r0, r1, r2 = words[at], words[at + 1], words[at + 2]
        hole = at
        while hole > lowest and is_before(r0, r1, r2, words[hole - 3], words[hole - 2], words[hole - 1]):
            words[hole] = words[hole - 3]
            words[hole + 1] = words[hole - 2]
            words[hole + 2] = words[hole - 1]
            hole -= WORDS
        if hole != at:
            words[hole] = r0
            words[hole + 1] = r1
            words[hole + 2] = r2
        at += WORDS


def is_before(a0: i64, a1: i64, a2: i64, b0: i64, b1: i64, b2: i64) -> bool:
    """Whether a row's info_hash is below another's. Words are signed, so different signs turn the result round."""
    if a0 != b0:
        return (a0 < b0) != ((a0 ^ b0) < 0)
    if a1 != b1:
        return (a1 < b1) != ((a1 ^ b1) < 0)
    return (a2 < b2) != ((a2 ^ b2) < 0)


def exchange(words: vec[i64], one: i64, other: i64) -> None:
    """Exchange two rows, given by their first words."""
    i: i64 = 0
    while i < WORDS:
        word = words[one + i]
        words[one + i] = words[other + i]
        words[other + i] = word
        i += 1
