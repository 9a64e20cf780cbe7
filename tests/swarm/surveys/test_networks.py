from collections import Counter

import pytest

from opentracker.swarm.counting.network_count import KEPT, SHOWN, SIZES, SIZES4, SIZES6, NetworkCount
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.surveys.networks import Networks, RankedNetworks
from tests.swarm.crowd import OWN, address, done, put, tracker
from tests.swarm.model import FAMILIES


def everything_in(count: NetworkCount) -> dict[bytes, int]:
    return {network: times for bucket in count.buckets for network, times in bucket.items()}


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
        assert everything_in(count) == {}  # they are of no use once they are ranked
        assert {network: times for times, network in count.ranking.first(KEPT)} == wanted[width]


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
    merged.merge(done(Networks(two)))
    finest = SIZES4[0] if OWN == 4 else SIZES6[0]
    first = merged.counts[finest].ranking.first(SHOWN)
    assert sum(times for times, _ in first) == 2


def test_counts_that_go_on_are_ranked_when_asked_for() -> None:
    counts = {size: NetworkCount() for size in SIZES}
    counts[SIZES[0]].add(b"\x0a\0\0", 3)
    done(RankedNetworks(counts))
    assert counts[SIZES[0]].ranking.first(SHOWN) == [(3, b"\x0a\0\0")]
