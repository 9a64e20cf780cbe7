from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.counting.network_count import (
    BUCKETS,
    MOST,
    SHOWN,
    SIZES,
    AddressCount,
    NetworkCount,
    thin,
)
from tests.swarm.crowd import OWN, address


def everything_in(count: NetworkCount) -> dict[bytes, int]:
    return {network: times for bucket in count.buckets for network, times in bucket.items()}


def ranked(count: NetworkCount) -> list[tuple[int, bytes]]:
    for _ in count.rank(drain=False):
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


def test_halving() -> None:
    count = NetworkCount()
    count.add(b"\x0a\0\0", 7)
    count.add(b"\x0b\0\0", 1)
    assert sum(1 for _ in count.halve()) == BUCKETS
    assert everything_in(count) == {b"\x0a\0\0": 3}


def test_rankings_of_two_parts_are_merged() -> None:
    one, two = NetworkCount(), NetworkCount()
    one.add(b"\x0a\0\0", 5)
    two.add(b"\x0a\0\0", 2)
    two.add(b"\x0b\0\0", 6)
    ranked(one)
    ranked(two)
    one.merge(two)
    assert one.ranking.first(9) == [(7, b"\x0a\0\0"), (6, b"\x0b\0\0")]


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


def test_addresses_by_their_finest_network() -> None:
    count = AddressCount()
    for _ in range(3):
        count.add(address(1))
    finest = SIZES[0] if OWN == 4 else SIZES[-1]
    assert everything_in(count.counts[finest]) == {address(1)[:finest]: 3}
