"""The store of interpreted builds: 256 dicts from info_hash to the record of a small torrent, or a large swarm.

The shard is chosen by `hash(info_hash)`, which the look-up computes anyway.
"""

import sys
from collections.abc import Iterator
from typing import Final

from librt.random import Random
from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_MAX_PEER, WANT_SYNC_LIVE
from opentracker.protocol.messages import Announce
from opentracker.swarm.ages import ages_by_stamp, least_age
from opentracker.swarm.store.door import NOT_THERE, Contents, Evictor, Picture, Totals
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.packed.checks import check_shard
from opentracker.swarm.store.packed.cleaning import clean_shard
from opentracker.swarm.store.packed.pictures import PackedPicture
from opentracker.swarm.store.packed.renewal import renew
from opentracker.swarm.store.packed.rows import PackedRows
from opentracker.swarm.store.packed.shards import MASK, SHARDS, PackedShards
from opentracker.swarm.store.packed.small import announce, without_peer
from opentracker.swarm.store.peers import STRIDE6, find, ports_in
from opentracker.swarm.store.records import (
    EMPTY,
    HEADER_SIZE,
    SMALL,
    counts,
    downloaded,
    left_at,
    peers_of,
    plane_of,
    record_of,
    stamps_of,
)
from opentracker.swarm.store.rows import Rows
from opentracker.swarm.store.weights import TORRENT, weight_of, weight_of_swarm

if WANT_EXTENDED_ANSWERS:
    from opentracker.swarm.store.packed.small import partial_in_record
if WANT_SYNC_LIVE:
    from opentracker.swarm.store.packed.synced import sync_small

LEAST_TABLE: Final = 4096  # bytes of a dict that is too small to be worth rebuilding
# Bytes of a dict for each of its entries: 27 to 55 as the dict grows, up to 108 after many deletions.
WIDEST: Final = 80


