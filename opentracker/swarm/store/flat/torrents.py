"""Shards of small torrents in words, and large swarms beside them; every change updates the totals here."""

from typing import Final

from librt.random import Random
from librt.strings import read_i16_le, read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

from opentracker._features import WANT_SYNC_LIVE
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED
from opentracker.swarm.store.door import Contents, Store
from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import (
    COMPLETED_BIT,
    COUNTS_AT,
    DOWNLOADS,
    EMPTY,
    FLAGS_AT,
    LARGE,
    LEECHERS4_AT,
    LEECHERS6_AT,
    M8,
    M16,
    M24,
    M32,
    M48,
    PEERS6_AT,
    STAMP_AT,
    SYNC_BIT,
    flags_of_byte,
    word_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, TAIL6, base_of, copy_peer, find
from opentracker.swarm.store.flat.shard import SHARD_BITS, Rooms, Shard, words_needed
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import MOST_DOWNLOADED, SMALL
from opentracker.swarm.store.weights import weight_of_swarm

SHARDS: Final = 1 << SHARD_BITS
NOBODY: Final[i64] = -1  # in place of a peer's number
NO_AGE: Final[i64] = -1


class FlatTorrents(Store):
    """The part of the store that changes torrents; FlatStore adds the queries.

    `carry_out` sets `own` to the peer's number afterwards, or NOBODY; `age` to the minutes since the peer's last
    announce, or NO_AGE; and `has_completed`.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(SHARDS)
        self.random = random
        self.keyed = KeyedHash()
        rooms = Rooms()
        self.all = [Shard(self.keyed, rooms) for _ in range(SHARDS)]
        self.swarms: list[Swarm | None] = []  # large swarms by their numbers; a number with None is free
        self.free_numbers: list[i64] = []
        self.own: i64 = NOBODY
        self.age: i64 = NO_AGE

    # ---- Creating, moving and removing torrents ----

    def create(self, s: Shard, h: i64, a0: i64, a1: i64, a2: i64, need: i64) -> i64:
        """Create a torrent without peers and return its place; see Shard.create."""
        before = s.weight()
        at = s.create(h, a0, a1, a2, need)
        self.totals.bytes += s.weight() - before
        self.totals.torrents += 1
        return at

    def move(self, s: Shard, h: i64, at: i64, need: i64) -> i64:
        """Move a torrent that needs more room and return its place; see Shard.move."""
        before = s.weight()
        at = s.move(h, at, need)
        self.totals.bytes += s.weight() - before
        return at

    def drop(self, s: Shard, h: i64, at: i64) -> None:
        """Remove a torrent."""
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            self.forget(swarm, s.words[at + 2] >> COUNTS_AT)
        else:
            self.totals.peers -= size_at(s, at)
        s.remove(h, at)
        self.totals.torrents -= 1

    def compact(self, shard: i64) -> None:
        """Copy the torrents of a shard together."""
        s = self.all[shard]
        before = s.weight()
        s.compact(0)
        self.totals.bytes += s.weight() - before

    def give_back(self, shard: i64) -> None:
        """See Store."""
        s = self.all[shard]
        before = s.weight()
        s.give_back()
        self.totals.bytes += s.weight() - before

    # ---- Large swarms ----

    def swarm_at(self, s: Shard, at: i64) -> Swarm | None:
        """The large swarm at a place, or None for a small torrent."""
        words = s.words
        if words[at + 3] & LARGE == 0:
            return None
        return self.swarms[words[at + 2] >> COUNTS_AT]

    def enlarge(self, s: Shard, at: i64, swarm: Swarm) -> None:
        """Replace the small torrent at a place by a large swarm."""
        if self.free_numbers:
            number = self.free_numbers.pop()
            self.swarms[number] = swarm
        else:
            number = len(self.swarms)
            self.swarms.append(swarm)
        words = s.words
        self.totals.peers -= size_at(s, at)
        words[at + 2] = words[at + 2] & M32 | number << COUNTS_AT
        words[at + 3] = words[at + 3] & ~EMPTY | LARGE
        self.settle(swarm)

    def forget(self, swarm: Swarm, number: i64) -> None:
        """Free a large swarm, and subtract it from the totals."""
        self.totals.peers -= swarm.counted
        self.totals.bytes -= swarm.weighed
        self.swarms[number] = None
        self.free_numbers.append(number)

    def settle(self, swarm: Swarm) -> None:
        """Update the totals after a change of a stored large swarm."""
        size, weight = swarm.size(), weight_of_swarm(swarm)
        self.totals.peers += size - swarm.counted
        self.totals.bytes += weight - swarm.weighed
        swarm.counted = size
        swarm.weighed = weight

    def swarm_of(self, contents: Contents) -> Swarm:
        """Make a large swarm of these peers, without storing it."""
        swarm = Swarm(contents.downloaded, self.counts_ports)
        if contents.planes4:
            swarm.own4().load(contents.planes4, contents.leechers4)
        if contents.planes6:
            swarm.own6().load(contents.planes6, contents.leechers6)
        return swarm

    # ---- The peers of a small torrent ----

    def fill(self, s: Shard, at: i64, contents: Contents) -> None:
        """Write the peers of a torrent into a place with room for them; its former peers must be uncounted already."""
        words = s.words
        n4: i64 = len(contents.planes4) // (STRIDE4 + 2)
        n6: i64 = len(contents.planes6) // (STRIDE6 + 2)
        upper = contents.left_at & M24
        state: i64 = EMPTY
        if n4 + n6 > 0:
            upper = n4 | contents.leechers4 << 8 | n6 << 16
            state = contents.leechers6 << LEECHERS6_AT
        room = words[at + 3] & ~(DOWNLOADS | M8 << LEECHERS6_AT | EMPTY | LARGE)
        words[at + 2] = words[at + 2] & M32 | upper << COUNTS_AT
        words[at + 3] = room | contents.downloaded | state
        base = base_of(words, at, STEP4)
        planes = contents.planes4
        number: i64 = 0
        while number < n4:
            tail = tail_of(planes[n4 * STRIDE4 + number], planes[n4 * (STRIDE4 + 1) + number])
            words[base + number] = word_of_peer(planes, number * STRIDE4) | tail
            number += 1
        base = base_of(words, at, STEP6)
        planes = contents.planes6
        number = 0
        while number < n6:
            tail = tail_of(planes[n6 * STRIDE6 + number], planes[n6 * (STRIDE6 + 1) + number])
            place = base + STEP6 * number
            words[place] = read_i64_le(planes, number * STRIDE6)
            words[place + 1] = read_i64_le(planes, number * STRIDE6 + 8)
            words[place + TAIL6] = i64(read_i16_le(planes, number * STRIDE6 + 16)) & M16 | tail
            number += 1
        self.totals.peers += n4 + n6

    def carry_out(
        self,
        s: Shard,
        h: i64,
        at: i64,
        step: i64,
        p0: i64,
        p1: i64,
        p2: i64,
        seeding: bool,
        event: i64,
        stored: bool,
        minute: i64,
        sync_age: i64,
    ) -> i64:
        """Store or remove a peer of the small torrent at a place; returns the torrent's place afterwards.

        `sync_age` is as in Announce. A torrent that gets a new peer must not be full (see `is_full`).
        """
        words = s.words
        n, leechers = members_at(s, at, step)
        base = base_of(words, at, step)
        own = find(words, base, step, n, p0, p1, p2)
        if own < 0:
            if event != EVENT_STOPPED and stored:
                at = self.add(s, h, at, step, p0, p1, p2, seeding, event, minute, sync_age)
            return at
        tail_at = base + step * own if step == STEP4 else base + step * own + TAIL6
        tail = words[tail_at]
        age = (minute - (tail >> STAMP_AT)) & M8
        if WANT_SYNC_LIVE and sync_age >= 0 and age < sync_age:
            return at  # older than the known announce
        if event == EVENT_STOPPED:
            self.take(s, at, step, own, n, leechers, minute)
            self.own = NOBODY
            return at
        self.own = own
        if not stored:
            return at
        flags = tail >> FLAGS_AT
        stamp = minute & M8
        if WANT_SYNC_LIVE:
            if sync_age < 0:
                flags &= COMPLETED_BIT
            else:
                stamp = (minute - sync_age) & M8
        if event == EVENT_COMPLETED and seeding:
            flags = self.complete(s, at, flags)
        self.age = age
        words[tail_at] = tail & M48 | stamp << STAMP_AT | flags << FLAGS_AT
        if seeding != (own >= leechers):
            self.switch(s, at, step, own, leechers, seeding)
        return at

    def add(
        self,
        s: Shard,
        h: i64,
        at: i64,
        step: i64,
        p0: i64,
        p1: i64,
        p2: i64,
        seeding: bool,
        event: i64,
        minute: i64,
        sync_age: i64,
    ) -> i64:
        """Add a peer that is not there; returns the torrent's place, which may have changed."""
        need = words_needed(s.words, at) + (1 if step == STEP4 else 3)
        if need > s.room_at(at):
            at = self.move(s, h, at, need)
        words = s.words
        if words[at + 3] & EMPTY != 0:
            words[at + 2] &= M32
            words[at + 3] &= ~EMPTY
        flags: i64 = 0
        stamp = minute & M8
        if WANT_SYNC_LIVE and sync_age >= 0:
            flags = SYNC_BIT
            stamp = (minute - sync_age) & M8
        if event == EVENT_COMPLETED and seeding:
            flags = self.complete(s, at, flags)
        n, leechers = members_at(s, at, step)
        base = base_of(words, at, step)
        own = n
        if not seeding:
            own = leechers
            if leechers < n:
                copy_peer(words, base, step, leechers, n)
            leechers += 1
        place = base + step * own
        tail = stamp << STAMP_AT | flags << FLAGS_AT
        if step == STEP4:
            words[place] = p0 | tail
        else:
            words[place] = p0
            words[place + 1] = p1
            words[place + TAIL6] = p2 | tail
        set_members(s, at, step, n + 1, leechers)
        self.totals.peers += 1
        self.own = own
        return at

    def complete(self, s: Shard, at: i64, flags: i64) -> i64:
        """Count a `completed`, unless this peer's was counted before; returns the peer's new flags."""
        if flags & COMPLETED_BIT == 0:
            self.has_completed = True
            if s.words[at + 3] & DOWNLOADS < MOST_DOWNLOADED:
                s.words[at + 3] += 1
        return flags | COMPLETED_BIT

    def take(self, s: Shard, at: i64, step: i64, own: i64, n: i64, leechers: i64, minute: i64) -> None:
        """Remove a peer; if it was the last one, it left in `minute`."""
        words = s.words
        base = base_of(words, at, step)
        if own < leechers:
            leechers -= 1
            copy_peer(words, base, step, leechers, own)
            own = leechers
        copy_peer(words, base, step, n - 1, own)
        set_members(s, at, step, n - 1, leechers)
        self.totals.peers -= 1
        if size_at(s, at) == 0:
            words[at + 2] = words[at + 2] & M32 | (minute & M24) << COUNTS_AT
            words[at + 3] |= EMPTY

    def switch(self, s: Shard, at: i64, step: i64, own: i64, leechers: i64, seeding: bool) -> None:
        """Make a leecher a seeder, or the other way round: exchange it with the peer at the border of both."""
        border = leechers - 1 if seeding else leechers
        words = s.words
        base = base_of(words, at, step)
        exchange(words, base + step * own, base + step * border, 1 if step == STEP4 else 3)
        n, _ = members_at(s, at, step)
        set_members(s, at, step, n, leechers - 1 if seeding else leechers + 1)
        self.own = border


def exchange(words: vec[i64], one: i64, two: i64, n: i64) -> None:
    """Exchange `n` words with `n` others."""
    while n > 0:
        n -= 1
        kept = words[one + n]
        words[one + n] = words[two + n]
        words[two + n] = kept


def tail_of(flags: i64, stamp: i64) -> i64:
    """Convert flags and stamp of a plane to the bits of a word."""
    return stamp << STAMP_AT | flags_of_byte(flags) << FLAGS_AT


def size_at(s: Shard, at: i64) -> i64:
    """The number of peers of the small torrent at a place; 0 for a large swarm."""
    words = s.words
    if words[at + 3] & (EMPTY | LARGE) != 0:
        return 0
    return (words[at + 2] >> COUNTS_AT & M8) + (words[at + 2] >> PEERS6_AT & M8)


def is_full(s: Shard, at: i64) -> bool:
    """Whether one more peer makes the small torrent at a place a large swarm."""
    return size_at(s, at) == SMALL


def members_at(s: Shard, at: i64, step: i64) -> tuple[i64, i64]:
    """The number of peers of a family of a small torrent, and the number of leechers among them."""
    words = s.words
    if words[at + 3] & EMPTY != 0:
        return 0, 0
    if step == STEP4:
        return words[at + 2] >> COUNTS_AT & M8, words[at + 2] >> LEECHERS4_AT & M8
    return words[at + 2] >> PEERS6_AT & M8, words[at + 3] >> LEECHERS6_AT & M8


def set_members(s: Shard, at: i64, step: i64, n: i64, leechers: i64) -> None:
    """Set the number of peers of a family, and the number of leechers among them."""
    words = s.words
    if step == STEP4:
        words[at + 2] = words[at + 2] & ~(M16 << COUNTS_AT) | n << COUNTS_AT | leechers << LEECHERS4_AT
    else:
        words[at + 2] = words[at + 2] & ~(M8 << PEERS6_AT) | n << PEERS6_AT
        words[at + 3] = words[at + 3] & ~(M8 << LEECHERS6_AT) | leechers << LEECHERS6_AT
