"""Cleaning a shard in slices of some hundreds of microseconds: first its small torrents, then its large swarms."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_PEER_TIMEOUT, WANT_MAX_PEER
from opentracker.swarm.ages import OLDEST, expired_stamps, is_over
from opentracker.swarm.store.door import Contents, Evictor
from opentracker.swarm.store.flat.changes import FlatPeers
from opentracker.swarm.store.flat.heads import (
    members_at,
    size_at,
)
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.layout import (
    COMPLETED_BIT,
    COUNTS_AT,
    DOWNLOADS,
    EMPTY,
    FLAGS_AT,
    LARGE,
    M8,
    M24,
    STAMP_AT,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, TAIL6, base_of
from opentracker.swarm.store.flat.packing import info_hash_at
from opentracker.swarm.store.flat.shard import PLACE, Shard
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.records import NEGATIVE, SMALL

SLOTS: Final = 2048  # of the index between two yields
BLOCKS: Final = 8  # of large swarms between two yields


def clean_shard(store: FlatPeers, number: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
    """See Store.clean."""
    s = store.all[number]
    large: list[bytes] = []
    has_evicted = False
    slot: i64 = 0
    while slot <= s.mask:
        before, mask = s.count, s.mask
        slot = clean_slots(store, s, slot, minute, evictor, large)
        has_evicted = has_evicted or (evictor.evicting and s.count < before)
        if mask >= SLOTS:
            yield
        if s.mask != mask:  # meanwhile all entries have got new slots
            slot = 0
            large.clear()
    for info_hash in large:
        yield from clean_large(store, number, info_hash, minute, evictor)
    if WANT_MAX_PEER and has_evicted:
        store.compact(number)  # or the others would go for room that has been made already
    store.give_back(number)
    if WANT_MAX_PEER:
        evictor.look()


def clean_slots(
    store: FlatPeers, s: Shard, slot: i64, minute: i64, evictor: Evictor, large: list[bytes]
) -> i64:
    """Clean the small torrents of SLOTS slots, and add the large ones to a list; returns the slot after them."""
    end = slot + SLOTS
    while slot < end and slot <= s.mask:
        entry = s.index[slot]
        if entry != 0:
            at = entry & PLACE
            if s.words[at + 3] & LARGE != 0:
                large.append(info_hash_at(s, at))
            elif goes(store, s, at, minute, evictor):
                store.drop(s, s.hash_at(at), at)
                if WANT_MAX_PEER:
                    evictor.look()
                continue  # another entry may have moved up to this slot
        slot += 1
    return slot


def goes(store: FlatPeers, s: Shard, at: i64, minute: i64, evictor: Evictor) -> bool:
    """Expire the peers of a small torrent; returns whether to drop the torrent: it is over, or evicted."""
    words = s.words
    if words[at + 3] & EMPTY == 0:
        expire(store, s, at, minute)
    downloads = words[at + 3] & DOWNLOADS
    if words[at + 3] & EMPTY != 0:
        left = words[at + 2] >> COUNTS_AT & M24
        if is_over(downloads, left if left < NEGATIVE else left - 2 * NEGATIVE, minute):
            return True
    if WANT_MAX_PEER and evictor.evicting:
        return not evictor.spares(size_at(s, at), downloads, has_completed(s, at))
    return False


def has_completed(s: Shard, at: i64) -> bool:
    """Whether the only peer of a torrent has completed it."""
    if size_at(s, at) != 1:
        return False
    n4, _leechers = members_at(s, at, STEP4)
    tail = base_of(s.words, at, STEP4) if n4 == 1 else base_of(s.words, at, STEP6) + TAIL6
    return s.words[tail] >> FLAGS_AT & COMPLETED_BIT != 0


def expire(store: FlatPeers, s: Shard, at: i64, minute: i64) -> None:
    """Remove the expired peers of a small torrent; if all expired, `left_at` is the minute of the newest stamp."""
    words = s.words
    newest: i64 = OLDEST
    for step in (STEP4, STEP6):
        n, leechers = members_at(s, at, step)
        tail = base_of(words, at, step)
        if step != STEP4:
            tail += TAIL6
        number = n - 1
        while number >= 0:
            age = (minute - (words[tail + step * number] >> STAMP_AT)) & M8
            if OT_PEER_TIMEOUT < age <= OLDEST:
                if age < newest:
                    newest = age
                store.take(s, at, step, number, n, leechers, minute - newest)
                n -= 1
                if number < leechers:
                    leechers -= 1
            number -= 1


def clean_large(
    store: FlatPeers, number: i64, info_hash: bytes, minute: i64, evictor: Evictor
) -> Iterator[None]:
    """Clean a large swarm; if it has shrunk enough, it becomes a small torrent."""
    s = store.all[number]
    a0, a1, a2 = words_of(info_hash, 0)
    h = store.keyed.of(a0, a1, a2)
    at = s.find(h, a0, a1, a2)
    swarm = store.swarm_at(s, at) if at != 0 else None
    if swarm is None:
        return
    expired = expired_stamps(minute)
    seen: i64 = 0
    for table in swarm.tables():
        block: i64 = 0
        while block < table.count:  # blocks may be split or merged between two slices
            table.expire(block, expired)
            block += 1
            seen += 1
            if seen % BLOCKS == 0:
                yield
        while table.merge():
            pass
    at = s.find(h, a0, a1, a2)
    if at == 0 or store.swarm_at(s, at) is not swarm:
        return
    store.settle(swarm)
    if swarm.size() <= SMALL // 2:
        at = shrink(store, s, h, at, swarm, minute)
        if goes(store, s, at, minute, evictor):
            store.drop(s, h, at)
        if WANT_MAX_PEER:
            evictor.look()


def shrink(store: FlatPeers, s: Shard, h: i64, at: i64, swarm: Swarm, minute: i64) -> i64:
    """Turn a large swarm with few peers into a small torrent; returns its place."""
    contents = Contents(swarm.downloaded, minute)
    contents.planes4, contents.leechers4 = swarm.v4.planes(), swarm.v4.leechers.peers
    contents.planes6, contents.leechers6 = swarm.v6.planes(), swarm.v6.leechers.peers
    if contents.words() > s.room_at(at):
        at = store.move(s, h, at, contents.words())
    store.forget(swarm, s.words[at + 2] >> COUNTS_AT)
    store.fill(s, at, contents)
    return at
