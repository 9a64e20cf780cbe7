"""The rows of a segment: the torrents whose info_hashes begin with the same few bits, for full scrapes.

====== =====================================================================================
offset field of a row
====== =====================================================================================
0      info_hash
20     the code of the counts, big-endian: u11 complete (the highest bit clear), u10 completed,
       u10 incomplete in 31 bits; or, with the highest bit of 32 set, an index into `Rows.large`
====== =====================================================================================
"""

from typing import Final

from mypy_extensions import i64

KEY: Final = 20
ROW: Final = 24
LARGE: Final = 0x80000000  # the bit of a code that marks an index into `large`
COMPLETE_AT: Final = 20  # bits of a code
COMPLETED_AT: Final = 10
MOST_COMPLETE: Final = 0x7FF
MOST_OTHERS: Final = 0x3FF
BYTES: Final = 4  # of a code
END: Final = b""  # the start of rows that do not exist

Counts = tuple[i64, i64, i64]  # complete, downloaded, incomplete


class Rows:
    """The rows of the torrents whose info_hashes begin with `bits` bits (4 at most) that are `number`.

    Each store has rows of its own: they are read from its shards, then sorted, both in small steps.
    """

    def __init__(self, bits: i64, number: i64) -> None:
        self.bits = bits
        self.number = number
        self.large: list[Counts] = []

    def start(self) -> bytes:
        """The first two bytes of the lowest info_hash that belongs here."""
        start: int = self.number << (16 - self.bits)
        return start.to_bytes(2, "big")

    def prepare_some(self) -> bool:
        """Read or sort a few more torrents; False once there is nothing left to do."""
        raise NotImplementedError

    def rows_from(self, start: bytes) -> tuple[bytes, bytes]:
        """The next few rows in order, with info_hashes not below `start`, and the start of the rows after them.

        There may be no rows but a start: then some more had to be sorted.
        """
        raise NotImplementedError

    def weight(self) -> i64:
        """Approximate memory, in bytes."""
        raise NotImplementedError

    def code(self, complete: i64, completed: i64, incomplete: i64) -> i64:
        """Encode counts for a row."""
        if complete <= MOST_COMPLETE and completed <= MOST_OTHERS and incomplete <= MOST_OTHERS:
            return complete << COMPLETE_AT | completed << COMPLETED_AT | incomplete
        self.large.append((complete, completed, incomplete))
        return LARGE + len(self.large) - 1

    def counts(self, code: bytes) -> Counts:
        """Decode the counts in the last bytes of a row."""
        packed = int.from_bytes(code, "big")
        if packed >= LARGE:
            return self.large[packed - LARGE]
        return unpacked(packed)


def unpacked(code: i64) -> Counts:
    """Decode a code that is no index."""
    return code >> COMPLETE_AT, code >> COMPLETED_AT & MOST_OTHERS, code & MOST_OTHERS


def rows_apart(rows: bytes) -> list[bytes]:
    """Split joined rows."""
    return [rows[at : at + ROW] for at in range(0, len(rows), ROW)]
