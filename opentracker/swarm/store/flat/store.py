"""The store of compiled builds: shards of words, see `layout` and `shard`."""

from collections.abc import Iterator
from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.swarm.ages import ages_by_stamp
from opentracker.swarm.store.door import NOT_THERE, Contents, Evictor, Picture, Totals
from opentracker.swarm.store.flat.answers import FlatAnswers
from opentracker.swarm.store.flat.changes import number_of
from opentracker.swarm.store.flat.checks import check_shard
from opentracker.swarm.store.flat.cleaning import clean_shard
from opentracker.swarm.store.flat.heads import (
    counts_at,
    left_at,
    members_at,
    partial_seeds_at,
    size_at,
)
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.layout import (
    DOWNLOADS,
    EMPTY,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6
from opentracker.swarm.store.flat.packing import hosts_at, info_hash_at, least_age_at, pack_small
from opentracker.swarm.store.flat.pictures import FlatPicture
from opentracker.swarm.store.flat.rows import FlatRows
from opentracker.swarm.store.flat.shard import WORD, Shard
from opentracker.swarm.store.flat.torrents import SHARD_MASK
from opentracker.swarm.store.peers import STRIDE4
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.store.rows import Rows
from opentracker.swarm.store.weights import weight_of_swarm

TORRENT: Final = 88  # bytes of a torrent without peers: its head, its index entry, and unused room


class FlatStore(FlatAnswers):
    """See Store."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.minute: i64 = -1  # of the table of ages
        self.ages = b""
        self.h: i64 = 0  # the hash of the last `locate`

    # ---- One torrent ----

    def locate(self, data: bytes, at: i64) -> tuple[Shard, i64]:
        """The shard of an info_hash, and its place there, or 0; sets `h` to its hash."""
        a0, a1, a2 = words_of(data, at)
        h = self.keyed.of(a0, a1, a2)
        self.h = h
        s = self.all[h & SHARD_MASK]
        return s, s.find(h, a0, a1, a2)

    def has(self, info_hash: bytes) -> bool:
        """See Store."""
        _shard, at = self.locate(info_hash, 0)
        return at != 0

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return 0, 0, 0
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return swarm.complete(), swarm.downloaded, swarm.incomplete()
        return counts_at(s, at)

    def partial_seeds(self, info_hash: bytes) -> i64:
        """See Store."""
        if WANT_EXTENDED_ANSWERS:
            s, at = self.locate(info_hash, 0)
            if at == 0:
                return 0
            swarm = self.swarm_at(s, at)
            return partial_seeds_at(s, at) if swarm is None else swarm.partial_seeds()
        return 0

    def size_of(self, info_hash: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return NOT_THERE
        swarm = self.swarm_at(s, at)
        return size_at(s, at) if swarm is None else swarm.size()

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return False
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return swarm.knows(peer)
        return number_of(s, at, STEP4 if len(peer) == STRIDE4 else STEP6, peer) >= 0

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return 0
        swarm = self.swarm_at(s, at)
        return len(hosts_at(s, at, peer) if swarm is None else swarm.ports_of(peer))

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            for other in swarm.ports_of(peer):
                swarm.drop(other)
            self.settle(swarm)
            return
        step: i64 = STEP4 if len(peer) == STRIDE4 else STEP6
        for other in hosts_at(s, at, peer):
            n, leechers = members_at(s, at, step)
            self.take(s, at, step, number_of(s, at, step, other), n, leechers, minute)

    def downloads(self, info_hash: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return NOT_THERE
        swarm = self.swarm_at(s, at)
        return s.words[at + 3] & DOWNLOADS if swarm is None else swarm.downloaded

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return minute
        if s.words[at + 3] & EMPTY != 0:
            return left_at(s, at)
        if minute != self.minute:
            self.ages = ages_by_stamp(minute)
            self.minute = minute
        swarm = self.swarm_at(s, at)
        return minute - (least_age_at(s, at, self.ages) if swarm is None else swarm.least_age(self.ages))

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            swarm.downloaded = max(swarm.downloaded, count)
        elif s.words[at + 3] & DOWNLOADS < count:
            s.words[at + 3] = s.words[at + 3] & ~DOWNLOADS | count

    def pack(self, info_hash: bytes) -> list[bytes]:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return []
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return [info_hash, *swarm.packed()]
        record = pack_small(s, at)
        return [info_hash, len(record).to_bytes(4, "big"), record]

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """See Store."""
        a0, a1, a2 = words_of(info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        if contents.size() > SMALL:
            at = self.create(s, h, a0, a1, a2, 0)
            self.enlarge(s, h, at, self.swarm_of(contents))
        else:
            at = self.create(s, h, a0, a1, a2, contents.words())
            self.fill(s, at, contents)

    def weight_of(self, contents: Contents) -> i64:
        """See Store."""
        if contents.size() > SMALL:
            return TORRENT + weight_of_swarm(self.swarm_of(contents))
        return TORRENT + contents.words() * WORD

    def remove(self, info_hash: bytes) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at != 0:
            self.drop(s, self.h, at)

    # ---- The torrents of a shard ----

    def shard_of(self, info_hash: bytes) -> i64:
        """See Store."""
        a0, a1, a2 = words_of(info_hash, 0)
        return self.keyed.of(a0, a1, a2) & SHARD_MASK

    def count(self, shard: i64) -> i64:
        """See Store."""
        return self.all[shard].count

    def info_hashes(self, shard: i64) -> list[bytes]:
        """See Store."""
        s = self.all[shard]
        return [info_hash_at(s, at) for at in s.places()]

    def picture(self, shard: i64) -> Picture:
        """See Store."""
        return FlatPicture(self, self.all[shard])

    def rows(self, bits: i64, number: i64) -> Rows:
        """See Store."""
        return FlatRows(self, bits, number)

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """See Store."""
        return clean_shard(self, shard, minute, evictor)

    def weigh(self, shard: i64) -> Totals:
        """See Store."""
        s = self.all[shard]
        found = Totals()
        found.torrents = s.count
        found.bytes = s.weight()
        for at in s.places():
            swarm = self.swarm_at(s, at)
            found.peers += size_at(s, at) if swarm is None else swarm.size()
            found.bytes += 0 if swarm is None else weight_of_swarm(swarm)
        return found

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """See Store."""
        return check_shard(self, shard, minute, oldest)
