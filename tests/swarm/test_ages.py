"""When a torrent was last touched, small and large, with peers and without."""

import pytest

from opentracker.protocol.messages import EVENT_STOPPED
from opentracker.swarm.ages import least_age, touched
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.store.records import SMALL, left_at, without_peers
from opentracker.swarm.tracker import SHARDS, Tracker
from tests.swarm.filled import announce, open_tracker

HASH = b"a" * 20


def touched_at(tracker: Tracker, minute: int) -> int:
    return touched(tracker.shards[hash(HASH) & (SHARDS - 1)][HASH], minute)


@pytest.mark.parametrize("peers", [1, 2, 7, SMALL, SMALL + 1, 3 * SMALL])
def test_the_newest_peer_tells(peers: int) -> None:
    tracker = open_tracker()
    for number in range(peers):
        announce(tracker, HASH, 1000 + number, number % 20)
    newest = min(peers - 1, 19)
    assert touched_at(tracker, newest) == newest
    assert touched_at(tracker, 60) == newest
    announce(tracker, HASH, 1000, 41)
    assert touched_at(tracker, 60) == 41


def test_after_the_last_peer_it_is_when_that_one_left() -> None:
    tracker = open_tracker()
    announce(tracker, HASH, 1000, 3, event=1, seeding=True)
    announce(tracker, HASH, 1000, 7, event=EVENT_STOPPED)
    assert touched_at(tracker, 500) == 7


@pytest.mark.parametrize("minute", [0, 1, -1, -1440, 8_388_607, -8_388_608])
def test_a_minute_before_the_start_is_kept(minute: int) -> None:
    assert left_at(without_peers(5, minute)) == minute
    assert touched(without_peers(5, minute), 9) == minute


def test_a_torrent_left_long_before_the_start_goes_in_its_time() -> None:
    tracker = open_tracker()
    tracker.put(tracker.shards[0], HASH, None, without_peers(5, -1439))
    for minute, there in ((1, True), (2, False)):
        cleaner = Cleaner(tracker)
        for _ in cleaner.clean_next(minute):
            pass
        assert (HASH in tracker.shards[0]) is there


def test_least_age() -> None:
    assert least_age(b"", 5, 77) == 77
    assert least_age(bytes([250]), 5, 77) == 11
    assert least_age(bytes([250, 3, 200]), 5, 77) == 2
    assert least_age(bytes([250, 3, 200]), 5, 1) == 1
