"""Checks of peers in planes and of large swarms, for `Store.check`."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker.errors import InvariantError
from opentracker.swarm.store.large import NOBODY4, NOBODY6, Swarm
from opentracker.swarm.store.peers import COMPLETED, FROM_SYNC, PARTIAL
from opentracker.swarm.store.table import Table

KNOWN_FLAGS: Final = COMPLETED | FROM_SYNC | PARTIAL
NEWER: Final = 250  # ages above it belong to stamps of minutes that began after the check did


def check(condition: bool, info_hash: bytes, what: str) -> None:
    """Raise InvariantError unless a condition holds."""
    if not condition:
        raise InvariantError(f"torrent {info_hash.hex()}: {what}")


def check_planes(info_hash: bytes, planes: bytes, stride: i64, minute: i64, oldest: i64) -> None:
    """Check the planes of some peers of one family: distinct addresses, known flags, possible stamps."""
    n: i64 = len(planes) // (stride + 2)
    check(len(planes) == n * (stride + 2), info_hash, f"{len(planes)} bytes of peers, {stride} each")
    addresses = {planes[at : at + stride] for at in range(0, n * stride, stride)}
    check(len(addresses) == n, info_hash, f"{n} peers, of which {len(addresses)} differ")
    for flags in planes[n * stride : n * (stride + 1)]:
        check(flags & ~KNOWN_FLAGS == 0, info_hash, f"flags {flags:#x} of a peer")
    for stamp in planes[n * (stride + 1) :]:
        age = (minute - stamp) & 255
        check(age <= oldest or age > NEWER, info_hash, f"a peer not heard of for {age} minutes")


def check_swarm(info_hash: bytes, swarm: Swarm, minute: i64, oldest: i64) -> Iterator[None]:
    """Check a large swarm."""
    check(NOBODY4.size() == 0 and NOBODY6.size() == 0, info_hash, "peers of a family that stands for nobody")
    check(swarm.downloaded >= 0, info_hash, f"downloaded {swarm.downloaded} times")
    for family in (swarm.v4, swarm.v6):
        yield from check_table(info_hash, family.leechers, family.seeders, minute, oldest)
        yield from check_table(info_hash, family.seeders, family.leechers, minute, oldest)


def check_table(info_hash: bytes, table: Table, other: Table, minute: i64, oldest: i64) -> Iterator[None]:
    """Check the leechers or seeders of one family; no peer may be in `other` as well."""
    stride = table.stride
    counted: i64 = sum([table.size_of(at) for at in range(table.count)])
    check(counted == table.peers, info_hash, f"{table.peers} peers counted, {counted} there")
    blocks = table.count
    fits = table.mask >> 1 < blocks <= table.mask + 1
    check(fits and table.mask & (table.mask + 1) == 0, info_hash, f"{blocks} blocks, mask {table.mask:#x}")
    at: i64 = 0
    while at < table.count:  # blocks may be split or merged between two yields
        block = table.block(at)
        check_planes(info_hash, block, stride, minute, oldest)
        n: i64 = len(block) // (stride + 2)
        check(n <= table.longest, info_hash, f"a block of {n} peers, {table.longest} at most")
        for index in range(n):
            peer = block[index * stride : (index + 1) * stride]
            check(table.block_of(peer) == at, info_hash, f"peer {peer.hex()} in block {at}")
            twice = other.index_in(other.block_of(peer), peer) >= 0
            check(not twice, info_hash, f"peer {peer.hex()} both a leecher and a seeder")
        at += 1
        yield
