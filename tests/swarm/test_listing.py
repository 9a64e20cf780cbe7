"""All torrents in the order of their info_hashes: each once, its counts right, in small steps."""

import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.listing import Reader, SortedTorrents
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.store.rows import KEY, ROW, rows_apart
from opentracker.swarm.tracker import Tracker
from tests.swarm.engines import ENGINES
from tests.swarm.filled import Counts, add, filled, known, open_tracker, stored_by
from tests.swarm.torrents import info_hashes

CROWD = 512  # torrents that begin alike, and have to be sorted in steps
MOST_ROWS = 512  # given in one go


@pytest.fixture(autouse=True, scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test is about each store."""
    with stored_by(ENGINES[request.param]):
        yield


def read(
    tracker: Tracker, shared: SortedTorrents | None = None, minute: int = 0
) -> list[tuple[bytes, Counts]]:
    """Every torrent with its counts, in the order in which a reader gives them."""
    return list(rows_of(Reader(shared or SortedTorrents(tracker), minute)))


def rows_of(reader: Reader) -> Iterator[tuple[bytes, Counts]]:
    while (rows := reader.next_rows()) is not None:
        assert len(rows) <= MOST_ROWS * ROW
        yield from [(row[:KEY], reader.counts(row[KEY:])) for row in rows_apart(rows)]


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
    for number in range(3 * CROWD):
        torrents[bytes(17) + (number * 7919 % 65536).to_bytes(3, "big")] = (0, 0, 1 + number % 2)
    for number in range(CROWD):
        torrents[b"\xff" + number.to_bytes(19, "big")] = (0, 0, 1)
    assert read(filled(torrents)) == sorted(torrents.items())


def crowded(shared: int, torrents: int = 3 * CROWD) -> dict[bytes, Counts]:
    """A number of info_hashes that share their first bytes, or all that there are, and others around them."""
    chance = random.Random(shared)
    found: dict[bytes, Counts] = {chance.randbytes(20): (0, 0, 2) for _ in range(300)}
    alike = bytes(range(0x70, 0x70 + shared))
    for _ in range(torrents):
        found[alike + chance.randbytes(20 - shared)] = (0, 0, 1)
    return found


def led(reader: Reader, torrents: int) -> list[bytes]:
    """The info_hashes that a reader returns, until there are `torrents` of them."""
    found: list[bytes] = []
    while len(found) < torrents:
        rows = reader.next_rows()
        assert rows is not None
        found += [row[:KEY] for row in rows_apart(rows)]
    return found


def rest(reader: Reader) -> list[bytes]:
    """The info_hashes that a reader has still to give."""
    return [info_hash for info_hash, _ in rows_of(reader)]


@pytest.mark.parametrize("shared", [1, 2, 3, 10, 17, 18])
def test_a_crowd_is_given_in_order_whatever_it_shares(shared: int) -> None:
    torrents = crowded(shared)
    assert read(filled(torrents)) == sorted(torrents.items())


def test_crowds_within_a_crowd_to_the_last_byte() -> None:
    torrents: dict[bytes, Counts] = {}
    for shared in (2, 3, 10, 18, 19):
        torrents |= crowded(shared, CROWD + 1)
    assert read(filled(torrents)) == sorted(torrents.items())


def test_readers_at_different_places_share_a_crowd() -> None:
    torrents = crowded(3) | crowded(10)
    shared = SortedTorrents(filled(torrents))
    chance = random.Random(1)
    readers = [Reader(shared, 0) for _ in range(6)]
    found: list[list[bytes]] = [[] for _ in readers]
    going = list(range(6))
    while going:
        number = chance.choice(going)
        rows = readers[number].next_rows()
        if rows is None:
            going.remove(number)
        elif number > 3 and len(found[number]) > 500:  # two clients vanish in the middle
            readers[number].close()
            going.remove(number)
        else:
            found[number] += [row[:KEY] for row in rows_apart(rows)]
    for each in found[:4]:
        assert each == sorted(torrents)
    for each in found[4:]:
        assert each == sorted(torrents)[: len(each)]
    assert shared.segments == {}


def test_a_crowd_is_sorted_once_for_all_readers() -> None:
    torrents = crowded(10)
    shared = SortedTorrents(filled(torrents))
    first, second = Reader(shared, 0), Reader(shared, 0)
    second.next_rows()
    assert rest(first) == sorted(torrents)
    steps = list(iter(second.next_rows, None))
    # A step out of each part of a crowd, and one for the last bucket; dividing them takes 30.
    assert steps.count(b"") <= 10 + 1


def test_what_a_reader_holds_does_not_grow_with_a_crowd() -> None:
    shared = SortedTorrents(filled(crowded(10, 20 * CROWD)))
    first = Reader(shared, 0)
    led(first, 5000)
    readers = [Reader(shared, 0) for _ in range(20)]
    tracemalloc.start()
    try:
        for reader in readers:
            led(reader, 5000)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < len(readers) * 1000  # bytes; a copy of the crowd is 235,520


@pytest.mark.parametrize("before", [3, 10])
@pytest.mark.parametrize("given", [200, 700, 1100])
@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_crowd_is_read_anew_in_the_middle(before: int, given: int, left: int) -> None:
    """Some of the torrents are removed meanwhile, so that the bucket is not overfull any more; and others have come."""
    torrents = crowded(before)
    tracker = filled(torrents)
    shared = SortedTorrents(tracker)
    early = Reader(shared, 0)
    found = led(early, given)
    for number, info_hash in enumerate(sorted(torrents)):
        if number % 4 >= left:
            tracker.remove(info_hash)
    come = set(crowded(before + 1)) - set(torrents)
    for info_hash in come:
        if left != 1:
            add(tracker, info_hash, (0, 0, 1))
    rows = shared.rows(0, 0)
    Reader(shared, 7).next_rows()
    assert shared.rows(0, 0) is not rows
    there = sorted(info_hashes(tracker))
    assert rest(early) == [each for each in there if each > found[-1]]


def test_a_torrent_that_goes_or_comes_meanwhile_breaks_nothing() -> None:
    torrents = known(1000)
    tracker = filled(torrents)
    reader = Reader(SortedTorrents(tracker), 0)
    assert reader.next_rows() == b""
    gone = max(torrents)
    tracker.remove(gone)
    add(tracker, b"\0" * 20, (1, 0, 0))
    found = [info_hash for info_hash, _ in rows_of(reader)]
    assert found == sorted(set(found))
    assert set(torrents) - set(found) <= {gone}


def test_readers_of_the_same_minutes_share_what_has_been_read() -> None:
    tracker = filled(known(100))
    shared = SortedTorrents(tracker)
    first = Reader(shared, 5)
    while not (given := first.next_rows()):
        assert given is not None
    rows = shared.rows(0, 0)
    second = Reader(shared, 6)
    assert second.next_rows() == given
    assert shared.rows(0, 0) is rows


def test_a_later_reader_reads_anew_and_the_earlier_one_goes_on_there() -> None:
    torrents = known(300)
    tracker = filled(torrents)
    shared = SortedTorrents(tracker)
    early = rows_of(Reader(shared, 5))
    begun = [next(early) for _ in range(10)]
    rows = shared.rows(0, 0)
    assert read(tracker, shared, 7) == sorted(torrents.items())
    assert shared.rows(0, 0) is not rows
    assert begun + list(early) == sorted(torrents.items())


def test_nothing_is_kept_when_nobody_reads() -> None:
    tracker = filled(known(50))
    shared = SortedTorrents(tracker)
    reader = Reader(shared, 0)
    reader.next_rows()
    reader.next_rows()
    assert len(shared.segments) == 1
    reader.close()
    reader.close()
    assert shared.segments == {}
    assert shared.readers == {}
    read(tracker, shared)
    assert shared.segments == {}


def test_segmentes_follow_each_other() -> None:
    torrents = known(300)
    shared = SortedTorrents(filled(torrents))
    reader = Reader(shared, 0)
    assert reader.bits == 0
    reader.bits = 2  # as with two million torrents
    assert list(rows_of(reader)) == sorted(torrents.items())
    assert shared.segments == {}
