"""The owners of torrents among several workers: each info_hash belongs to one worker.

The owner is the number `fold(info_hash) * workers >> 16`. `fold` is the upper half of the sum of the five 32-bit words
of an info_hash, each multiplied by a secret key, modulo 2**32. All 20 bytes count, so a stranger cannot aim at one
worker. The kernel computes the same for datagrams, see server.workers.steering.
"""

from collections.abc import Sequence
from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

KEY: Final = 20  # bytes of an info_hash
WORDS: Final = 5  # of 32 bits in an info_hash
MASK: Final[i64] = 0xFFFFFFFF


class Ownership:
    """The owners of info_hashes among `workers` workers, and `own`, the number of this one.

    `keys` are WORDS odd random numbers below 2**32, the same for all workers.
    """

    def __init__(self, own: int, workers: int, keys: Sequence[int]) -> None:
        assert len(keys) == WORDS
        self.own: i64 = own
        self.workers: i64 = workers
        self.keys = tuple(keys)
        self.key0: i64 = keys[0]
        self.key1: i64 = keys[1]
        self.key2: i64 = keys[2]
        self.key3: i64 = keys[3]
        self.key4: i64 = keys[4]

    def owner_at(self, data: bytes, at: i64) -> i64:
        """The number of the worker that owns the info_hash at an offset."""
        folded = (i64(read_i32_be(data, at)) * self.key0) & MASK
        folded += (i64(read_i32_be(data, at + 4)) * self.key1) & MASK
        folded += (i64(read_i32_be(data, at + 8)) * self.key2) & MASK
        folded += (i64(read_i32_be(data, at + 12)) * self.key3) & MASK
        folded += (i64(read_i32_be(data, at + 16)) * self.key4) & MASK
        return ((folded & MASK) >> 16) * self.workers >> 16

    def owns(self, info_hash: bytes) -> bool:
        """Whether this worker owns an info_hash."""
        return self.owner_at(info_hash, 0) == self.own

    def owns_all(self, data: bytes, at: i64, many: i64) -> bool:
        """Whether this worker owns all of the `many` info_hashes at an offset."""
        end = at + many * KEY
        while at < end:
            if self.owner_at(data, at) != self.own:
                return False
            at += KEY
        return True
