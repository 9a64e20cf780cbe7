"""The owners of torrents among several workers."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.ownership import Ownership

KEYS = (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1)
info_hashes = st.binary(min_size=20, max_size=20)


def owner(info_hash: bytes, workers: int, keys: tuple[int, ...] = KEYS) -> int:
    """The owner by the words of the module's docstring."""
    words = [int.from_bytes(info_hash[at : at + 4], "big") for at in range(0, 20, 4)]
    folded = sum(word * key for word, key in zip(words, keys, strict=True)) % 2**32 >> 16
    return folded * workers >> 16


@given(info_hashes, st.integers(1, 64), st.lists(st.integers(0, 2**31 - 1), min_size=5, max_size=5))
def test_the_owner_is_the_one_that_the_words_say(info_hash: bytes, workers: int, halves: list[int]) -> None:
    keys = tuple(2 * half + 1 for half in halves)
    ownership = Ownership(0, workers, keys)
    assert ownership.owner_at(b"before" + info_hash, 6) == owner(info_hash, workers, keys)
    assert ownership.owns(info_hash) == (owner(info_hash, workers, keys) == 0)


@given(info_hashes)
def test_each_torrent_has_one_owner(info_hash: bytes) -> None:
    assert [Ownership(own, 7, KEYS).owns(info_hash) for own in range(7)].count(True) == 1


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_torrents_are_spread_evenly(workers: int) -> None:
    ownership = Ownership(0, workers, KEYS)
    many = 1000 * workers
    counts = Counter(ownership.owner_at(number.to_bytes(20, "big"), 0) for number in range(many))
    assert set(counts) == set(range(workers))
    assert max(counts.values()) < 1500


@pytest.mark.parametrize("place", range(20))
def test_every_byte_of_an_info_hash_counts(place: int) -> None:
    ownership = Ownership(0, 64, KEYS)
    owners = {ownership.owner_at(bytes(place) + bytes([byte]) + bytes(19 - place), 0) for byte in range(256)}
    assert len(owners) > 1
