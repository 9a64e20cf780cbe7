"""Bytes of memory that torrents take, so that they sum to what a resident set grows by, or to a fifth more."""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.large import Family, Swarm

TORRENT: Final = 128  # an info_hash and its place in a dict
SWARM: Final = 768  # a large swarm, its tables and their lists
FAMILY: Final = 256  # the four blocks that its two tables may have more than their peers need


def weight_of(record: bytes) -> i64:
    """Of a record: CPython's head of 33, rounded up to 16."""
    return (len(record) + 48) & ~15


def weight_of_swarm(swarm: Swarm) -> i64:
    """Of a large swarm."""
    return SWARM + weight_of_family(swarm.v4) + weight_of_family(swarm.v6)


def weight_of_family(family: Family) -> i64:
    """Of the peers of a large swarm that are of one family."""
    weight = family.leechers.weight() + family.seeders.weight()
    return weight + FAMILY if weight > 0 else 0
