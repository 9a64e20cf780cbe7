"""Bytes of memory that torrents take, so that they sum to what a resident set grows by, or to a fifth more."""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.large import Family, Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6

TORRENT: Final = 128  # an info_hash and its place in a dict
SWARM: Final = 768  # a large swarm, its tables and their lists
FAMILY: Final = 256  # the four blocks that its two tables may have more than their peers need


def weight_of(record: bytes) -> i64:
    """Of a record: CPython's head of 33, rounded up to 16."""
    return (len(record) + 48) & ~15


def weight_of_swarm(swarm: Swarm) -> i64:
    """Of a large swarm."""
    return SWARM + weight_of_family(swarm.v4, STRIDE4) + weight_of_family(swarm.v6, STRIDE6)


def weight_of_family(family: Family, stride: i64) -> i64:
    """Of the peers of a large swarm, by their number alone.

    A leecher that becomes a seeder changes the number of blocks, and nobody is told: each peer has a byte for its part
    of a block's head, as if there were as many blocks as there may be.
    """
    size = family.size()
    return size * (stride + 3) + FAMILY if size > 0 else 0
