"""The hash that spreads info_hashes over shards and their indices: keyed, so that a stranger cannot aim.

Compiled builds use SipHash-1-3 under a key derived from Python's secret hash key. Interpreted, an i64 would not wrap
around, so `hash` takes its place.
"""

from librt.strings import read_i32_le, read_i64_le
from mypy_extensions import i64

from opentracker._features import WANT_COMPILED
from opentracker.swarm.store.flat.layout import M32

if WANT_COMPILED:
    from opentracker.swarm.siphash import Spreader


class KeyedHash:
    """A hash of info_hashes, with a key that is fixed for the process."""

    def __init__(self) -> None:
        if WANT_COMPILED:
            self.spreader = Spreader(hash(b"info_hashes, one"), hash(b"info_hashes, two"))

    def of(self, first: i64, second: i64, last: i64) -> i64:
        """The 64-bit hash of an info_hash, given as two words and its last four bytes."""
        if WANT_COMPILED:
            return self.spreader.spread20(first, second, last)
        return hash((first, second, last))


def words_of(data: bytes, at: i64) -> tuple[i64, i64, i64]:
    """The words of an info_hash: 8, 8 and 4 bytes."""
    return read_i64_le(data, at), read_i64_le(data, at + 8), i64(read_i32_le(data, at + 16)) & M32
