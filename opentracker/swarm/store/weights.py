"""Estimates of the memory of torrents, in bytes: their sum is the growth of the resident set, or up to a fifth more."""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.large import Family, Swarm

TORRENT: Final = 128  # an info_hash and its dict entry
SWARM: Final = 768  # a large swarm, its tables and their lists
FAMILY: Final = 256  # the four blocks that the two tables of a family may have beyond the need of their peers


def weight_of(record: bytes) -> i64:
    """Bytes of a record: 33 of the `bytes` object besides, rounded up to a multiple of 16."""
    return (len(record) + 48) & ~15


def weight_of_swarm(swarm: Swarm) -> i64:
    """Bytes of a large swarm."""
    return SWARM + weight_of_family(swarm.v4) + weight_of_family(swarm.v6)


def weight_of_family(family: Family) -> i64:
    """Bytes of a large swarm's peers of one family."""
    weight = family.leechers.weight() + family.seeders.weight()
    if weight == 0:
        return 0
    return weight + FAMILY
