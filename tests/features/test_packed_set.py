import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.features.packed_set import PackedSet, offset_of

info_hashes = st.binary(min_size=20, max_size=20)


@given(st.lists(info_hashes), st.lists(info_hashes), st.integers(0, 1000))
def test_it_is_a_set(added: list[bytes], others: list[bytes], expected: int) -> None:
    found = PackedSet(expected)
    for info_hash in added:
        found.add(info_hash)
    assert found.size == len(set(added))
    for info_hash in added + others:
        assert found.holds(info_hash) is (info_hash in added)


@given(st.dictionaries(st.binary(min_size=16, max_size=16), st.binary(min_size=4, max_size=4)))
def test_records_are_found_by_their_names(records: dict[bytes, bytes]) -> None:
    found = PackedSet(len(records), 16)
    for name, rest in records.items():
        found.add(name + rest)
        found.add(name + b"next")  # the first record of a name stays
    assert found.size == len(records)
    for name, rest in records.items():
        assert found.find(name) == name + rest
    assert found.find(b"A" * 16) == (b"A" * 16 + records[b"A" * 16] if b"A" * 16 in records else b"")


# Few different bytes, so that an info_hash shows up where one ends and the next begins.
@given(st.lists(st.text("ab", min_size=20, max_size=20)), st.text("ab", min_size=20, max_size=20))
def test_neighbours_are_no_info_hash(added: list[str], asked: str) -> None:
    bucket = "".join(added).encode()
    assert (offset_of(bucket, asked.encode()) >= 0) is (asked in added)


def test_an_info_hash_across_two_and_then_itself() -> None:
    a, b = b"a" * 10 + b"b" * 10, b"b" * 10 + b"a" * 10
    assert offset_of(a + a, b) == -1
    assert offset_of(a + a + b, b) == 40
    assert offset_of(a + a + b, a) == 0


@pytest.mark.parametrize("number", [1, 1000, 65_000, 100_000])
def test_at_most_40_bytes_each(number: int) -> None:
    """Objects as CPython allocates them, in steps of 16 bytes, and the list of them."""
    draw = random.Random(number)
    found = PackedSet(number)
    for _ in range(number):
        found.add(draw.randbytes(20))
    objects = sum((sys.getsizeof(bucket) + 15) // 16 * 16 for bucket in found.buckets if bucket)
    assert (objects + 8 * len(found.buckets)) / number <= 40 or number == 1


def test_dissolving_frees_in_slices() -> None:
    found = PackedSet(1_000_000)
    found.add(b"A" * 20)
    buckets = found.buckets
    before = len(buckets)
    slices = [before - len(buckets) for _ in found.dissolve()]
    assert len(slices) > 10
    assert buckets == []
    assert found.size == 0
    assert not found.holds(b"A" * 20)
