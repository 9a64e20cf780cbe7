"""A set of millions of records of 20 bytes, packed: about 31 bytes each, while a `frozenset` of `bytes` takes 98.

A record begins with its name: an info_hash is all name, the digest of a key has a date behind it. The records stand
side by side in buckets of eight to sixteen, a `bytes` object each. The bucket is chosen by `hash(name)`, which the
tracker has computed anyway for an info_hash. The hash's key is new in each process, so that strangers who contribute to
a list cannot aim torrents at one bucket.

Measured with a million info_hashes on a shared machine (bench/results): a look-up takes 0.35 to 0.5 µs, most of it
cache misses. An open-addressing `bytearray` at a load of 2/3 took 30 bytes each too; it was a little faster for members
and took twice the time for others, and it cannot be freed in slices. Buckets by the first two bytes took 28 bytes, but
a stranger can aim at one.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

SIZE: Final = 20  # bytes of a record
MOST_IN_A_BUCKET: Final = 16  # on average, with as many records as were expected
# Allocating them takes 5 ms. With over 33 million records, buckets hold more than MOST_IN_A_BUCKET.
MOST_BUCKETS: Final = 1 << 21
SLICE: Final = 2048  # buckets freed between two yields: some tens of microseconds


class PackedSet:
    """A set that grows; `expected`, a guess of its final size, sets the number of buckets.

    The first `name_size` bytes of each record are its name.
    """

    def __init__(self, expected: int, name_size: int = SIZE) -> None:
        number = 1
        while number * MOST_IN_A_BUCKET < expected and number < MOST_BUCKETS:
            number *= 2
        self.buckets = [b""] * number
        self.mask = number - 1
        self.name_size = name_size
        self.size = 0

    def holds(self, name: bytes) -> bool:
        """Whether a record of this name is in the set."""
        return offset_of(self.buckets[hash(name) & self.mask], name) >= 0

    def find(self, name: bytes) -> bytes:
        """The record of this name; empty if there is none."""
        bucket = self.buckets[hash(name) & self.mask]
        at = offset_of(bucket, name)
        return bucket[at : at + SIZE] if at >= 0 else b""

    def add(self, record: bytes) -> None:
        """Add a record, if there is none of its name yet."""
        name = record[: self.name_size]
        at = hash(name) & self.mask
        bucket = self.buckets[at]
        if offset_of(bucket, name) < 0:
            self.buckets[at] = bucket + record
            self.size += 1

    def dissolve(self) -> Iterator[None]:
        """Free the memory in slices, since freeing it all at once would stall the loop; the set is unusable then.

        `size` is about the number of records that are left.
        """
        buckets = self.buckets
        size = self.size
        number = len(buckets)
        self.buckets = [b""]
        self.mask = 0
        while buckets:
            del buckets[-SLICE:]
            self.size = size * len(buckets) // number
            yield


def offset_of(bucket: bytes, name: bytes) -> i64:
    """The offset of the record of this name in a bucket, or -1; a match that spans two neighbours does not count."""
    at: i64 = bucket.find(name)
    while at >= 0 and at % SIZE != 0:
        at = bucket.find(name, at + 1)
    return at
