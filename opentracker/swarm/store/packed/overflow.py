"""A bucket of rows that has too many of them to be sorted in one go, divided by the bytes of its info_hashes."""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.rows import ROW, rows_apart

MOST_SORTED: Final = 512  # rows sorted in one go
BYTES: Final = 256  # values of a byte


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

    def rows_from(self, start: bytes, behind: bytes) -> tuple[bytes, bytes]:
        """See Rows.rows_from; rows after those of this bucket start at `behind`."""
        if self.spread_some():
            return b"", start
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


def sorted_rows(rows: bytes) -> list[bytes]:
    """Split joined rows, and sort them."""
    apart = rows_apart(rows)
    apart.sort()
    return apart


def not_below(start: bytes, rows: list[bytes]) -> bytes:
    """The sorted rows from `start` on, joined."""
    return b"".join(rows if not rows or rows[0] >= start else [row for row in rows if row >= start])
