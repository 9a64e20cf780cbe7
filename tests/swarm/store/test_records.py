"""Heads of records: what is written is what is read."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.store.records import (
    EMPTY,
    MOST_DOWNLOADED,
    PEER4,
    PEER6,
    SMALL,
    counts,
    downloaded,
    head,
    left_at,
    without_peers,
)

downloads = st.integers(0, MOST_DOWNLOADED)


@given(downloads, st.integers(0, SMALL), st.integers(0, SMALL), st.data())
def test_a_head_tells_how_many_peers_there_are(completed: int, n4: int, n6: int, data: st.DataObject) -> None:
    n4, n6 = (n4, n6) if 0 < n4 + n6 <= SMALL else (SMALL, 0)
    leechers4, leechers6 = data.draw(st.integers(0, n4)), data.draw(st.integers(0, n6))
    record = head(completed, n4, leechers4, leechers6) + bytes(PEER4 * n4 + PEER6 * n6)
    assert downloaded(record) == completed
    assert counts(record) == (n4, leechers4, n6, leechers6)


@given(downloads, st.integers(-15 * 365 * 24 * 60, 15 * 365 * 24 * 60))
def test_a_record_without_peers_tells_since_when(completed: int, minute: int) -> None:
    """For thirty-one years of uptime."""
    record = without_peers(completed, minute)
    assert (downloaded(record), left_at(record), counts(record)) == (completed, minute, (0, 0, 0, 0))
    assert len(record) == len(EMPTY)


def test_an_empty_record_is_a_torrent_that_nobody_completed() -> None:
    assert (downloaded(EMPTY), counts(EMPTY)) == (0, (0, 0, 0, 0))
