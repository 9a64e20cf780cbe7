"""Announces of large swarms. A renewal is carried out on words and makes no object; the rest is up to `large.Swarm`."""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, read_i16_le, read_i32_be, read_i32_le, read_i64_be, read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE, WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_PAUSED, EVENT_STOPPED, Announce
from opentracker.protocol.udp import EVENT, LEFT, PORT, write_announce_head
from opentracker.swarm.store.door import NOT_TAKEN
from opentracker.swarm.store.flat.changes import FlatPeers, number_of
from opentracker.swarm.store.flat.heads import (
    is_full,
)
from opentracker.swarm.store.flat.layout import (
    M8,
    M16,
    M32,
    words_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6
from opentracker.swarm.store.flat.packing import contents_at
from opentracker.swarm.store.flat.shard import Shard
from opentracker.swarm.store.flat.word_table import WordTable
from opentracker.swarm.store.large import Swarm, by_side
from opentracker.swarm.store.peers import FROM_SYNC, PARTIAL
from opentracker.swarm.store.table import Table

SIZE4: Final = 4  # bytes of an IPv4 address
NO_SWARM: Final = -1  # the number of a large swarm, where there is none


class FlatSwarms(FlatPeers):
    """The part of the store that answers announces of large swarms."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.out = BytesWriter()
        self.request = Announce(both_families=False)

    def grown(self, s: Shard, h: i64, at: i64, step: i64, a: Announce) -> Swarm | None:
        """The large swarm at a place; a full small torrent becomes one if an announce adds a peer to it."""
        if (
            not is_full(s, at)
            or a.event == EVENT_STOPPED
            or not a.stored
            or number_of(s, at, step, a.peer) >= 0
        ):
            return self.swarm_at(s, at)
        swarm = self.swarm_of(contents_at(s, at))
        self.enlarge(s, h, at, swarm)
        return swarm

    def announce_large(self, swarm: Swarm, step: i64, a: Announce, minute: i64) -> None:
        """Answer an announce of a large swarm."""
        table = table_of(swarm, step, a.seeding)
        is_plain = renews(a.event, a.stored) and (WANT_V4_ONLY or not a.both_families)
        if is_plain and isinstance(table, WordTable):
            p0, p1, p2 = words_of_peer(a.peer)
            h = table.hash_of(p0, p1, p2)
            block = table.block_by(h)
            index = table.find_in(block, h, p0, p1, p2)
            if index >= 0:
                out = self.out
                out.truncate(0)
                self.hand_out(out, swarm, step, a.numwant, a.seeding, block, index)
                a.peers = out.getvalue()
                a.age = renew(table, block, index, minute)
                a.complete, a.downloaded, a.incomplete = (
                    swarm.complete(),
                    swarm.downloaded,
                    swarm.incomplete(),
                )
                return
        swarm.announce(a, minute, self.random)
        if a.age < 0:
            self.settle(swarm)

    def answer_large(
        self,
        s: Shard,
        at: i64,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        out: BytesWriter,
    ) -> i64:
        """As `answer_udp`, for a large swarm."""
        swarm = self.swarm_at(s, at)
        if swarm is None:
            return NOT_TAKEN
        event = i64(read_i32_be(packet, EVENT))
        stored = packet[PORT] != 0 or packet[PORT + 1] > 1
        seeding = read_i64_be(packet, LEFT) == 0
        step, p0, p1, p2 = peer_in(packet, address)
        table = table_of(swarm, step, seeding)
        if renews(event, stored) and isinstance(table, WordTable):
            h = table.hash_of(p0, p1, p2)
            block = table.block_by(h)
            index = table.find_in(block, h, p0, p1, p2)
            if index >= 0:
                write_announce_head(out, packet, interval, swarm.incomplete(), swarm.complete())
                self.hand_out(out, swarm, step, numwant, seeding, block, index)
                return renew(table, block, index, minute)
        a = self.request
        a.peer = address + packet[PORT : PORT + 2]
        a.stored = stored
        a.seeding = seeding
        a.event = event
        a.numwant = numwant
        a.age = -1
        a.has_completed = False
        swarm.announce(a, minute, self.random)
        write_announce_head(out, packet, interval, a.incomplete, a.complete)
        out.write(a.peers)
        self.has_completed = a.has_completed
        if a.age >= 0:
            return a.age
        self.settle(swarm)
        return -2 - a.complete - a.incomplete

    def bring_swarms_near(
        self, packets: list[bytes], addresses: list[bytes], numbers: vec[i64], count: i64
    ) -> i64:
        """Read what announces of large swarms need, by the numbers of these; returns something of it."""
        swarms = self.swarms
        seen: i64 = 0
        i: i64 = 0
        while i < count:
            if numbers[i] != NO_SWARM:
                swarm = swarms[numbers[i]]
                if swarm is not None:
                    step, p0, p1, p2 = peer_in(packets[i], addresses[i])
                    table = table_of(swarm, step, read_i64_be(packets[i], LEFT) == 0)
                    if isinstance(table, WordTable):
                        seen ^= table.look_at(p0, p1, p2)
            i += 1
        return seen

    def hand_out(
        self, out: BytesWriter, swarm: Swarm, step: i64, want: i64, seeding: bool, block: i64, index: i64
    ) -> None:
        """Append up to `want` peers of a family for the peer with this index in a block of its side."""
        family = swarm.v4 if step == STEP4 else swarm.v6
        few = family.share(want, seeding, True, self.random)
        among_leechers, among_seeders = by_side(index, seeding)
        leechers, seeders = family.leechers, family.seeders
        if few > 0 and isinstance(leechers, WordTable):
            leechers.write_window(out, few, block, among_leechers, self.random)
        if few < want and isinstance(seeders, WordTable):
            seeders.write_window(out, want - few, block, among_seeders, self.random)


def peer_in(packet: bytes, address: bytes) -> tuple[i64, i64, i64, i64]:
    """The step of a datagram's peer and its words: its IP address, and the port in the datagram."""
    port = i64(read_i16_le(packet, PORT)) & M16
    if len(address) == SIZE4:
        return STEP4, i64(read_i32_le(address, 0)) & M32 | port << 32, 0, 0
    return STEP6, read_i64_le(address, 0), read_i64_le(address, 8), port


def renews(event: i64, stored: bool) -> bool:
    """Whether an announce of a known peer changes nothing but the peer's stamp, and flags that it clears."""
    if WANT_EXTENDED_ANSWERS and event == EVENT_PAUSED:
        return False
    return stored and event not in (EVENT_STOPPED, EVENT_COMPLETED)


def renew(table: WordTable, block: i64, index: i64, minute: i64) -> i64:
    """Renew a peer; returns the minutes since its last announce."""
    if WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE:
        table.unmark(block, index, FROM_SYNC | PARTIAL)
    return (minute - table.refresh(block, index, minute & M8)) & M8


def table_of(swarm: Swarm, step: i64, seeding: bool) -> Table:
    """The leechers or the seeders of a family; a WordTable, if there are any."""
    family = swarm.v4 if step == STEP4 else swarm.v6
    return family.seeders if seeding else family.leechers
