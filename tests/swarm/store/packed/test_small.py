"""A small torrent's record; its announces are asked in test_tracker.py, beside the model."""

import pytest
from librt.random import Random

from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.swarm.store.packed.small import announce
from opentracker.swarm.store.records import EMPTY, MOST_DOWNLOADED, counts, downloaded, left_at, without_peers
from tests.swarm.model import FAMILIES, peer_of


def asked(peer: bytes, *, seeding: bool = False, event: int = EVENT_NONE, stored: bool = True) -> Announce:
    a = Announce(both_families=False)
    a.peer, a.seeding, a.event, a.stored, a.numwant = peer, seeding, event, stored, 50
    return a


@pytest.mark.parametrize("size", FAMILIES)
@pytest.mark.parametrize("event", [EVENT_NONE, EVENT_STARTED])
def test_an_announce_that_says_nothing_new_leaves_the_very_record(size: int, event: int) -> None:
    """It tells the tracker that there is nothing to put back."""
    random = Random(1)
    record = announce(EMPTY, asked(peer_of(1, size)), 5, random)
    record = announce(record, asked(peer_of(2, size)), 5, random)
    assert announce(record, asked(peer_of(1, size), event=event), 5, random) is record
    assert announce(record, asked(peer_of(3, size), stored=False), 5, random) is record
    assert announce(record, asked(peer_of(3, size), event=EVENT_STOPPED), 5, random) is record
    assert announce(record, asked(peer_of(1, size)), 6, random) is not record


@pytest.mark.parametrize("size", FAMILIES)
def test_the_minute_of_the_last_stopped_is_remembered(size: int) -> None:
    random = Random(1)
    record = announce(without_peers(7, 3), asked(peer_of(1, size)), 70_000, random)
    assert (downloaded(record), sum(counts(record)[::2])) == (7, 1)
    record = announce(record, asked(peer_of(1, size), event=EVENT_STOPPED), 70_001, random)
    assert (downloaded(record), left_at(record)) == (7, 70_001)


@pytest.mark.parametrize("size", FAMILIES)
def test_the_count_of_completed_stops_at_its_most(size: int) -> None:
    a = asked(peer_of(1, size), seeding=True, event=EVENT_COMPLETED)
    record = announce(without_peers(MOST_DOWNLOADED - 1, 0), a, 0, Random(1))
    assert a.downloaded == MOST_DOWNLOADED
    announce(record, asked(peer_of(2, size), seeding=True, event=EVENT_COMPLETED), 0, Random(1))
    assert downloaded(record) == MOST_DOWNLOADED
