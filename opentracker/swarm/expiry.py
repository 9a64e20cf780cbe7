"""The cleaner: peers and torrents that nobody has heard of for too long go, shard by shard, in small slices."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS
from opentracker.swarm.large import PeerTable, Swarm
from opentracker.swarm.records import HEAD, SMALL, downloaded, head, left_at, without_peers
from opentracker.swarm.small import Lane, Workbench
from opentracker.swarm.tracker import SHARDS, Tracker

SLICE: Final = 64  # records or blocks looked at between two yields: some tens of microseconds


def expired_stamps(minute: i64) -> bytes:
    """A `bytes.translate` table from stamp to 1 if a peer with it has expired, else 0.

    A peer is kept for OT_PEER_TIMEOUT whole minutes; a stamp is a minute modulo 256.
    """
    return bytes([1 if (minute - stamp) & 255 > OT_PEER_TIMEOUT else 0 for stamp in range(256)])


def newest(stamps: bytes, minute: i64) -> i64:
    """The latest minute in a non-empty plane of stamps."""
    return minute - min([(minute - stamp) & 255 for stamp in stamps])


class Cleaner:
    """Visits all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.bench = Workbench()
        self.next_shard: i64 = 0

    def clean_next(self, minute: i64) -> Iterator[None]:
        """Clean one shard as of `minute`; yields after every few dozen torrents."""
        shard = self.tracker.shards[self.next_shard]
        self.next_shard = (self.next_shard + 1) % SHARDS
        table = expired_stamps(minute)
        seen: i64 = 0
        for info_hash in list(shard):
            entry = shard[info_hash]  # nothing else removes torrents
            if isinstance(entry, Swarm):
                for peers in (entry.v4.leechers, entry.v4.seeders, entry.v6.leechers, entry.v6.seeders):
                    at = 0
                    while at < len(peers.blocks):  # they may be split or merged between two slices
                        expire_block(peers, at, table)
                        at += 1
                        seen += 1
                        if seen % SLICE == 0:
                            yield
                    while peers.merge():
                        pass
                if entry.v4.size() + entry.v6.size() <= SMALL // 2:
                    shard[info_hash] = demoted(entry, minute)
            else:
                record = self.expire_record(entry, table, minute)
                if len(record) == HEAD and is_over(record, minute):
                    del shard[info_hash]
                elif record is not entry:
                    shard[info_hash] = record
            seen += 1
            if seen % SLICE == 0:
                yield

    def expire_record(self, record: bytes, table: bytes, minute: i64) -> bytes:
        """A small torrent's record without its expired peers: the same object if there are none."""
        if len(record) == HEAD:
            return record
        bench = self.bench
        bench.open(record)
        # IPv6 first: it stands behind, so that the other lane's place stays true.
        kept = expire_lane(bench.v4, expire_lane(bench.v6, record, table), table)
        if kept is record:
            return record
        left = minute if len(kept) > HEAD else last_seen(record, minute)
        return bench.close(kept, downloaded(record), left)


def expire_lane(lane: Lane, record: bytes, table: bytes) -> bytes:
    """The record without the expired peers of one family; its head is still the old one."""
    first = lane.start + lane.n * (lane.stride + 1)
    hits = record[first : first + lane.n].translate(table)
    index = hits.rfind(1)
    while index >= 0:
        record = lane.remove(record, index)
        index = hits.rfind(1, 0, index)
    return record


def expire_block(peers: PeerTable, at: i64, table: bytes) -> None:
    """Remove the expired peers of one block."""
    size = peers.size(at)
    hits = peers.blocks[at][size * (peers.stride + 1) :].translate(table)
    index = hits.rfind(1)
    while index >= 0:
        peers.remove(at, index)
        index = hits.rfind(1, 0, index)


def last_seen(record: bytes, minute: i64) -> i64:
    """The latest minute in which a peer of the record, which has some, was heard of."""
    bench = Workbench()
    bench.open(record)
    v4, v6 = bench.v4, bench.v6
    stamps4 = v4.start + v4.n * (v4.stride + 1)
    stamps6 = v6.start + v6.n * (v6.stride + 1)
    return newest(record[stamps4 : stamps4 + v4.n] + record[stamps6:], minute)


def is_over(record: bytes, minute: i64) -> bool:
    """Whether a torrent without peers can go: it has no count to keep, or its time is up."""
    return downloaded(record) == 0 or minute - left_at(record) > OT_TORRENT_TIMEOUT_HOURS * 60


def demoted(swarm: Swarm, minute: i64) -> bytes:
    """The record of a swarm that has become small."""
    if swarm.v4.size() + swarm.v6.size() == 0:
        return without_peers(swarm.downloaded, minute)
    planes = b""
    for family in (swarm.v4, swarm.v6):
        leeching, seeding = family.leechers.planes(), family.seeders.planes()
        for plane in range(3):
            planes += leeching[plane] + seeding[plane]
    return (
        head(
            swarm.downloaded,
            swarm.v4.size(),
            swarm.v4.leechers.peers,
            swarm.v6.leechers.peers,
        )
        + planes
    )
