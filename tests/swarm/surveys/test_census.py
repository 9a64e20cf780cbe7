import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.protocol.messages import EVENT_STOPPED
from opentracker.swarm.counting.core_gauges import PEERS_PER_TORRENT
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.surveys.census import RANKED, STEP, Census
from tests.swarm.crowd import address, done, fill, known, put, tracker
from tests.swarm.model import FAMILIES
from tests.swarm.torrents import info_hashes

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.tracker import admit_by

A, B = b"A" * 20, b"B" * 20


def totals(census: Census) -> tuple[int, int, int]:
    return census.torrents, census.peers(), census.seeders()


def test_t03_peers_seeders_torrents() -> None:
    assert totals(done(Census(known()))) == (11, 15, 4)


def test_an_empty_tracker() -> None:
    census = done(Census(tracker()))
    assert totals(census) == (0, 0, 0)
    assert census.by_peers.first(RANKED) == []


@pytest.mark.parametrize("size", FAMILIES, ids=lambda size: f"{size}bytes")
@pytest.mark.parametrize("crowd", [3, SMALL + 50], ids=["small", "large"])
def test_peers_by_family_and_kind(size: int, crowd: int) -> None:
    into = tracker()
    for number in range(crowd):
        put(into, A, address(number, size - 2), seeding=number == 0)
    census = done(Census(into))
    four = (census.leechers4, census.seeders4)
    six = (census.leechers6, census.seeders6)
    assert (four, six) == (((crowd - 1, 1), (0, 0)) if size == 6 else ((0, 0), (crowd - 1, 1)))
    assert census.by_peers.first(1) == [(crowd, A)]


def test_a_torrent_without_peers_counts_as_a_torrent() -> None:
    into = tracker()
    put(into, A, address(1), seeding=True, event=1)
    put(into, A, address(1), event=3)
    census = done(Census(into))
    assert totals(census) == (1, 0, 0)
    assert census.by_peers.first(1) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from([None, *FAMILIES])),
        min_size=1,
        max_size=60,
    )
)
def test_it_counts_what_was_announced(torrents: list[tuple[int, int, int | None]]) -> None:
    into = tracker()
    wanted: dict[bytes, tuple[int, int]] = {}
    for number, (seeders, leechers, only) in enumerate(torrents):
        info_hash = number.to_bytes(20, "big")
        for peer in range(seeders + leechers):
            size = only if only is not None else FAMILIES[peer % len(FAMILIES)]
            put(into, info_hash, address(peer, size - 2), seeding=peer < seeders)
        if seeders + leechers:
            wanted[info_hash] = seeders, leechers
    census = done(Census(into))
    assert census.torrents == len(wanted)
    assert census.peers() == sum(map(sum, wanted.values()))
    assert census.seeders() == sum(seeders for seeders, _ in wanted.values())
    check_ranking(census.by_peers, {name: sum(counts) for name, counts in wanted.items()})
    check_ranking(census.by_seeders, {name: seeders for name, (seeders, _) in wanted.items()})
    check_ranking(census.by_leechers, {name: leechers for name, (_, leechers) in wanted.items()})


def check_ranking(ranking: Ranking, counts: dict[bytes, int]) -> None:
    ranked = ranking.first(RANKED)
    assert ranked == sorted(
        ((count, name) for name, count in counts.items() if count), key=lambda x: (-x[0], x[1])
    )


def test_the_largest_of_more_torrents_than_are_ranked() -> None:
    """Also by seeders, of which the largest torrents may have none."""
    into = tracker()
    fill(into, [(number.to_bytes(20, "big"), 0, 3) for number in range(RANKED + 40)])
    fill(into, [((1000 + number).to_bytes(20, "big"), 2, 0) for number in range(RANKED + 40)])
    fill(into, [(A, 0, SMALL + 1), (B, 5, 0)])
    census = done(Census(into))
    assert census.by_peers.first(2) == [(SMALL + 1, A), (5, B)]
    assert [count for count, _ in census.by_peers.first(RANKED)] == [SMALL + 1, 5] + [3] * (RANKED - 2)
    assert [count for count, _ in census.by_seeders.first(RANKED)] == [5] + [2] * (RANKED - 1)
    assert [count for count, _ in census.by_leechers.first(RANKED)] == [SMALL + 1] + [3] * (RANKED - 1)


def test_it_is_taken_in_small_steps() -> None:
    into = tracker()
    fill(into, [(number.to_bytes(20, "big"), 0, 1) for number in range(STEP * 4)])
    census = Census(into)
    seen = 0
    for _ in census.steps():
        assert census.torrents - seen <= STEP
        seen = census.torrents
    assert seen == STEP * 4


def test_torrents_that_come_and_go_meanwhile() -> None:
    into = known()
    census = Census(into)
    steps = census.steps()
    for number, _ in enumerate(steps):
        put(into, (10_000 + number).to_bytes(20, "big"), address(1))
        if number == 40:
            for info_hash in info_hashes(into):
                into.remove(info_hash)
    assert 0 <= census.seeders() <= 4


def test_parts_are_merged() -> None:
    one, two = done(Census(known())), tracker()
    fill(two, [(A, 2, 7)])
    one.merge(done(Census(two)))
    assert totals(one) == (12, 24, 6)
    assert one.by_peers.first(2) == [(9, A), (5, b"\x01" * 20)]


@pytest.mark.parametrize(
    "build",
    [
        pytest.param("black", marks=pytest.mark.needs("WANT_ACCESSLIST_BLACK")),
        pytest.param("white", marks=pytest.mark.needs("WANT_ACCESSLIST_WHITE")),
    ],
)
def test_t13_a_torrent_that_is_refused_by_now_is_not_ranked(build: str) -> None:
    into = known()
    assert done(Census(into)).by_peers.first(1) == [(5, b"\x01" * 20)]
    first = b"\x01" * 20
    others = frozenset(info_hashes(into) - {first})
    admit_by(into, AccessList(frozenset([first]) if build == "black" else others))
    census = done(Census(into))
    assert census.by_peers.first(1) == [(1, b"\x02" * 20)]
    assert census.by_seeders.first(9) == [(1, b"\x02" * 20)]


def test_torrents_by_the_number_of_their_peers() -> None:
    """Small and large ones, of one family and of both; and the same from two parts."""
    bounds = PEERS_PER_TORRENT.bounds
    crowds = [0, 1, 1, 2, 3, 6, SMALL, SMALL + 40]
    parts = []
    for shift in (0, 1):
        into = tracker()
        for number, crowd in enumerate(crowds):
            info_hash = (number + 100 * shift).to_bytes(20, "big")
            for peer in range(max(1, crowd)):
                put(into, info_hash, address(peer, FAMILIES[peer % len(FAMILIES)] - 2))
            if crowd == 0:
                put(into, info_hash, address(0, FAMILIES[0] - 2), event=EVENT_STOPPED)
        parts.append(done(Census(into)))
    wanted = [0] * (len(bounds) + 1)
    for crowd in crowds:
        wanted[next((n for n, bound in enumerate(bounds) if crowd <= bound), len(bounds))] += 1
    assert parts[0].sizes == wanted
    parts[0].merge(parts[1])
    assert parts[0].sizes == [2 * count for count in wanted]
