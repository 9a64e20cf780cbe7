"""Every change of the peers of a small torrent; each updates the totals."""

from typing import Final

from librt.random import Random
from librt.strings import read_i16_le, read_i64_le
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_SYNC_LIVE
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_PAUSED, EVENT_STOPPED
from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.flat.heads import (
    members_at,
    set_members,
    size_at,
)
from opentracker.swarm.store.flat.layout import (
    COMPLETED_BIT,
    COUNTS_AT,
    DOWNLOADS,
    EMPTY,
    FLAGS_AT,
    LARGE,
    LEECHERS6_AT,
    M8,
    M16,
    M24,
    M32,
    M48,
    PARTIAL_BIT,
    STAMP_AT,
    SYNC_BIT,
    flags_of_byte,
    word_of_peer,
    words_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, TAIL6, base_of, copy_peer, exchange, find
from opentracker.swarm.store.flat.shard import Shard, words_needed
from opentracker.swarm.store.flat.torrents import FlatTorrents
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import MOST_DOWNLOADED

NOBODY: Final[i64] = -1  # in place of a peer's number
NO_AGE: Final[i64] = -1


class FlatPeers(FlatTorrents):
    """The part of the store that changes peers.

    `carry_out` sets `own` to the peer's number afterwards, or NOBODY; `age` to the minutes since the peer's last
    announce, or NO_AGE; and `has_completed`.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.own: i64 = NOBODY
        self.age: i64 = NO_AGE

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
                flags &= ~SYNC_BIT
            else:
                stamp = (minute - sync_age) & M8
        if WANT_EXTENDED_ANSWERS:
            flags &= ~PARTIAL_BIT
            if event == EVENT_PAUSED and not seeding:
                flags |= PARTIAL_BIT
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
        if WANT_EXTENDED_ANSWERS and event == EVENT_PAUSED and not seeding:
            flags |= PARTIAL_BIT
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
        n, _leechers = members_at(s, at, step)
        set_members(s, at, step, n, leechers - 1 if seeding else leechers + 1)
        self.own = border


def tail_of(flags: i64, stamp: i64) -> i64:
    """Convert flags and stamp of a plane to the bits of a word."""
    return stamp << STAMP_AT | flags_of_byte(flags) << FLAGS_AT


def number_of(s: Shard, at: i64, step: i64, peer: bytes) -> i64:
    """The number of a peer of a small torrent, or -1."""
    p0, p1, p2 = words_of_peer(peer)
    n, _leechers = members_at(s, at, step)
    return find(s.words, base_of(s.words, at, step), step, n, p0, p1, p2)
