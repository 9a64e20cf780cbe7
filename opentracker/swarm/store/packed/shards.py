"""The shards: dicts from info_hash to a record or a large swarm; every change updates the totals here."""

from typing import Final

from librt.random import Random

from opentracker.swarm.store.door import Contents, Store
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peer_table import PeerTable
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import HEADER_SIZE, counts, downloaded, peers_of
from opentracker.swarm.store.weights import TORRENT, weight_of, weight_of_swarm

SHARDS: Final = 256
MASK: Final = SHARDS - 1


class PackedShards(Store):
    """The part of the store that changes torrents; PackedStore adds the queries."""

    def __init__(self, random: Random) -> None:
        super().__init__(SHARDS)
        self.dicts: list[dict[bytes, bytes | Swarm]] = [{} for _ in range(SHARDS)]
        self.random = random

    def get(self, info_hash: bytes) -> bytes | Swarm | None:
        """The entry of a torrent: a record, a large swarm, or None."""
        return self.dicts[hash(info_hash) & MASK].get(info_hash)

    def change(self, info_hash: bytes, former: bytes | Swarm | None, kept: bytes | Swarm | None) -> None:
        """Replace the entry `former` of a torrent by `kept`; None is a torrent that is not there.

        Every change of the numbers of torrents or peers is made here or, within a large swarm, followed by `settle`.
        """
        shard = self.dicts[hash(info_hash) & MASK]
        totals = self.totals
        if former is None:
            totals.torrents += 1
            totals.bytes += TORRENT
        elif isinstance(former, Swarm):
            totals.peers -= former.counted
            totals.bytes -= former.weighed
            former.counted = former.weighed = 0
        else:
            totals.peers -= peers_of(former)
            totals.bytes -= weight_of(former)
        if kept is None:
            totals.torrents -= 1
            totals.bytes -= TORRENT
            del shard[info_hash]
            return
        if isinstance(kept, Swarm):
            self.settle(kept)
        else:
            totals.peers += peers_of(kept)
            totals.bytes += weight_of(kept)
        shard[info_hash] = kept

    def settle(self, swarm: Swarm) -> None:
        """Update the totals after a change of a stored large swarm."""
        size, weight = swarm.size(), weight_of_swarm(swarm)
        self.totals.peers += size - swarm.counted
        self.totals.bytes += weight - swarm.weighed
        swarm.counted = size
        swarm.weighed = weight

    def grown(self, record: bytes) -> Swarm:
        """Make a large swarm of a record, without storing it."""
        swarm = Swarm(downloaded(record), PeerTable, self.counts_ports)
        n4, leechers4, n6, leechers6 = counts(record)
        start6 = HEADER_SIZE + (STRIDE4 + 2) * n4
        if n4 > 0:
            swarm.load(STRIDE4, record[HEADER_SIZE:start6], leechers4)
        if n6 > 0:
            swarm.load(STRIDE6, record[start6:], leechers6)
        return swarm

    def swarm_of(self, contents: Contents) -> Swarm:
        """Make a large swarm of these peers, without storing it."""
        swarm = Swarm(contents.downloaded, PeerTable, self.counts_ports)
        if contents.planes4:
            swarm.load(STRIDE4, contents.planes4, contents.leechers4)
        if contents.planes6:
            swarm.load(STRIDE6, contents.planes6, contents.leechers6)
        return swarm
