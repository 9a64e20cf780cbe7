"""The dicts, which only the packed store has. The rest is tested for both stores, in test_door.py."""

import sys

import pytest
from librt.random import Random

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.swarm.store.packed.shards import SHARDS
from opentracker.swarm.store.packed.store import WIDEST, PackedStore
from tests.swarm.model import FAMILIES, Pair, peer_of

pytestmark = pytest.mark.needs(WANT_COMPILED=False)  # a tracker of a compiled build has the flat store


def store_of(pair: Pair) -> PackedStore:
    assert isinstance(pair.tracker.store, PackedStore)
    return pair.tracker.store


def tables(pair: Pair) -> int:
    """Bytes of the dicts."""
    return sum(sys.getsizeof(shard) for shard in store_of(pair).dicts)


def test_r03_dicts_give_their_memory_back() -> None:
    pair = Pair()
    size = FAMILIES[0]
    empty = tables(pair)
    peaks = []
    for generation in range(2):
        first = generation * 200 * SHARDS
        for number in range(first, first + 200 * SHARDS):
            pair.crowd(number.to_bytes(20, "big"), [peer_of(1, size)], seeding=False)
        peaks.append(tables(pair))
        pair.wait(OT_PEER_TIMEOUT + 1)
        pair.clean()
        assert pair.known() == set()
        assert tables(pair) - empty < (peaks[0] - empty) / 10
    assert peaks[1] <= peaks[0] * 1.05


@pytest.mark.parametrize("size", [200, 781, 4000])
def test_a_dict_whose_entries_come_and_go_stays_as_it_would_have_grown(size: int) -> None:
    store = PackedStore(Random(1))
    shard = store.dicts[0]
    shard.update({number.to_bytes(20, "big"): b"" for number in range(size)})
    grown = sys.getsizeof(shard)
    widest = 0
    for number in range(size, 9 * size):
        shard[number.to_bytes(20, "big")] = b""
        del shard[(number - size).to_bytes(20, "big")]
        if number % (size // 4) == 0:  # a cleaning
            store.give_back(0)
            widest = max(widest, sys.getsizeof(shard))
    assert list(shard) == [number.to_bytes(20, "big") for number in range(8 * size, 9 * size)]
    assert widest <= max(grown, WIDEST * size)


def test_r03_what_stays_in_a_dict_that_shrinks_is_there() -> None:
    pair = Pair()
    size = FAMILIES[0]
    for number in range(200 * SHARDS):
        pair.crowd(number.to_bytes(20, "big"), [peer_of(1, size)], seeding=False)
    peak = tables(pair)
    pair.minute += OT_PEER_TIMEOUT
    for number in range(10 * SHARDS):
        pair.crowd(number.to_bytes(20, "big"), [peer_of(1, size)], seeding=True)
    pair.minute += 1
    pair.clean()
    pair.check_counts()
    assert len(pair.known()) == 10 * SHARDS
    assert tables(pair) < peak / 4