class PackedStore(PackedShards):
    """See Store."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.minute: i64 = -1  # of the table of ages
        self.ages = b""

    # ---- One torrent ----

    def has(self, info_hash: bytes) -> bool:
        """See Store."""
        return info_hash in self.dicts[hash(info_hash) & MASK]

    def announce(self, a: Announce, minute: i64) -> None:
        """See Store."""
        info_hash = a.info_hash
        shard = self.dicts[hash(info_hash) & MASK]
        entry = shard.get(info_hash)
        if isinstance(entry, Swarm):
            entry.announce(a, minute, self.random)
            if WANT_MAX_PEER and a.age < 0:
                self.settle(entry)
            return
        former = EMPTY if entry is None else entry
        record = announce(former, a, minute, self.random)
        if record is not former:
            if len(record) == len(former):
                shard[info_hash] = record
            elif a.complete + a.incomplete <= SMALL:
                self.change(info_hash, entry, record)
            else:
                self.change(info_hash, entry, self.grown(record))

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
        """See Store. Only renewals are taken, so `may_come` does not matter, and `has_completed` stays False."""
        return renew(self.dicts, packet, address, numwant, interval, minute, self.random, out)

    def sync(self, a: Announce, minute: i64) -> None:
        """See Store."""
        if WANT_SYNC_LIVE:
            entry = self.get(a.info_hash)
            if isinstance(entry, Swarm):
                entry.sync(a, minute)
                self.settle(entry)
                return
            former = EMPTY if entry is None else entry
            record = sync_small(former, a, minute)
            if record is not former:
                kept = record if a.complete + a.incomplete <= SMALL else self.grown(record)
                self.change(a.info_hash, entry, kept)

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """See Store."""
        entry = self.dicts[hash(info_hash) & MASK].get(info_hash)
        if entry is None:
            return 0, 0, 0
        if isinstance(entry, Swarm):
            return entry.complete(), entry.downloaded, entry.incomplete()
        n4, leechers4, n6, leechers6 = counts(entry)
        incomplete = leechers4 + leechers6
        return n4 + n6 - incomplete, downloaded(entry), incomplete

    def partial_seeds(self, info_hash: bytes) -> i64:
        """See Store."""
        if WANT_EXTENDED_ANSWERS:
            entry = self.get(info_hash)
            if isinstance(entry, Swarm):
                return entry.partial_seeds()
            return 0 if entry is None else partial_in_record(entry)
        return 0

    def size_of(self, info_hash: bytes) -> i64:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None:
            return NOT_THERE
        return entry.size() if isinstance(entry, Swarm) else peers_of(entry)

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None:
            return False
        if isinstance(entry, Swarm):
            return entry.knows(peer)
        start, n = plane_of(entry, peer)
        return find(entry, start, n, len(peer), peer) >= 0

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """See Store."""
        return len(self.ports(self.get(info_hash), peer))

    def ports(self, entry: bytes | Swarm | None, peer: bytes) -> list[bytes]:
        """The peers of a torrent that `ports_of` counts."""
        if entry is None:
            return []
        if isinstance(entry, Swarm):
            return entry.ports_of(peer)
        start, n = plane_of(entry, peer)
        return ports_in(entry, start, n, peer)

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None:
            return
        record = entry
        for other in self.ports(entry, peer):
            if isinstance(record, Swarm):
                record.drop(other)
            else:
                start, n = plane_of(record, other)
                index = find(record, start, n, len(other), other)
                record = without_peer(record, len(other) == STRIDE6, index, minute)
        if isinstance(entry, Swarm):
            self.settle(entry)
        else:
            self.change(info_hash, entry, record)

    def downloads(self, info_hash: bytes) -> i64:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None:
            return NOT_THERE
        return entry.downloaded if isinstance(entry, Swarm) else downloaded(entry)

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None:
            return minute
        if isinstance(entry, bytes) and len(entry) == HEADER_SIZE:
            return left_at(entry)
        if minute != self.minute:
            self.ages = ages_by_stamp(minute)
            self.minute = minute
        if isinstance(entry, Swarm):
            return minute - entry.least_age(self.ages)
        stamps4, stamps6 = stamps_of(entry)
        return minute - least_age(stamps4 + stamps6, self.ages)

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """See Store."""
        entry = self.get(info_hash)
        if entry is None or count <= self.downloads(info_hash):
            return
        if isinstance(entry, Swarm):
            entry.downloaded = count
        else:
            self.change(info_hash, entry, int(count).to_bytes(4, "big") + entry[4:])

    def pack(self, info_hash: bytes) -> list[bytes]:
        """See Store. Nothing is copied."""
        entry = self.get(info_hash)
        if entry is None:
            return []
        if isinstance(entry, bytes):
            return [info_hash, len(entry).to_bytes(4, "big"), entry]
        return [info_hash, *entry.packed()]

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """See Store."""
        self.change(
            info_hash,
            None,
            record_of(contents) if contents.size() <= SMALL else self.swarm_of(contents),
        )

    def weight_of(self, contents: Contents) -> i64:
        """See Store."""
        if contents.size() > SMALL:
            return TORRENT + weight_of_swarm(self.swarm_of(contents))
        return TORRENT + weight_of(record_of(contents))

    def remove(self, info_hash: bytes) -> None:
        """See Store."""
        entry = self.get(info_hash)
        if entry is not None:
            self.change(info_hash, entry, None)

    # ---- The torrents of a shard ----

    def shard_of(self, info_hash: bytes) -> i64:
        """See Store."""
        return hash(info_hash) & MASK

    def count(self, shard: i64) -> i64:
        """See Store."""
        return len(self.dicts[shard])

    def info_hashes(self, shard: i64) -> list[bytes]:
        """See Store."""
        return list(self.dicts[shard])

    def picture(self, shard: i64) -> Picture:
        """See Store."""
        return PackedPicture(self.dicts[shard])

    def rows(self, bits: i64, number: i64) -> Rows:
        """See Store."""
        return PackedRows(self, bits, number)

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """See Store."""
        yield from clean_shard(self, shard, minute, evictor)

    def give_back(self, shard: i64) -> None:
        """See Store. Rebuilds a sparse dict: dicts never shrink on delete, and grow under steady turnover."""
        there = self.dicts[shard]
        if sys.getsizeof(there) > LEAST_TABLE and sys.getsizeof(there) > WIDEST * len(there):
            rest = there.copy()
            there.clear()
            there.update(rest)

    def weigh(self, shard: i64) -> Totals:
        """See Store."""
        found = Totals()
        for entry in self.dicts[shard].values():
            found.torrents += 1
            found.peers += entry.size() if isinstance(entry, Swarm) else peers_of(entry)
            found.bytes += TORRENT + (
                weight_of_swarm(entry) if isinstance(entry, Swarm) else weight_of(entry)
            )
        return found

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """See Store."""
        yield from check_shard(self.dicts[shard], shard, SHARDS, minute, oldest)
