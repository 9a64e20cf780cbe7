"""The cleaner: peers and torrents that nobody has heard of for too long go, shard by shard, in small slices."""

import sys
from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS, WANT_MAX_PEER
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peer_table import PeerTable
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import (
    HEADER_SIZE,
    PEER4,
    SMALL,
    counts,
    downloaded,
    head,
    left_at,
    without_peers,
)
from opentracker.swarm.store.small import without_peer
from opentracker.swarm.tracker import SHARDS, Tracker

SLICE: Final = 64  # records or blocks looked at between two yields: some tens of microseconds

# Minutes. Where a stamp seems to be older than this, it is of a minute that has begun since the cleaning did. Cleaners
# come too often to find one really so old; half the room that there is goes to either side.
OLDEST: Final = (OT_PEER_TIMEOUT + OT_CLEAN_CYCLE + 255) // 2

LEAST_TABLE: Final = 4096  # bytes of a dict that are not worth the while
WIDEST: Final = (
    80  # bytes of a dict for each of its entries; 27 to 55 as it grows, up to 108 where entries come and go
)


def expired_stamps(minute: i64) -> bytes:
    """A `bytes.translate` table from stamp to 1 if a peer with it has expired, else 0.

    A peer is kept for OT_PEER_TIMEOUT whole minutes; a stamp is a minute modulo 256.
    """
    return bytes([1 if OT_PEER_TIMEOUT < (minute - stamp) & 255 <= OLDEST else 0 for stamp in range(256)])


def newest(stamps: bytes, minute: i64) -> i64:
    """The latest minute in a non-empty plane of stamps."""
    return minute - min([(minute - stamp) & 255 for stamp in stamps])


class Cleaner:
    """Visits all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.next_shard: i64 = 0

    def clean_next(self, minute: i64) -> Iterator[None]:
        """Clean one shard as of `minute`; yields after every few dozen torrents."""
        shard = self.tracker.shards[self.next_shard]
        self.next_shard = (self.next_shard + 1) % SHARDS
        table = expired_stamps(minute)
        seen: i64 = 0
        # Taken off the list one by one: to free all keys of a shard at its end gives a heap's worth of memory back in
        # one go, which has taken 7 ms after a million torrents.
        info_hashes = list(shard)
        while info_hashes:
            info_hash = info_hashes.pop()
            entry = shard.get(info_hash)
            if entry is None:  # gone since the last slice
                continue
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
                if shard.get(info_hash) is not entry:
                    continue
                self.tracker.settle(entry)
                kept: bytes | Swarm = demoted(entry, minute) if entry.size() <= SMALL // 2 else entry
            else:
                kept = entry if len(entry) == HEADER_SIZE else expire_record(entry, table, minute)
            if self.goes(kept, minute):
                self.tracker.put(shard, info_hash, entry, None)
            elif kept is not entry:
                self.tracker.put(shard, info_hash, entry, kept)
            seen += 1
            if seen % SLICE == 0:
                yield
        give_back(shard)

    def goes(self, entry: bytes | Swarm, minute: i64) -> bool:
        """Whether a torrent goes: its time is up, or others need its room."""
        if isinstance(entry, bytes) and len(entry) == HEADER_SIZE and is_over(entry, minute):
            return True
        if WANT_MAX_PEER and not self.tracker.limits.spares(entry):
            self.tracker.counters.evicted_torrents += 1
            return True
        return False


def give_back(shard: dict[bytes, bytes | Swarm]) -> None:
    """Give a dict's memory back that has lost entries: it does not shrink by itself, and grows where as many come."""
    if sys.getsizeof(shard) > LEAST_TABLE and sys.getsizeof(shard) > WIDEST * len(shard):
        rest = shard.copy()
        shard.clear()
        shard.update(rest)


def stamps_of(record: bytes) -> tuple[bytes, bytes]:
    """The stamps of a record's IPv4 and IPv6 peers."""
    n4, _, n6, _ = counts(record)
    start4, start6 = HEADER_SIZE + (STRIDE4 + 1) * n4, HEADER_SIZE + PEER4 * n4 + (STRIDE6 + 1) * n6
    return record[start4 : start4 + n4], record[start6 : start6 + n6]


def expire_record(record: bytes, table: bytes, minute: i64) -> bytes:
    """A small torrent's record without its expired peers: the same object if there are none."""
    stamps4, stamps6 = stamps_of(record)
    hits4, hits6 = stamps4.translate(table), stamps6.translate(table)
    if hits4.find(1) < 0 and hits6.find(1) < 0:
        return record
    left = newest(stamps4 + stamps6, minute)
    for hits, v6 in ((hits4, False), (hits6, True)):
        index = hits.rfind(1)
        while index >= 0:
            record = without_peer(record, v6, index, left)
            index = hits.rfind(1, 0, index)
    return record


def expire_block(peers: PeerTable, at: i64, table: bytes) -> None:
    """Remove the expired peers of one block."""
    block = peers.blocks[at]
    hits = block[len(block) // (peers.stride + 2) * (peers.stride + 1) :].translate(table)
    index = hits.rfind(1)
    while index >= 0:
        peers.remove(at, index)
        index = hits.rfind(1, 0, index)


def is_over(record: bytes, minute: i64) -> bool:
    """Whether a torrent without peers can go: it has no count to keep, or its time is up."""
    return downloaded(record) == 0 or minute - left_at(record) > OT_TORRENT_TIMEOUT_HOURS * 60


def demoted(swarm: Swarm, minute: i64) -> bytes:
    """The record of a swarm that has become small."""
    if swarm.size() == 0:
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
