import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.accesslist.info_hash_set import InfoHashSet, is_in

info_hashes = st.binary(min_size=20, max_size=20)


@given(st.lists(info_hashes), st.lists(info_hashes), st.integers(0, 1000))
def test_it_is_a_set(added: list[bytes], others: list[bytes], expected: int) -> None:
    found = InfoHashSet(expected)
    for info_hash in added:
        found.add(info_hash)
    assert found.size == len(set(added))
    for info_hash in added + others:
        assert found.holds(info_hash) is (info_hash in added)


# Few different bytes, so that an info_hash shows up where one ends and the next begins.
@given(st.lists(st.text("ab", min_size=20, max_size=20)), st.text("ab", min_size=20, max_size=20))
def test_neighbours_are_no_info_hash(added: list[str], asked: str) -> None:
    bucket = "".join(added).encode()
    assert is_in(bucket, asked.encode()) is (asked in added)


def test_an_info_hash_across_two_and_then_itself() -> None:
    a, b = b"a" * 10 + b"b" * 10, b"b" * 10 + b"a" * 10
    assert not is_in(a + a, b)
    assert is_in(a + a + b, b)
    assert is_in(a + a + b, a)


@pytest.mark.parametrize("number", [1, 1000, 65_000, 100_000])
def test_at_most_40_bytes_each(number: int) -> None:
    """Objects as CPython allocates them, in steps of 16 bytes, and the list of them."""
    draw = random.Random(number)
    found = InfoHashSet(number)
    for _ in range(number):
        found.add(draw.randbytes(20))
    objects = sum((sys.getsizeof(bucket) + 15) // 16 * 16 for bucket in found.buckets if bucket)
    assert (objects + 8 * len(found.buckets)) / number <= 40 or number == 1


def test_dissolving_frees_in_slices() -> None:
    found = InfoHashSet(1_000_000)
    found.add(b"A" * 20)
    buckets = found.buckets
    before = len(buckets)
    slices = [before - len(buckets) for _ in found.dissolve()]
    assert len(slices) > 10
    assert buckets == []
    assert found.size == 0
    assert not found.holds(b"A" * 20)
