"""Announces: carried out on words, and answered from them."""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, read_i32_be, read_i64_be
from librt.vecs import vec
from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.protocol.udp import EVENT, INFO_HASH, LEFT, PORT, write_announce_head
from opentracker.swarm.store.door import NOT_TAKEN
from opentracker.swarm.store.flat.changes import NO_AGE, NOBODY
from opentracker.swarm.store.flat.heads import (
    counts_at,
    is_full,
    members_at,
)
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.large_swarms import NO_SWARM, SIZE4, FlatSwarms, peer_in
from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    HEAD,
    LARGE,
    words_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, base_of, hand_out
from opentracker.swarm.store.flat.shard import PLACE, SHARD_BITS, Shard
from opentracker.swarm.store.flat.torrents import SHARD_MASK
from opentracker.swarm.store.peers import STRIDE4, share_of_family

BATCH: Final = 64  # datagrams


class FlatAnswers(FlatSwarms):
    """The part of the store that answers announces; FlatStore adds the queries."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        # Of a batch: the hashes of its info_hashes, and their places by the index.
        self.hashes = vec[i64]([0] * BATCH)
        self.places = vec[i64]([0] * BATCH)
        self.seen: i64 = 0  # the result of the reads of `bring_near`, so that a compiler cannot drop them

    def announce(self, a: Announce, minute: i64) -> None:
        """See Store."""
        a0, a1, a2 = words_of(a.info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        peer = a.peer
        step: i64 = STEP4 if len(peer) == STRIDE4 else STEP6
        if at == 0:
            if a.event == EVENT_STOPPED or not a.stored:
                a.peers = a.peers6 = b""
                a.complete = a.incomplete = a.downloaded = 0
                return
            at = self.create(s, h, a0, a1, a2, 1 if step == STEP4 else 3)
        swarm = self.grown(s, h, at, step, a)
        if swarm is not None:
            self.announce_large(swarm, step, a, minute)
            return
        p0, p1, p2 = words_of_peer(peer)
        self.own = NOBODY
        self.age = NO_AGE
        self.has_completed = False
        at = self.carry_out(s, h, at, step, p0, p1, p2, a.seeding, a.event, a.stored, minute, -1)
        a.age = self.age
        a.has_completed = self.has_completed
        a.peers = a.peers6 = b""
        if a.event != EVENT_STOPPED:
            if not WANT_V4_ONLY and a.both_families:
                self.give_both(s, at, step, a)
            else:
                a.peers = self.given(s, at, step, self.own, a.numwant, a.seeding)
        a.complete, a.downloaded, a.incomplete = counts_at(s, at)

    def answer_udp(
        self,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        may_come: bool,
        out: BytesWriter,
    ) -> i64:
        """See Store."""
        a0, a1, a2 = words_of(packet, INFO_HASH)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        event = i64(read_i32_be(packet, EVENT))
        stored = packet[PORT] != 0 or packet[PORT + 1] > 1
        self.has_completed = False
        if at == 0:
            if not may_come:
                return NOT_TAKEN
            if event == EVENT_STOPPED or not stored:
                write_announce_head(out, packet, interval, 0, 0)
                return -2
            at = self.create(s, h, a0, a1, a2, 1 if len(address) == SIZE4 else 3)
        elif s.words[at + 3] & LARGE != 0:
            return self.answer_large(s, at, packet, address, numwant, interval, minute, out)
        elif is_full(s, at):
            return NOT_TAKEN
        step, p0, p1, p2 = peer_in(packet, address)
        seeding = read_i64_be(packet, LEFT) == 0
        self.own = NOBODY
        self.age = NO_AGE
        at = self.carry_out(s, h, at, step, p0, p1, p2, seeding, event, stored, minute, -1)
        complete, _downloads, incomplete = counts_at(s, at)
        write_announce_head(out, packet, interval, incomplete, complete)
        if event != EVENT_STOPPED:
            n, leechers = members_at(s, at, step)
            words = s.words
            base = base_of(words, at, step)
            hand_out(out, words, base, step, n, leechers, self.own, numwant, seeding, self.random)
        return self.age if self.age >= 0 else -2 - complete - incomplete

    def bring_near(self, packets: list[bytes], addresses: list[bytes], count: i64) -> None:
        """See Store. The reads do not depend on each other, so the CPU overlaps their cache misses.

        Each loop reads what the one before has found: the index, the torrents, and the rest of large swarms.
        """
        if count > BATCH:
            count = BATCH
        hashes, places, shards = self.hashes, self.places, self.all
        seen: i64 = 0
        i: i64 = 0
        while i < count:
            a0, a1, a2 = words_of(packets[i], INFO_HASH)
            h = self.keyed.of(a0, a1, a2)
            s = shards[h & SHARD_MASK]
            hashes[i] = h
            places[i] = s.index[h >> SHARD_BITS & s.mask] & PLACE
            i += 1
        i = 0
        while i < count:
            at = places[i]
            words = shards[hashes[i] & SHARD_MASK].words
            if 0 < at < len(words) - HEAD:
                seen ^= words[at] ^ words[at + HEAD]
            i += 1
        i = 0
        while i < count:
            at = places[i]
            words = shards[hashes[i] & SHARD_MASK].words
            is_large = 0 < at < len(words) - HEAD and words[at + 3] & LARGE != 0
            places[i] = words[at + 2] >> COUNTS_AT if is_large else NO_SWARM
            i += 1
        self.seen = seen ^ self.bring_swarms_near(packets, addresses, places, count)

    def given(self, s: Shard, at: i64, step: i64, own: i64, want: i64, seeding: bool) -> bytes:
        """Up to `want` peers of a family."""
        out = self.out
        out.truncate(0)
        n, leechers = members_at(s, at, step)
        words = s.words
        hand_out(out, words, base_of(words, at, step), step, n, leechers, own, want, seeding, self.random)
        return out.getvalue()

    def give_both(self, s: Shard, at: i64, step: i64, a: Announce) -> None:
        """Fill in peers of both families."""
        n4, _leechers4 = members_at(s, at, STEP4)
        n6, _leechers6 = members_at(s, at, STEP6)
        own4 = self.own if step == STEP4 else NOBODY
        own6 = self.own if step != STEP4 else NOBODY
        want4 = share_of_family(a.numwant, n4 - 1 if own4 >= 0 else n4, n6 - 1 if own6 >= 0 else n6)
        a.peers = self.given(s, at, STEP4, own4, want4, a.seeding)
        a.peers6 = self.given(s, at, STEP6, own6, a.numwant - want4, a.seeding)

    def sync(self, a: Announce, minute: i64) -> None:
        """See Store."""
        a0, a1, a2 = words_of(a.info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        step: i64 = STEP4 if len(a.peer) == STRIDE4 else STEP6
        if at == 0:
            a.complete = a.incomplete = 0
            if a.event == EVENT_STOPPED:
                return
            at = self.create(s, h, a0, a1, a2, 1 if step == STEP4 else 3)
        swarm = self.grown(s, h, at, step, a)
        if swarm is not None:
            swarm.sync(a, minute)
            self.settle(swarm)
            return
        p0, p1, p2 = words_of_peer(a.peer)
        self.has_completed = False
        at = self.carry_out(s, h, at, step, p0, p1, p2, a.seeding, a.event, True, minute, a.sync_age)
        a.has_completed = self.has_completed
        a.complete, _downloads, a.incomplete = counts_at(s, at)
