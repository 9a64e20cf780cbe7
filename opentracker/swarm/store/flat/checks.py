"""Checks of shards and their torrents, for `Store.check`."""

from collections.abc import Iterator

from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY
from opentracker.errors import InvariantError
from opentracker.swarm.store.checks import check, check_planes, check_swarm
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.layout import COUNTS_AT, EMPTY, HEAD, M8, PEERS6_AT
from opentracker.swarm.store.flat.packing import contents_at, info_hash_at
from opentracker.swarm.store.flat.shard import ROOMS, Shard, words_needed
from opentracker.swarm.store.flat.torrents import FlatTorrents
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import SMALL


def check_shard(store: FlatTorrents, number: i64, minute: i64, oldest: i64) -> Iterator[None]:
    """See Store.check."""
    s = store.all[number]
    check_places(s, number)
    for info_hash in [info_hash_at(s, at) for at in s.places()]:
        a0, a1, a2 = words_of(info_hash, 0)
        h = store.keyed.of(a0, a1, a2)
        at = s.find(h, a0, a1, a2)
        if at == 0:  # removed since the list was made
            continue
        check(h & (store.shards - 1) == number, info_hash, f"in shard {number}")
        swarm = store.swarm_at(s, at)
        if swarm is None:
            check_small(s, at, info_hash, minute, oldest)
        else:
            yield from check_swarm(info_hash, swarm, minute, oldest)
        yield


def check_places(s: Shard, number: i64) -> None:
    """Check a shard's counts of words, its places and its index."""
    places = s.places()
    live: i64 = 1
    for at in places:
        live += HEAD + s.room_at(at)
    fits = live == s.live and s.live <= s.used <= len(s.words)
    if not fits:
        raise InvariantError(
            f"shard {number}: {live} words used, {s.live} counted, {s.used} of {len(s.words)}"
        )
    if len(places) != s.count or s.count * 4 > (s.mask + 1) * 3 or s.mask & (s.mask + 1) != 0:
        raise InvariantError(f"shard {number}: {len(places)} entries, {s.count} counted, mask {s.mask:#x}")
    free: i64 = 0
    for kind, room in enumerate(ROOMS):
        at = s.free[kind]
        while at != 0:
            free += HEAD + room
            at = s.words[at]
    if live + free != s.used:
        raise InvariantError(f"shard {number}: {live} words used, {free} free, {s.used} there")


def check_small(s: Shard, at: i64, info_hash: bytes, minute: i64, oldest: i64) -> None:
    """Check a small torrent."""
    words = s.words
    room = s.room_at(at)
    check(words_needed(words, at) <= room, info_hash, f"{words_needed(words, at)} words of peers in {room}")
    contents = contents_at(s, at)
    if words[at + 3] & EMPTY != 0:
        left = contents.left_at
        check(left <= minute, info_hash, f"left in minute {left}, and it is {minute}")
        return
    n4 = words[at + 2] >> COUNTS_AT & M8
    n6 = words[at + 2] >> PEERS6_AT & M8
    check(1 <= n4 + n6 <= SMALL, info_hash, f"{n4} + {n6} peers in a small torrent")
    check(contents.leechers4 <= n4, info_hash, f"{contents.leechers4} of {n4} IPv4 peers are leechers")
    check(contents.leechers6 <= n6, info_hash, f"{contents.leechers6} of {n6} IPv6 peers are leechers")
    check(n6 == 0 or not WANT_V4_ONLY, info_hash, f"{n6} IPv6 peers in an IPv4 build")
    check_planes(info_hash, contents.planes4, STRIDE4, minute, oldest)
    check_planes(info_hash, contents.planes6, STRIDE6, minute, oldest)
