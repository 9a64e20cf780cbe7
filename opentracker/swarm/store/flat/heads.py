"""The numbers in the head of a small torrent: its peers and leechers by family, or the minute the last peer left.

A result that is not needed has a name beginning with `_`. If it had no other, mypyc would make an object of it.
"""

from librt.vecs import vec
from mypy_extensions import i64

from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    DOWNLOADS,
    EMPTY,
    LARGE,
    LEECHERS4_AT,
    LEECHERS6_AT,
    M8,
    M16,
    M24,
    PARTIAL_AT,
    PEERS6_AT,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, TAIL6, base_of
from opentracker.swarm.store.flat.shard import Shard
from opentracker.swarm.store.records import NEGATIVE, SMALL


def size_at(s: Shard, at: i64) -> i64:
    """The number of peers of the small torrent at a place; 0 for a large swarm."""
    words = s.words
    if words[at + 3] & (EMPTY | LARGE) != 0:
        return 0
    return (words[at + 2] >> COUNTS_AT & M8) + (words[at + 2] >> PEERS6_AT & M8)


def is_full(s: Shard, at: i64) -> bool:
    """Whether one more peer makes the small torrent at a place a large swarm."""
    return size_at(s, at) == SMALL


def members_at(s: Shard, at: i64, step: i64) -> tuple[i64, i64]:
    """The number of peers of a family of a small torrent, and the number of leechers among them."""
    words = s.words
    if words[at + 3] & EMPTY != 0:
        return 0, 0
    if step == STEP4:
        return words[at + 2] >> COUNTS_AT & M8, words[at + 2] >> LEECHERS4_AT & M8
    return words[at + 2] >> PEERS6_AT & M8, words[at + 3] >> LEECHERS6_AT & M8


def set_members(s: Shard, at: i64, step: i64, n: i64, leechers: i64) -> None:
    """Set the number of peers of a family, and the number of leechers among them."""
    words = s.words
    if step == STEP4:
        words[at + 2] = words[at + 2] & ~(M16 << COUNTS_AT) | n << COUNTS_AT | leechers << LEECHERS4_AT
    else:
        words[at + 2] = words[at + 2] & ~(M8 << PEERS6_AT) | n << PEERS6_AT
        words[at + 3] = words[at + 3] & ~(M8 << LEECHERS6_AT) | leechers << LEECHERS6_AT


def numbers_at(words: vec[i64], at: i64) -> tuple[i64, i64, i64, i64]:
    """IPv4 peers, leechers among them, IPv6 peers, leechers among them, of a small torrent."""
    if words[at + 3] & EMPTY != 0:
        return 0, 0, 0, 0
    counts = words[at + 2]
    leechers6 = words[at + 3] >> LEECHERS6_AT & M8
    return counts >> COUNTS_AT & M8, counts >> LEECHERS4_AT & M8, counts >> PEERS6_AT & M8, leechers6


def counts_at(s: Shard, at: i64) -> tuple[i64, i64, i64]:
    """(complete, downloaded, incomplete) of a small torrent."""
    words = s.words
    n4, leechers4, n6, leechers6 = numbers_at(words, at)
    incomplete = leechers4 + leechers6
    return n4 + n6 - incomplete, words[at + 3] & DOWNLOADS, incomplete


def partial_seeds_at(s: Shard, at: i64) -> i64:
    """The number of partial seeds of a small torrent; they are among its leechers."""
    words = s.words
    _n4, leechers4, _n6, leechers6 = numbers_at(words, at)
    found: i64 = 0
    base = base_of(words, at, STEP4)
    i: i64 = 0
    while i < leechers4:
        found += words[base + i] >> PARTIAL_AT & 1
        i += 1
    base = base_of(words, at, STEP6) + TAIL6
    i = 0
    while i < leechers6:
        found += words[base + STEP6 * i] >> PARTIAL_AT & 1
        i += 1
    return found


def left_at(s: Shard, at: i64) -> i64:
    """The minute in which the last peer left."""
    minute = s.words[at + 2] >> COUNTS_AT & M24
    return minute if minute < NEGATIVE else minute - 2 * NEGATIVE
