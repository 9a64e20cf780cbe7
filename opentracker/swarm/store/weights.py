"""Estimates of the memory of torrents, in bytes: their sum is the growth of the resident set, or up to a fifth more."""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.large import Family, Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6

TORRENT: Final = 128  # an info_hash and its dict entry
SWARM: Final = 768  # a large swarm, its tables and their lists
FAMILY: Final = 256  # the four blocks that the two tables of a family may have beyond the need of their peers


def weight_of(record: bytes) -> i64:
    """Bytes of a record: 33 of the `bytes` object besides, rounded up to a multiple of 16."""
    return (len(record) + 48) & ~15


def weight_of_swarm(swarm: Swarm) -> i64:
    """Bytes of a large swarm."""
    return SWARM + weight_of_family(swarm.v4, STRIDE4) + weight_of_family(swarm.v6, STRIDE6)


def weight_of_family(family: Family, stride: i64) -> i64:
    """Bytes of the peers of one family, by their number alone.

    A leecher that becomes a seeder may change the number of blocks without a call of `settle`. So the estimate does not
    use that number: it has a byte for each peer, which covers the most blocks that the tables may have.
    """
    size = family.size()
    return size * (stride + 3) + FAMILY if size > 0 else 0
