"""Cleaning a shard: removing expired peers from records and blocks, and torrents that are over or evicted."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_MAX_PEER
from opentracker.swarm.ages import ages_by_stamp, expired_stamps, is_over, least_age
from opentracker.swarm.store.door import Evictor
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.packed.shards import PackedShards
from opentracker.swarm.store.packed.small import without_peer
from opentracker.swarm.store.peers import COMPLETED
from opentracker.swarm.store.records import (
    HEADER_SIZE,
    SMALL,
    downloaded,
    head,
    left_at,
    peers_of,
    stamps_of,
    without_peers,
)

SLICE: Final = 32  # records or blocks looked at between two yields: up to some hundreds of microseconds


def clean_shard(store: PackedShards, number: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
    """See Store.clean."""
    shard = store.dicts[number]
    expired, ages = expired_stamps(minute), ages_by_stamp(minute)
    seen: i64 = 0
    # The keys are popped one by one: freeing them all at the end returns much memory to the system at once, which
    # took 7 ms after a million torrents.
    info_hashes = list(shard)
    while info_hashes:
        info_hash = info_hashes.pop()
        entry = shard.get(info_hash)
        if isinstance(entry, Swarm):
            for peers in entry.tables():
                at = 0
                while at < peers.count:  # blocks may be split or merged between two slices
                    peers.expire(at, expired)
                    at += 1
                    seen += 1
                    if seen % SLICE == 0:
                        yield
                while peers.merge():
                    pass
            if shard.get(info_hash) is entry:
                store.settle(entry)
                keep(store, info_hash, entry, smaller(entry, minute), minute, evictor)
        elif entry is not None:
            kept = entry if len(entry) == HEADER_SIZE else expire_record(entry, expired, ages, minute)
            keep(store, info_hash, entry, kept, minute, evictor)
        seen += 1
        if seen % SLICE == 0:
            yield
    store.give_back(number)


def keep(
    store: PackedShards,
    info_hash: bytes,
    former: bytes | Swarm,
    kept: bytes | Swarm,
    minute: i64,
    evictor: Evictor,
) -> None:
    """Store a cleaned torrent, or drop it."""
    if goes(kept, minute, evictor):
        store.change(info_hash, former, None)
    elif kept is not former:
        store.change(info_hash, former, kept)
    else:
        return
    if WANT_MAX_PEER:
        evictor.look()


def goes(entry: bytes | Swarm, minute: i64, evictor: Evictor) -> bool:
    """Whether to drop a torrent: it is over, or evicted."""
    if isinstance(entry, Swarm):
        return False
    if len(entry) == HEADER_SIZE and is_over(downloaded(entry), left_at(entry), minute):
        return True
    if WANT_MAX_PEER and evictor.evicting:
        return not evictor.spares(peers_of(entry), downloaded(entry), entry[len(entry) - 2] & COMPLETED != 0)
    return False


def expire_record(record: bytes, expired: bytes, ages: bytes, minute: i64) -> bytes:
    """A small torrent's record without its expired peers, by tables of stamps: the same object if there are none."""
    stamps4, stamps6 = stamps_of(record)
    hits4, hits6 = stamps4.translate(expired), stamps6.translate(expired)
    if hits4.find(1) < 0 and hits6.find(1) < 0:
        return record
    left = minute - least_age(stamps4 + stamps6, ages)
    for hits, v6 in ((hits4, False), (hits6, True)):
        index = hits.rfind(1)
        while index >= 0:
            record = without_peer(record, v6, index, left)
            index = hits.rfind(1, 0, index)
    return record


def smaller(swarm: Swarm, minute: i64) -> bytes | Swarm:
    """The record of a swarm that has shrunk enough; else the swarm itself."""
    if swarm.size() > SMALL // 2:
        return swarm
    if swarm.size() == 0:
        return without_peers(swarm.downloaded, minute)
    start = head(swarm.downloaded, swarm.v4.size(), swarm.v4.leechers.peers, swarm.v6.leechers.peers)
    return b"".join([start, swarm.v4.planes(), swarm.v6.planes()])
