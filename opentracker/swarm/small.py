"""An announce into a small torrent: its record in, its new record out (see `records`).

A record is laid open on a `Workbench`, whose two lanes tell where the peers of each family stand in it. The bench is
used again for every record: building lanes for each would cost an interpreted announce a tenth of its time.
"""

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.peers import (
    COMPLETED,
    STRIDE4,
    STRIDE6,
    choose,
    find,
    insert,
    refresh,
    remove,
    share_of_family,
    without,
)
from opentracker.swarm.records import HEAD, MOST_DOWNLOADED, downloaded, head, without_peers


class Lane:
    """Where the peers of one family stand in the record that is open."""

    __slots__ = ("leechers", "n", "start", "stride")

    def __init__(self, stride: int) -> None:
        self.stride: i64 = stride
        self.start: i64 = HEAD
        self.n: i64 = 0
        self.leechers: i64 = 0

    def hand_out(self, record: bytes, asker: i64, want: i64, seeding: bool, random: Random) -> bytes:
        """The addresses of up to `want` peers, leechers first; not that of index `asker`, which may be -1."""
        others = without(record, self.start, self.n, self.stride, asker)
        leechers = self.leechers
        if 0 <= asker < leechers:
            leechers -= 1
        return choose(others, leechers, want, seeding, self.stride, random)

    def remove(self, record: bytes, index: i64) -> bytes:
        """The record without a peer; its head is still the old one."""
        record = remove(record[: self.start], record, self.start, self.n, self.stride, index)
        self.n -= 1
        if index < self.leechers:
            self.leechers -= 1
        return record

    def insert(self, record: bytes, peer: bytes, seeding: bool, flags: i64, stamp: i64) -> bytes:
        """The record with a peer that is not in it yet; its head is still the old one."""
        index = self.n if seeding else 0
        record = insert(
            record[: self.start], record, self.start, self.n, self.stride, index, peer, flags, stamp
        )
        self.n += 1
        if not seeding:
            self.leechers += 1
        return record


class Workbench:
    """The record of a small torrent, laid open."""

    __slots__ = ("v4", "v6")

    def __init__(self) -> None:
        self.v4 = Lane(STRIDE4)
        self.v6 = Lane(STRIDE6)

    def open(self, record: bytes) -> None:
        """Lay a record on the bench."""
        v4, v6 = self.v4, self.v6
        if len(record) == HEAD:
            v4.n = v4.leechers = v6.n = v6.leechers = 0
            v6.start = HEAD
            return
        v4.n = i64(record[4])
        v4.leechers = i64(record[5])
        v6.leechers = i64(record[6])
        v6.start = HEAD + (STRIDE4 + 2) * v4.n
        v6.n = (len(record) - v6.start) // (STRIDE6 + 2)

    def close(self, record: bytes, completed: i64, minute: i64) -> bytes:
        """The record with a head that fits it."""
        v4, v6 = self.v4, self.v6
        if v4.n + v6.n == 0:
            return without_peers(completed, minute)
        return head(completed, v4.n, v4.leechers, v6.leechers) + record[HEAD:]

    def announce(self, record: bytes, a: Announce, minute: i64, random: Random) -> bytes:
        """Answer `a` from `record`, and give the record that stands afterwards: the same object if nothing changed."""
        self.open(record)
        v4 = len(a.peer) == STRIDE4
        own, other = (self.v4, self.v6) if v4 else (self.v6, self.v4)
        index = find(record, own.start, own.n, own.stride, a.peer)
        own_peers = other_peers = b""
        if a.event == EVENT_STOPPED:
            if index >= 0:
                record = self.close(own.remove(record, index), downloaded(record), minute)
        else:
            want = a.numwant
            if not WANT_V4_ONLY and not WANT_V6:
                if a.both_families:
                    want = share_of_family(want, own.n - (1 if index >= 0 else 0), other.n)
                    other_peers = other.hand_out(record, -1, a.numwant - want, a.seeding, random)
            own_peers = own.hand_out(record, index, want, a.seeding, random)
            if a.stored:
                record = self.store(record, a, own, index, minute)
        a.peers, a.peers6 = (own_peers, other_peers) if v4 else (other_peers, own_peers)
        a.incomplete = self.v4.leechers + self.v6.leechers
        a.complete = self.v4.n + self.v6.n - a.incomplete
        a.downloaded = downloaded(record)
        return record

    def scrape(self, record: bytes) -> tuple[i64, i64, i64]:
        """(complete, downloaded, incomplete) of the record."""
        self.open(record)
        incomplete = self.v4.leechers + self.v6.leechers
        return self.v4.n + self.v6.n - incomplete, downloaded(record), incomplete

    def store(self, record: bytes, a: Announce, own: Lane, index: i64, minute: i64) -> bytes:
        """The record with the asker in it; `index` tells where it was, or is -1."""
        completed = downloaded(record)
        flags: i64 = 0
        if index >= 0:
            flags = i64(record[own.start + own.n * own.stride + index])
        counts = a.event == EVENT_COMPLETED and a.seeding and flags & COMPLETED == 0
        if counts:
            flags |= COMPLETED
            if completed < MOST_DOWNLOADED:
                completed += 1
        if index >= 0 and a.seeding == (index >= own.leechers):
            record = refresh(record, own.start, own.n, own.stride, index, flags, minute & 255)
            return self.close(record, completed, minute) if counts else record
        if index >= 0:
            record = own.remove(record, index)
        record = own.insert(record, a.peer, a.seeding, flags, minute & 255)
        return self.close(record, completed, minute)
