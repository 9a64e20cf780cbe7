"""All torrents in the order of their info_hashes: each once, its counts right, in small steps."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm import listing
from opentracker.swarm.listing import KEY, Listing, Reader
from opentracker.swarm.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.filled import Counts, add, filled, known, open_tracker


def read(tracker: Tracker, shared: Listing | None = None, minute: int = 0) -> list[tuple[bytes, Counts]]:
    """Every torrent with its counts, in the order in which a reader gives them."""
    return list(rows_of(Reader(shared or Listing(tracker), minute)))


def rows_of(reader: Reader) -> Iterator[tuple[bytes, Counts]]:
    while (rows := reader.next_rows()) is not None:
        assert len(rows) <= listing.MOST_SORTED
        for row in rows:
            yield row[:KEY], reader.counts(row[KEY:])


def test_no_torrents_no_rows() -> None:
    assert read(open_tracker()) == []


def test_every_torrent_once_in_order_with_its_counts() -> None:
    torrents = known(300)
    tracker = filled(torrents)
    assert read(tracker) == sorted(torrents.items())
    for info_hash, counts in torrents.items():
        assert tracker.scrape(info_hash) == counts


@pytest.mark.parametrize(
    "counts",
    [
        (0, 1, 0),
        (127, 0, 0),
        (128, 0, 0),
        (0, 255, 1),
        (0, 256, 1),
        (0, 0, 255),
        (0, 0, 256),
        (SMALL, 1, 0),
        (SMALL + 1, 300, 2),
    ],
)
def test_counts_at_the_edges_of_what_a_row_holds(counts: Counts) -> None:
    torrents = {b"a" * 20: counts, b"b" * 20: (1, 1, 1)}
    assert read(filled(torrents)) == sorted(torrents.items())


@given(
    st.dictionaries(
        st.binary(min_size=20, max_size=20),
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)),
        max_size=30,
    )
)
def test_any_torrents(torrents: dict[bytes, Counts]) -> None:
    assert read(filled(torrents)) == sorted(torrents.items())


def test_info_hashes_that_all_begin_alike_are_sorted_in_small_steps() -> None:
    torrents: dict[bytes, Counts] = {}
    for number in range(3 * listing.MOST_SORTED):
        torrents[bytes(17) + (number * 7919 % 65536).to_bytes(3, "big")] = (0, 0, 1 + number % 2)
    for number in range(listing.MOST_SORTED):
        torrents[b"\xff" + number.to_bytes(19, "big")] = (0, 0, 1)
    assert read(filled(torrents)) == sorted(torrents.items())


def test_a_torrent_that_goes_or_comes_meanwhile_breaks_nothing() -> None:
    torrents = known(1000)
    tracker = filled(torrents)
    reader = Reader(Listing(tracker), 0)
    assert reader.next_rows() == []
    gone = max(torrents)
    for shard in tracker.shards:
        shard.pop(gone, None)
    add(tracker, b"\0" * 20, (1, 0, 0))
    found = [info_hash for info_hash, _ in rows_of(reader)]
    assert found == sorted(set(found))
    assert set(torrents) - set(found) <= {gone}


def test_readers_of_the_same_minutes_share_what_has_been_read() -> None:
    tracker = filled(known(100))
    shared = Listing(tracker)
    first = Reader(shared, 5)
    while not (rows := first.next_rows()):
        assert rows is not None
    stretch = shared.stretch(0, 0)
    second = Reader(shared, 6)
    assert second.next_rows() == rows
    assert shared.stretch(0, 0) is stretch


def test_a_later_reader_reads_anew_and_the_earlier_one_goes_on_there() -> None:
    torrents = known(300)
    tracker = filled(torrents)
    shared = Listing(tracker)
    early = rows_of(Reader(shared, 5))
    begun = [next(early) for _ in range(10)]
    stretch = shared.stretch(0, 0)
    assert read(tracker, shared, 7) == sorted(torrents.items())
    assert shared.stretch(0, 0) is not stretch
    assert begun + list(early) == sorted(torrents.items())


def test_nothing_is_kept_when_nobody_reads() -> None:
    tracker = filled(known(50))
    shared = Listing(tracker)
    reader = Reader(shared, 0)
    reader.next_rows()
    reader.next_rows()
    assert len(shared.stretches) == 1
    reader.close()
    reader.close()
    assert shared.stretches == {}
    assert shared.readers == {}
    read(tracker, shared)
    assert shared.stretches == {}


def test_stretches_follow_each_other() -> None:
    torrents = known(300)
    shared = Listing(filled(torrents))
    reader = Reader(shared, 0)
    assert reader.bits == 0
    reader.bits = 2  # as with two million torrents
    assert list(rows_of(reader)) == sorted(torrents.items())
    assert shared.stretches == {}
