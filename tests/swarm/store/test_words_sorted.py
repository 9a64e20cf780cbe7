"""Rows of three words are sorted as their info_hashes are, in small steps."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.vecs import vec
from mypy_extensions import i64

pytest.importorskip("opentracker.swarm.store.flat")

from opentracker.swarm.store.flat.sorting import FEW, sort_rows
from opentracker.swarm.store.rows import KEY, ROW


def ordered(info_hashes: list[bytes]) -> list[bytes]:
    """Sort by `sort_rows`; every row has its info_hash a second time, in its code."""
    rows = [each + each[-4:] for each in info_hashes]
    words = vec[i64](
        [int.from_bytes(row[at : at + 8], "big", signed=True) for row in rows for at in (0, 8, 16)]
    )
    for _ in sort_rows(words, 0, len(rows), 0):
        pass
    joined = b"".join([int(word).to_bytes(8, "big", signed=True) for word in words])
    found = [joined[at : at + ROW] for at in range(0, len(joined), ROW)]
    assert all(row[KEY:] == row[KEY - 4 : KEY] for row in found)
    return [row[:KEY] for row in found]


@given(st.sets(st.binary(min_size=KEY, max_size=KEY), max_size=100))
def test_any_info_hashes(info_hashes: set[bytes]) -> None:
    assert ordered(list(info_hashes)) == sorted(info_hashes)


@pytest.mark.parametrize("size", [0, 1, 2, FEW, FEW + 1, 100, 3000, 20_000])
def test_random_info_hashes(size: int) -> None:
    chance = random.Random(size)
    info_hashes = [chance.randbytes(KEY) for _ in range(size)]
    assert ordered(info_hashes) == sorted(info_hashes)


@pytest.mark.parametrize("shared", range(KEY - 1))
def test_info_hashes_that_begin_alike(shared: int) -> None:
    chance = random.Random(shared)
    begin = chance.randbytes(shared)
    alike = {begin + chance.randbytes(KEY - shared) for _ in range(2000)}
    others = {chance.randbytes(KEY) for _ in range(500)}
    info_hashes = [*alike, *others]
    chance.shuffle(info_hashes)
    assert ordered(info_hashes) == sorted(info_hashes)


def test_bits_that_are_known_to_be_the_same_are_not_looked_at() -> None:
    chance = random.Random(1)
    rows = [(0x7 << 60) - (1 << 63) | chance.getrandbits(60) for _ in range(1000)]
    words = vec[i64]([word for row in rows for word in (row, 0, 0)])
    for _ in sort_rows(words, 0, len(rows), 4):
        pass
    assert list(words)[::3] == sorted(rows)
