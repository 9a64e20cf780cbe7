"""The large swarm: for each family a table of leechers and one of seeders (see `table`)."""

from collections.abc import Callable
from typing import Final

from librt.random import Random
from mypy_extensions import i64, mypyc_attr

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE, WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_PAUSED, EVENT_STOPPED, Announce
from opentracker.swarm.ages import least_age
from opentracker.swarm.store.empty_table import EmptyTable
from opentracker.swarm.store.peers import (
    COMPLETED,
    FROM_SYNC,
    PARTIAL,
    STRIDE4,
    STRIDE6,
    share_of_family,
    share_of_leechers,
)
from opentracker.swarm.store.records import LARGE, MOST_DOWNLOADED
from opentracker.swarm.store.table import Table

if WANT_EXTENDED_ANSWERS:
    from opentracker.swarm.store.peers import partial_of
if WANT_SYNC_LIVE:
    from opentracker.swarm.store.peers import flags_after

TableMaker = Callable[[int, bool], Table]  # of a stride and `by_host`, see Table


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class Family:
    """The peers of a large swarm that have addresses of one family. A side without peers may be an EmptyTable."""

    __slots__ = ("leechers", "seeders")

    def __init__(self, nobody: Table) -> None:
        self.leechers = nobody
        self.seeders = nobody

    def size(self) -> i64:
        """The number of peers."""
        return self.leechers.peers + self.seeders.peers

    def blocks(self) -> list[bytes]:
        """The planes of all blocks."""
        tables = (self.leechers, self.seeders)
        return [table.block(at) for table in tables for at in range(table.count)]

    def planes(self) -> bytes:
        """The planes of all peers, leechers first."""
        leeching, seeding = self.leechers.planes(), self.seeders.planes()
        return b"".join([part for both in zip(leeching, seeding, strict=True) for part in both])

    def hand_out(self, want: i64, seeding: bool, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of up to `want` peers, leechers first.

        The asking peer, if `asker_index` is not -1, is in block `asker_at` of the seeders (`seeding`) or the leechers.
        """
        few = self.share(want, seeding, asker_index >= 0, random)
        among_leechers, among_seeders = by_side(asker_index, seeding)
        addresses = self.leechers.window(few, asker_at, among_leechers, random)
        if few < want:
            addresses += self.seeders.window(want - few, asker_at, among_seeders, random)
        return addresses

    def share(self, want: i64, seeding: bool, is_known: bool, random: Random) -> i64:
        """The number of leechers among up to `want` peers for a peer, which may be known as one of these here."""
        leechers, seeders = self.leechers.peers, self.seeders.peers
        if is_known:
            if seeding:
                seeders -= 1
            else:
                leechers -= 1
        if want >= leechers + seeders:
            return leechers
        return share_of_leechers(leechers, seeders, want, seeding, random)


def by_side(index: i64, seeding: bool) -> tuple[i64, i64]:
    """A peer's index among the leechers and among the seeders; it is -1 on the side that the peer is not on."""
    if seeding:
        return -1, index
    return index, -1


# Tables and families without peers; they are shared, and never changed.
EMPTY4: Final = EmptyTable(STRIDE4)
EMPTY6: Final = EmptyTable(STRIDE6)
NOBODY4: Final = Family(EMPTY4)
NOBODY6: Final = Family(EMPTY6)


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class Swarm:
    """A torrent with many peers.

    `counted` and `weighed` are the peers and bytes of it that are in the store's totals (see `PackedShards.settle`).
    `make_table` makes the tables of the store's kind, `by_host` is for them.
    """

    __slots__ = ("by_host", "counted", "downloaded", "make_table", "v4", "v6", "weighed")

    def __init__(self, downloaded: int, make_table: TableMaker, by_host: bool = False) -> None:
        self.downloaded: i64 = downloaded
        self.make_table = make_table
        self.by_host = by_host
        self.counted: i64 = 0
        self.weighed: i64 = 0
        self.v4 = NOBODY4
        self.v6 = NOBODY6

    def side(self, stride: i64, seeding: bool) -> Table:
        """The leechers or the seeders of a family, for a new peer."""
        if stride == STRIDE4:
            if self.v4 is NOBODY4:
                self.v4 = Family(EMPTY4)
            family = self.v4
        else:
            if self.v6 is NOBODY6:
                self.v6 = Family(EMPTY6)
            family = self.v6
        table = family.seeders if seeding else family.leechers
        if isinstance(table, EmptyTable):
            table = self.make_table(stride, self.by_host)
            if seeding:
                family.seeders = table
            else:
                family.leechers = table
        return table

    def load(self, stride: i64, planes: bytes, leechers: i64) -> None:
        """Add the planes of a small torrent's peers of a family; the first `leechers` of them are leechers."""
        n: i64 = len(planes) // (stride + 2)
        border, flags, stamps = leechers * stride, n * stride, n * (stride + 1)
        if leechers > 0:
            self.side(stride, False).load(
                planes[:border] + planes[flags : flags + leechers] + planes[stamps : stamps + leechers]
            )
        if leechers < n:
            self.side(stride, True).load(
                planes[border:flags] + planes[flags + leechers : stamps] + planes[stamps + leechers :]
            )

    def tables(self) -> tuple[Table, Table, Table, Table]:
        """IPv4 leechers, IPv4 seeders, IPv6 leechers and IPv6 seeders."""
        return self.v4.leechers, self.v4.seeders, self.v6.leechers, self.v6.seeders

    def size(self) -> i64:
        """The number of peers."""
        return self.incomplete() + self.complete()

    def least_age(self, ages: bytes) -> i64:
        """The age of the newest stamp in minutes, by a table of ages."""
        age: i64 = 255
        for table in self.tables():
            for at in range(table.count):
                age = min(age, least_age(table.block(at)[table.size_of(at) * (table.stride + 1) :], ages))
                if age == 0:
                    return 0
        return age

    def packed(self) -> list[bytes]:
        """The bytes of the swarm for a state file, in parts; no peer is copied."""
        marked: int = LARGE + self.downloaded
        parts = [marked.to_bytes(4, "big")]
        for table in self.tables():
            parts.append(int(table.count).to_bytes(4, "big"))
            for at in range(table.count):
                block = table.block(at)
                parts.append(len(block).to_bytes(4, "big"))
                parts.append(block)
        return parts

    def family_of(self, peer: bytes) -> Family:
        """The peers with addresses of the same family as `peer`."""
        return self.v4 if len(peer) == STRIDE4 else self.v6

    def knows(self, peer: bytes) -> bool:
        """Whether this peer is there."""
        family = self.family_of(peer)
        return family.leechers.has(peer) or family.seeders.has(peer)

    def ports_of(self, peer: bytes) -> list[bytes]:
        """The peers with the host of `peer`; needs `by_host`."""
        family = self.family_of(peer)
        return family.leechers.ports_of(peer) + family.seeders.ports_of(peer)

    def drop(self, peer: bytes) -> None:
        """Remove a peer that is there."""
        family = self.family_of(peer)
        if family.leechers.take(peer) < 0:
            family.seeders.take(peer)

    def incomplete(self) -> i64:
        """The number of leechers."""
        return self.v4.leechers.peers + self.v6.leechers.peers

    def complete(self) -> i64:
        """The number of seeders."""
        return self.v4.seeders.peers + self.v6.seeders.peers

    def partial_seeds(self) -> i64:
        """The number of leechers that download nothing more."""
        return self.v4.leechers.partial_seeds() + self.v6.leechers.partial_seeds()

    def announce(self, a: Announce, minute: i64, random: Random) -> None:  # noqa: PLR0912 - a call each would cost more
        """Answer `a`, and store or remove its peer."""
        peer = a.peer
        seeding = a.seeding
        own = self.v4 if len(peer) == STRIDE4 else self.v6
        if seeding:
            table, former = own.seeders, own.leechers
        else:
            table, former = own.leechers, own.seeders
        at = table.block_of(peer)
        index = table.index_in(at, peer)
        # Flags and stamp of the peer, if it was in the other table or is removed to be added again.
        state: i64 = -1
        if index < 0 and former.peers > 0 and (a.stored or a.event == EVENT_STOPPED):
            state = former.take(peer)
        if a.event == EVENT_STOPPED:
            a.peers = a.peers6 = b""
            if index >= 0:
                table.remove(at, index)
                table.merge()
        else:
            if not WANT_V4_ONLY and a.both_families:
                self.hand_out_both(a, at, index, random)
            else:
                a.peers = own.hand_out(a.numwant, seeding, at, index, random)
            if a.stored:
                # A partial seed is put in anew each time, with its flag; all other announces clear the flag.
                is_partial = WANT_EXTENDED_ANSWERS and a.event == EVENT_PAUSED
                if index >= 0 and a.event != EVENT_COMPLETED and not is_partial:
                    a.age = (minute - table.refresh(at, index, minute & 255)) & 255
                    if WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE:
                        table.unmark(at, index, FROM_SYNC | PARTIAL)
                else:
                    if index >= 0:
                        state = table.state(at, index)
                        table.remove(at, index)
                    self.put_in(a, state, minute)
        v4, v6 = self.v4, self.v6
        a.incomplete = v4.leechers.peers + v6.leechers.peers
        a.complete = v4.seeders.peers + v6.seeders.peers
        a.downloaded = self.downloaded

    def sync(self, a: Announce, minute: i64) -> None:
        """Store or remove the peer of `a`, which came by live sync; only the counts of the answer are filled in."""
        self.take_news(a, minute)
        a.incomplete, a.complete = self.incomplete(), self.complete()

    def take_news(self, a: Announce, minute: i64) -> None:
        """Store or remove a peer whose announce may be some minutes old; it has no effect if a newer one is known."""
        own = self.family_of(a.peer)
        if a.seeding:
            table, former = own.seeders, own.leechers
        else:
            table, former = own.leechers, own.seeders
        at = table.block_of(a.peer)
        index = table.index_in(at, a.peer)
        if index < 0:
            state = former.take(a.peer)
            if state >= 0 and (minute - state) & 255 < a.sync_age:
                former.add(a.peer, state >> 8, state & 255)
            elif a.event != EVENT_STOPPED:
                self.put_in(a, state, minute)
            return
        state = table.state(at, index)
        known_age = (minute - state) & 255
        if known_age < a.sync_age:
            return
        if a.event == EVENT_STOPPED:
            table.remove(at, index)
            table.merge()
        elif a.event == EVENT_COMPLETED or (WANT_EXTENDED_ANSWERS and a.event == EVENT_PAUSED):
            table.remove(at, index)
            self.put_in(a, state, minute)
        else:
            if WANT_EXTENDED_ANSWERS:
                table.unmark(at, index, PARTIAL)
            if known_age > a.sync_age:
                table.refresh(at, index, (minute - a.sync_age) & 255)

    def put_in(self, a: Announce, state: i64, minute: i64) -> None:
        """Add the announced peer to its side, which does not hold it; `state` is the result of `Table.take`."""
        flags: i64 = 0
        if state >= 0:
            flags = state >> 8
            a.age = (minute - state) & 255
        if a.event == EVENT_COMPLETED and a.seeding and flags & COMPLETED == 0:
            flags |= COMPLETED
            a.has_completed = True
            if self.downloaded < MOST_DOWNLOADED:
                self.downloaded += 1
        stamp = minute & 255
        if WANT_SYNC_LIVE:
            flags = flags_after(flags, a, state < 0)
            if a.sync_age > 0:
                stamp = (minute - a.sync_age) & 255
        if WANT_EXTENDED_ANSWERS:
            flags = flags & ~PARTIAL | partial_of(a.event, a.seeding)
        self.side(len(a.peer), a.seeding).add(a.peer, flags, stamp)

    def hand_out_both(self, a: Announce, at: i64, index: i64, random: Random) -> None:
        """Fill in peers of both families; `at` and `index` are the asking peer's block and index in its own family."""
        known = 1 if index >= 0 else 0
        if len(a.peer) == STRIDE4:
            want4 = share_of_family(a.numwant, self.v4.size() - known, self.v6.size())
            a.peers = self.v4.hand_out(want4, a.seeding, at, index, random)
            a.peers6 = self.v6.hand_out(a.numwant - want4, a.seeding, -1, -1, random)
        else:
            want4 = share_of_family(a.numwant, self.v4.size(), self.v6.size() - known)
            a.peers = self.v4.hand_out(want4, a.seeding, -1, -1, random)
            a.peers6 = self.v6.hand_out(a.numwant - want4, a.seeding, at, index, random)
