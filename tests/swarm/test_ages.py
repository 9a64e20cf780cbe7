"""When a torrent was last touched, small and large, with peers and without."""

import pytest

from opentracker.protocol.messages import EVENT_STOPPED
from opentracker.swarm.ages import OLDEST, ages_by_stamp, expired_stamps, is_over, least_age
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.filled import announce, open_tracker

HASH = b"a" * 20


def touched_at(tracker: Tracker, minute: int) -> int:
    return tracker.store.touched(HASH, minute)


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
    tracker = open_tracker()
    tracker.put(HASH, Contents(5, minute))
    assert touched_at(tracker, 9) == minute


@pytest.mark.parametrize("peers", [1, SMALL, 3 * SMALL])
def test_a_peer_renewed_in_a_minute_that_began_since_is_new(peers: int) -> None:
    """A dump takes its time: what it says of such a torrent was the year before, modulo 256 minutes."""
    tracker = open_tracker()
    for number in range(peers):
        announce(tracker, HASH, 1000 + number, 300)
    for number in range(peers):
        announce(tracker, HASH, 1000 + number, 301)
    assert touched_at(tracker, 300) == 300


def test_a_torrent_left_long_before_the_start_goes_in_its_time() -> None:
    tracker = open_tracker()
    tracker.put(HASH, Contents(5, -1439))
    for minute, there in ((1, True), (2, False)):
        cleaner = Cleaner(tracker)
        for _ in range(tracker.store.shards):
            for _ in cleaner.clean_next(minute):
                pass
        assert tracker.store.has(HASH) is there


def test_least_age() -> None:
    ages = ages_by_stamp(5)
    assert least_age(b"", ages) == 255
    assert least_age(bytes([250]), ages) == 11
    assert least_age(bytes([250, 3, 200]), ages) == 2


def test_a_stamp_of_a_minute_to_come_has_no_age_and_has_not_expired() -> None:
    assert [ages_by_stamp(255)[stamp] for stamp in (255, 0, 1, 254)] == [0, 0, 0, 1]
    assert max(ages_by_stamp(7)) == OLDEST
    assert [expired_stamps(255)[stamp] for stamp in (0, 255)] == [0, 0]


def test_a_torrent_without_count_is_over_at_once() -> None:
    assert is_over(0, 5, 5)
    assert not is_over(1, 5, 5)
