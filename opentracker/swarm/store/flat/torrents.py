"""Torrents come, move and go: shards of small ones in words, and large swarms beside them. Totals are kept here."""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker.swarm.store.door import Contents, Store
from opentracker.swarm.store.flat.heads import (
    size_at,
)
from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    EMPTY,
    LARGE,
    M32,
)
from opentracker.swarm.store.flat.shard import SHARD_BITS, Rooms, Shard
from opentracker.swarm.store.flat.word_table import WordTable
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.weights import weight_of_swarm

SHARDS: Final = 1 << SHARD_BITS
SHARD_MASK: Final = SHARDS - 1
MOST_ROWS: Final = 1 << 18  # of a segment: slow full scrapes may hold two segments of 6 MB


class FlatTorrents(Store):
    """The part of the store that creates, moves and removes torrents."""

    def __init__(self, random: Random) -> None:
        super().__init__(SHARDS)
        self.most_rows = MOST_ROWS
        self.random = random
        self.keyed = KeyedHash()
        rooms = Rooms()
        self.all = [Shard(self.keyed, rooms) for _ in range(SHARDS)]
        self.swarms: list[Swarm | None] = []  # large swarms by their numbers; a number with None is free
        self.free_numbers: list[i64] = []

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
        s.compact(0, 0, 0)
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

    def enlarge(self, s: Shard, h: i64, at: i64, swarm: Swarm) -> None:
        """Replace the small torrent at a place by a large swarm, which needs no room there; the place may change."""
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
        if s.room_at(at) > 0:
            self.move(s, h, at, 0)
            self.give_back(h & SHARD_MASK)

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
        swarm = Swarm(contents.downloaded, WordTable, self.counts_ports)
        if contents.planes4:
            swarm.load(STRIDE4, contents.planes4, contents.leechers4)
        if contents.planes6:
            swarm.load(STRIDE6, contents.planes6, contents.leechers6)
        return swarm
