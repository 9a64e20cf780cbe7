"""Rows: counts of any size as three bytes."""

import pytest

from opentracker.swarm.store.rows import BUCKETS, LARGE, Rows


@pytest.mark.parametrize(
    "counts", [(0, 0, 0), (127, 255, 255), (128, 0, 0), (0, 256, 0), (0, 0, 256), (1 << 40, 1 << 31, 5)]
)
def test_counts_are_what_they_were(counts: tuple[int, int, int]) -> None:
    complete, downloaded, incomplete = counts
    rows = Rows(0, 0)
    rows.code(1000, 1, 1)
    code = rows.code(complete, downloaded, incomplete)
    assert len(code) == 3
    assert rows.counts(code) == counts


def test_only_small_counts_stand_in_the_code() -> None:
    rows = Rows(0, 0)
    assert int.from_bytes(rows.code(127, 255, 255), "big") < LARGE
    assert int.from_bytes(rows.code(128, 0, 0), "big") == LARGE
    assert rows.large == [(128, 0, 0)]


@pytest.mark.parametrize("bits", range(5))
def test_buckets_cover_the_segment(bits: int) -> None:
    last = Rows(bits, (1 << bits) - 1)
    assert last.first + last.width == 1 << 16
    assert (last.width - 1) >> last.shift == BUCKETS - 1
