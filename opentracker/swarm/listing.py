"""All torrents with their counts, in the order of their info_hashes, for full scrapes.

A store's shards are in no order, and looking up every torrent in order would miss the CPU's caches four times for each.
So the shards are read one after the other, each torrent becomes a row, and the rows are sorted (see `store.rows`). The
rows of a million torrents would be 24 MB, so the range of info_hashes is divided into segments, a power of two of them,
with some hundred thousand rows each. Full scrapes share the rows of their segment: a full scrape itself keeps nothing
but its position.
"""

from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.swarm.store.rows import END, KEY, Counts, Rows, rows_apart
from opentracker.swarm.tracker import Tracker

MOST_BITS: Final = 4  # 16 segments: with more, skipping the torrents of other segments would take longer
STALE: Final = 1  # minutes after which a new reader has a segment read again


class Segment:
    """The rows of a segment, and the minute in which they began to be read."""

    def __init__(self, rows: Rows, minute: i64) -> None:
        self.rows = rows
        self.minute = minute


class SortedTorrents:
    """The segments that full scrapes are reading; they share a segment, and the last one to leave frees it."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.segments: dict[tuple[i64, i64], Segment] = {}
        self.readers: dict[tuple[i64, i64], int] = {}

    def bits(self) -> i64:
        """The number of segments for the torrents that there are, as a power of two."""
        bits: i64 = 0
        store = self.tracker.store
        while bits < MOST_BITS and store.totals.torrents >> bits > store.most_rows:
            bits += 1
        return bits

    def enter(self, bits: i64, number: i64, minute: i64) -> None:
        """Begin to read a segment, in `minute`; it is shared with other readers, and made anew for all if stale."""
        key = (bits, number)
        segment = self.segments.get(key)
        if segment is None or minute - segment.minute > STALE:
            self.segments[key] = Segment(self.tracker.store.rows(bits, number), minute)
        self.readers[key] = self.readers.get(key, 0) + 1

    def rows(self, bits: i64, number: i64) -> Rows:
        """The current rows of a segment that was entered."""
        return self.segments[bits, number].rows

    def weight(self) -> i64:
        """Approximate memory of the segments, in bytes."""
        weight: i64 = 0
        for segment in self.segments.values():
            weight += segment.rows.weight()
        return weight

    def leave(self, bits: i64, number: i64) -> None:
        """Stop reading a segment."""
        key = (bits, number)
        self.readers[key] -= 1
        if self.readers[key] == 0:
            del self.readers[key], self.segments[key]

    def served(self, rows: bytes) -> bytes:
        """The rows whose torrents the access list does not refuse."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if self.tracker.has_doubtful:
                return b"".join([row for row in rows_apart(rows) if self.tracker.serves(row[:KEY])])
        return rows


class Reader:
    """One full scrape's way through all torrents, in the order of their info_hashes."""

    def __init__(self, listing: SortedTorrents, minute: i64) -> None:
        self.listing = listing
        self.minute = minute
        self.bits = listing.bits()
        self.number: i64 = -1  # of the segment that is being read
        # All rows below this info_hash have been read, and none from it on, also if the segment is made anew.
        self.start = END
        self.is_open = False

    def next_rows(self) -> bytes | None:
        """The next few rows in order, joined; empty while rows are still being prepared, None at the end."""
        if self.start == END:
            self.close()
            if self.number + 1 == 1 << self.bits:
                return None
            self.number += 1
            self.listing.enter(self.bits, self.number, self.minute)
            self.is_open = True
            self.start = self.listing.rows(self.bits, self.number).start()
        segment = self.listing.rows(self.bits, self.number)
        if segment.prepare_some():
            return b""
        rows, self.start = segment.rows_from(self.start)
        return self.listing.served(rows)

    def counts(self, code: bytes) -> Counts:
        """The counts of one of the latest rows, by its code; valid until any reader reads on."""
        return self.listing.rows(self.bits, self.number).counts(code)

    def close(self) -> None:
        """Leave the current segment."""
        if self.is_open:
            self.listing.leave(self.bits, self.number)
            self.is_open = False
