from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.networks import (
    BUCKETS,
    MOST,
    SHOWN,
    SIZES,
    SIZES4,
    SIZES6,
    NetworkCount,
    Networks,
    RankedNetworks,
    thin,
)
from opentracker.swarm.records import SMALL
from tests.swarm.crowd import OWN, address, done, put, tracker
from tests.swarm.model import FAMILIES


def everything_in(count: NetworkCount) -> dict[bytes, int]:
    return {network: times for bucket in count.buckets for network, times in bucket.items()}


def ranked(count: NetworkCount) -> list[tuple[int, bytes]]:
    for _ in count.rank():
        pass
    return count.ranking.first(SHOWN)


@given(st.lists(st.binary(min_size=2, max_size=2), max_size=300))
def test_counting(networks: list[bytes]) -> None:
    count = NetworkCount()
    for network in networks:
        count.add(network, 1)
    assert everything_in(count) == Counter(networks)
    assert [times for times, _ in ranked(count)] == [
        times for _, times in Counter(networks).most_common(SHOWN)
    ]


def test_parts_are_merged_and_halved() -> None:
    one, two = NetworkCount(), NetworkCount()
    one.add(b"\x0a\0\0", 5)
    two.add(b"\x0a\0\0", 2)
    two.add(b"\x0b\0\0", 1)
    one.merge(two)
    assert everything_in(one) == {b"\x0a\0\0": 7, b"\x0b\0\0": 1}
    steps = sum(1 for _ in one.halve())
    assert steps == BUCKETS
    assert everything_in(one) == {b"\x0a\0\0": 3}


def test_memory_is_bounded_and_the_busiest_are_kept() -> None:
    count = NetworkCount()
    busy = [b"\xff\xff" + bytes([number]) for number in range(20)]
    met = 200_000
    for number in range(met):
        count.add(number.to_bytes(3, "big"), 1)
        if number % 100 == 0:
            for network in busy:
                count.add(network, 1)
    assert max(map(len, count.buckets)) <= MOST
    first = ranked(count)[: len(busy)]
    assert {network for _, network in first} == set(busy)
    lost = met // 100 - min(times for times, _ in first)
    assert 0 <= lost <= 2 * (met + 20 * met // 100) // (BUCKETS * MOST)


def test_thinning_takes_the_median_off() -> None:
    bucket = {b"a": 1, b"b": 2, b"c": 3, b"d": 9}
    thin(bucket)
    assert bucket == {b"d": 6}


@pytest.mark.parametrize("size", FAMILIES, ids=lambda size: f"{size}bytes")
@pytest.mark.parametrize("crowd", [5, SMALL + 200], ids=["small", "large"])
def test_peers_of_all_torrents_by_network(size: int, crowd: int) -> None:
    into = tracker()
    wanted = {width: Counter[bytes]() for width in SIZES4 + SIZES6}
    for number in range(crowd):
        where = address(number * 77, size - 2)
        put(into, b"A" * 20, where, seeding=number % 3 == 0)
        put(into, b"B" * 20, where)
        for width in SIZES4 if size == 6 else SIZES6:
            wanted[width][where[:width]] += 2
    networks = done(Networks(into))
    for width, count in networks.counts.items():
        assert everything_in(count) == wanted[width]
        assert [times for times, _ in count.ranking.first(SHOWN)] == sorted(
            wanted[width].values(), reverse=True
        )[:SHOWN]


def test_a_torrent_without_peers_has_no_networks() -> None:
    into = tracker()
    put(into, b"A" * 20, address(1), seeding=True, event=1)
    put(into, b"A" * 20, address(1), event=3)
    assert all(not everything_in(count) for count in done(Networks(into)).counts.values())


def test_parts_of_two_trackers() -> None:
    one, two = tracker(), tracker()
    put(one, b"A" * 20, address(1))
    put(two, b"B" * 20, address(2))
    merged = done(Networks(one))
    for _ in merged.merge(done(Networks(two))):
        pass
    finest = SIZES4[0] if OWN == 4 else SIZES6[0]
    first = merged.counts[finest].ranking.first(SHOWN)
    assert sum(times for times, _ in first) == 2


def test_counts_that_go_on_are_ranked_when_asked_for() -> None:
    counts = {size: NetworkCount() for size in SIZES}
    counts[SIZES[0]].add(b"\x0a\0\0", 3)
    done(RankedNetworks(counts))
    assert counts[SIZES[0]].ranking.first(SHOWN) == [(3, b"\x0a\0\0")]
