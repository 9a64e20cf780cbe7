"""Rows: the torrents of a segment of the info_hashes with their counts, in buckets, for full scrapes.

====== =====================================================================
offset field of a row
====== =====================================================================
0      info_hash
20     u8 complete (below 128) · u8 incomplete · u8 downloaded; or, with the highest bit set,
       u23 index of the counts in `Rows.large`
====== =====================================================================
"""

from typing import Final

from mypy_extensions import i64

KEY: Final = 20
ROW: Final = 23
BUCKET_BITS: Final = 12
BUCKETS: Final = 1 << BUCKET_BITS
LARGE: Final = 1 << 23  # the bit of a row's counts that marks an index into `large`

Counts = tuple[i64, i64, i64]  # complete, downloaded, incomplete


class Rows:
    """The rows of the torrents whose info_hashes begin with the same few bits, which are `number`."""

    def __init__(self, bits: i64, number: i64) -> None:
        self.width: i64 = 1 << (16 - bits)  # of the values of the first two bytes
        self.first = number * self.width
        self.shift = 16 - bits - BUCKET_BITS
        self.buckets = [bytearray() for _ in range(BUCKETS)]
        self.large: list[Counts] = []
        self.rows: i64 = 0
        self.remembered: dict[bytes, bytes] = {}  # heads of records and their codes

    def code(self, complete: i64, completed: i64, incomplete: i64) -> bytes:
        """Encode counts for a row."""
        packed: int
        if complete < 128 and incomplete < 256 and completed < 256:
            packed = complete << 16 | incomplete << 8 | completed
        else:
            packed = LARGE + len(self.large)
            self.large.append((complete, completed, incomplete))
        return packed.to_bytes(3, "big")

    def counts(self, code: bytes) -> Counts:
        """Decode the counts in the last three bytes of a row."""
        packed = int.from_bytes(code, "big")
        if packed >= LARGE:
            return self.large[packed - LARGE]
        return packed >> 16, packed & 255, packed >> 8 & 255
