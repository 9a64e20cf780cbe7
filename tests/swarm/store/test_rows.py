"""Rows: counts of any size as four bytes."""

import pytest

from opentracker.swarm.store.rows import BYTES, LARGE, ROW, Rows, rows_apart


@pytest.mark.parametrize(
    "counts",
    [
        (0, 0, 0),
        (2047, 1023, 1023),
        (2048, 0, 0),
        (0, 1024, 0),
        (0, 0, 1024),
        (1 << 40, 1 << 31, 5),
    ],
)
def test_counts_are_what_they_were(counts: tuple[int, int, int]) -> None:
    rows = Rows(0, 0)
    rows.code(10000, 1, 1)
    code = int(rows.code(*counts)).to_bytes(BYTES, "big")
    assert rows.counts(code) == counts


def test_only_small_counts_stand_in_the_code() -> None:
    rows = Rows(0, 0)
    assert rows.code(2047, 1023, 1023) < LARGE
    assert rows.code(2048, 0, 0) == LARGE
    assert rows.large == [(2048, 0, 0)]


@pytest.mark.parametrize("bits", range(5))
def test_segments_follow_each_other(bits: int) -> None:
    starts = [int.from_bytes(Rows(bits, number).start(), "big") for number in range(1 << bits)]
    assert starts == list(range(0, 1 << 16, 1 << 16 - bits))


def test_joined_rows_are_taken_apart() -> None:
    rows = [bytes([number] * ROW) for number in range(3)]
    assert rows_apart(b"".join(rows)) == rows
