"""Large swarms; announces are asked in test_tracker.py, beside the model."""

import pytest
from librt.random import Random

from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.store.large import Swarm, TableMaker
from opentracker.swarm.store.records import MOST_DOWNLOADED
from tests.swarm.engines import TABLES
from tests.swarm.model import FAMILIES, peer_of

each_table = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)


@each_table
@pytest.mark.parametrize("size", FAMILIES)
def test_the_count_of_completed_stops_at_its_most(size: int, make: TableMaker) -> None:
    swarm = Swarm(MOST_DOWNLOADED - 1, make)
    a = Announce(both_families=False)
    a.seeding, a.stored, a.event = True, True, EVENT_COMPLETED
    for number in range(3):
        a.peer = peer_of(number, size)
        swarm.announce(a, 0, Random(1))
        assert a.downloaded == MOST_DOWNLOADED


@each_table
@pytest.mark.parametrize("size", FAMILIES)
def test_swarms_share_nobody(size: int, make: TableMaker) -> None:
    first, second = Swarm(0, make), Swarm(0, make)
    a = Announce(both_families=False)
    a.peer, a.stored = peer_of(1, size), True
    first.announce(a, 0, Random(1))
    a.event = EVENT_STOPPED
    Swarm(0, make).announce(a, 0, Random(1))
    assert (first.size(), second.size(), Swarm(0, make).size()) == (1, 0, 0)
