"""The torrents of all workers in the order of their info_hashes, for full scrapes.

Each worker streams its rows in order, in pieces::

    u16 rows, little-endian · rows as in swarm.store.rows · three u64 for each count that a row has an index of
"""

from bisect import bisect_right
from typing import Final

from opentracker.features.fullscrape.page import FullScrape
from opentracker.protocol.pages import Pieces
from opentracker.server.workers.mesh import RemoteStream
from opentracker.swarm.listing import Reader
from opentracker.swarm.store.rows import KEY, LARGE, ROW, Counts, rows_apart, unpacked

STREAM: Final = b"rows"
ENOUGH: Final = 512  # rows of a piece
MOST: Final = 1024
COUNTS: Final = 24  # bytes of the counts of a torrent
ABOVE: Final = b"\xff" * (ROW - KEY + 1)  # behind a key: above each row with this key


class Rows:
    """Rows in order, whose codes of large counts are indices into `large`."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.large: list[Counts] = []

    def add(self, key: bytes, code: bytes, counts: Counts) -> None:
        """Add a torrent; `code` is that of its counts, if they are small."""
        if code[0] >= 128:
            code = (LARGE + len(self.large)).to_bytes(ROW - KEY, "big")
            self.large.append(counts)
        self.rows.append(key + code)


def pack_rows(rows: Rows) -> bytes:
    """The rows as a piece of a stream."""
    large = b"".join([int(count).to_bytes(8, "little") for counts in rows.large for count in counts])
    return len(rows.rows).to_bytes(2, "little") + b"".join(rows.rows) + large


def unpack_rows(piece: bytes, into: Rows) -> None:
    """Add the rows of a piece."""
    size = int.from_bytes(piece[:2], "little")
    end = 2 + size * ROW
    for at in range(2, end, ROW):
        key, code = piece[at : at + KEY], piece[at + KEY : at + ROW]
        counts: Counts = (0, 0, 0)
        if code[0] >= 128:
            index = end + (int.from_bytes(code, "big") - LARGE) * COUNTS
            first, second, third = [
                int.from_bytes(piece[index + place : index + place + 8], "little") for place in (0, 8, 16)
            ]
            counts = (first, second, third)
        into.add(key, code, counts)


def stream_rows(page: FullScrape, minute: int) -> Pieces:
    """The rows of this worker, for another one."""
    reader = page.own_reader(minute)
    try:
        rows = Rows()
        while (some := reader.next_rows()) is not None:
            for row in rows_apart(some):
                rows.add(row[:KEY], row[KEY:], reader.counts(row[KEY:]))
                if len(rows.rows) >= MOST:
                    yield pack_rows(rows)
                    rows = Rows()
            if len(rows.rows) >= ENOUGH:
                yield pack_rows(rows)
                rows = Rows()
            else:
                yield b""
        if rows.rows:
            yield pack_rows(rows)
    finally:
        reader.close()


class MergedReader(Reader):
    """One full scrape's way through the torrents of all workers: those of this one, and of the `streams` of others."""

    def __init__(self, own: Reader, streams: list[RemoteStream]) -> None:
        super().__init__(own.listing, int(own.minute))
        self.own = own
        self.streams = streams
        self.own_is_over = False
        self.large: list[Counts] = []
        self.waiting = [Rows() for _ in range(len(streams) + 1)]  # this worker's are the last
        for rows in self.waiting:
            rows.large = self.large

    def next_rows(self) -> bytes | None:
        """See Reader."""
        is_behind = self.fetch_own()
        for number, stream in enumerate(self.streams):
            is_behind = self.fetch(stream, self.waiting[number]) or is_behind
        if is_behind:
            return b""
        bounds = [rows.rows[-1] for number, rows in enumerate(self.waiting) if not self.is_over(number)]
        if not bounds:
            left = [row for rows in self.waiting for row in rows.rows]
            if not left:
                return None
            bounds = [max(left)]
        return self.up_to(min(bounds)[:KEY] + ABOVE)

    def is_over(self, number: int) -> bool:
        """Whether no more rows come than those that wait."""
        return self.own_is_over if number == len(self.streams) else self.streams[number].is_over

    def fetch_own(self) -> bool:
        """Read rows of this worker, if none wait; returns whether there are none yet."""
        rows = self.waiting[-1]
        if rows.rows or self.own_is_over:
            return False
        some = self.own.next_rows()
        if some is None:
            self.own_is_over = True
            return False
        for row in rows_apart(some):
            rows.add(row[:KEY], row[KEY:], self.own.counts(row[KEY:]))
        return not rows.rows

    def fetch(self, stream: RemoteStream, rows: Rows) -> bool:
        """Read rows of another worker, if none wait; returns whether there are none yet."""
        if rows.rows:
            return False
        piece = stream.take()
        if piece:
            unpack_rows(piece, rows)
            return False
        return not stream.is_over

    def up_to(self, bound: bytes) -> bytes:
        """Take the waiting rows up to a bound, in order, joined."""
        taken: list[bytes] = []
        for rows in self.waiting:
            cut = bisect_right(rows.rows, bound)
            taken += rows.rows[:cut]
            del rows.rows[:cut]
        taken.sort()
        return b"".join(taken)

    def counts(self, code: bytes) -> Counts:
        """See Reader."""
        packed = int.from_bytes(code, "big")
        if packed >= LARGE:
            return self.large[packed - LARGE]
        return unpacked(packed)

    def close(self) -> None:
        """See Reader."""
        self.own.close()
        for stream in self.streams:
            stream.close()
