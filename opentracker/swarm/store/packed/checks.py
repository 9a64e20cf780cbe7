"""Checks of records, for `Store.check`."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY
from opentracker.swarm.store.checks import check, check_planes, check_swarm
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, PEER6, SMALL, left_at

HASH_SIZE: Final = 20


def check_shard(
    shard: dict[bytes, bytes | Swarm], number: i64, shards: i64, minute: i64, oldest: i64
) -> Iterator[None]:
    """See Store.check."""
    for info_hash in list(shard):
        entry = shard.get(info_hash)
        if entry is None:  # removed since the list was made
            continue
        check(len(info_hash) == HASH_SIZE, info_hash, f"an info_hash of {len(info_hash)} bytes")
        check(hash(info_hash) & (shards - 1) == number, info_hash, f"in shard {number}")
        if isinstance(entry, Swarm):
            yield from check_swarm(info_hash, entry, minute, oldest)
        else:
            check_record(info_hash, entry, minute, oldest)
        yield


def check_record(info_hash: bytes, record: bytes, minute: i64, oldest: i64) -> None:
    """Check a small torrent's record."""
    check(len(record) >= HEADER_SIZE, info_hash, f"a record of {len(record)} bytes")
    if len(record) == HEADER_SIZE:
        check(left_at(record) <= minute, info_hash, f"left in minute {left_at(record)}, and it is {minute}")
        return
    n4: i64 = record[4]
    rest: i64 = len(record) - HEADER_SIZE - PEER4 * n4
    check(rest >= 0 and rest % PEER6 == 0, info_hash, f"{n4} IPv4 peers in {len(record)} bytes")
    n6 = rest // PEER6
    check(1 <= n4 + n6 <= SMALL, info_hash, f"{n4} + {n6} peers in a record")
    check(record[5] <= n4, info_hash, f"{record[5]} of {n4} IPv4 peers are leechers")
    check(record[6] <= n6, info_hash, f"{record[6]} of {n6} IPv6 peers are leechers")
    check(n6 == 0 or not WANT_V4_ONLY, info_hash, f"{n6} IPv6 peers in an IPv4 build")
    check_planes(info_hash, record[HEADER_SIZE : HEADER_SIZE + PEER4 * n4], STRIDE4, minute, oldest)
    check_planes(info_hash, record[HEADER_SIZE + PEER4 * n4 :], STRIDE6, minute, oldest)
