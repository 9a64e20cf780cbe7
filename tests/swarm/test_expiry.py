"""Peers and torrents that go, minute by minute and slice by slice."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STOPPED
from opentracker.swarm.expiry import STEP, Cleaner
from opentracker.swarm.store.records import SMALL
from tests.swarm.model import FAMILIES, Pair, peer_of

A, B = b"A" * 20, b"B" * 20
DAY = OT_TORRENT_TIMEOUT_HOURS * 60
# Minutes before which the peer has not expired when the minute, its last byte or its last two bytes wrap around; and
# one of an uptime over a year.
STARTS = [0, 1, 255 - OT_PEER_TIMEOUT, 256 - OT_PEER_TIMEOUT, 255, 256, 65_530, 65_536, 600_000]
CROWDS = {"small": 3, "large": SMALL + 60}


@pytest.fixture(params=CROWDS, name="crowd")
def fixture_crowd(request: pytest.FixtureRequest) -> int:
    return CROWDS[request.param]


@pytest.fixture(params=FAMILIES, name="size", ids=lambda size: f"{size}bytes")
def fixture_size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def pair_at(minute: int) -> Pair:
    pair = Pair()
    pair.minute = minute
    return pair


def some_peers(count: int, size: int, first: int = 1) -> list[bytes]:
    return [peer_of(number, size) for number in range(first, first + count)]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("seeding", [False, True], ids=["leechers", "seeders"])
def test_r12_a_peer_lives_for_its_timeout_and_no_minute_longer(
    start: int, seeding: bool, crowd: int, size: int
) -> None:
    pair = pair_at(start)
    pair.crowd(A, some_peers(crowd, size), seeding)
    counts = pair.tracker.scrape(A)
    pair.minute += OT_PEER_TIMEOUT
    pair.clean()
    assert pair.tracker.scrape(A) == counts
    pair.minute += 1
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 0, 0)
    pair.clean()
    assert pair.known() == set()


@pytest.mark.parametrize("start", STARTS)
def test_r12_only_the_old_ones_go(start: int, crowd: int, size: int) -> None:
    """Peers of several ages, in both roles, every third of them heard of again."""
    pair = pair_at(start)
    for age in range(4):
        peers = some_peers(crowd, size, 1 + age * crowd)
        pair.crowd(A, peers[::2], seeding=False)
        pair.crowd(A, peers[1::2], seeding=True, event=EVENT_COMPLETED)
        pair.minute += 10
    pair.crowd(A, some_peers(4 * crowd, size)[::3], seeding=True)
    pair.minute += OT_PEER_TIMEOUT - 40
    for _ in range(50 // OT_CLEAN_CYCLE + 1):
        pair.clean()
        pair.check_counts()
        pair.minute += OT_CLEAN_CYCLE
    pair.check_members()


@pytest.mark.needs(WANT_V4_ONLY=False, WANT_V6=False)
@pytest.mark.parametrize("old", FAMILIES)
def test_r12_one_family_goes_and_the_other_stays(old: int, crowd: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(crowd, old), seeding=False)
    pair.minute += 30
    (young,) = set(FAMILIES) - {old}
    pair.crowd(A, some_peers(crowd, young), seeding=False)
    pair.minute += OT_PEER_TIMEOUT - 29
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 0, crowd)
    pair.check_members()


def test_a_peer_that_keeps_announcing_is_never_lost(crowd: int, size: int) -> None:
    pair = Pair()
    peers = some_peers(crowd, size)
    while pair.minute < 400:
        pair.crowd(A, peers, seeding=False)
        for _ in range(30):
            pair.minute += OT_CLEAN_CYCLE
            if pair.minute % 30 == 0:
                pair.crowd(A, peers, seeding=False)
            pair.clean()
            assert pair.tracker.scrape(A) == (0, 0, crowd)


def test_s16_a_scrape_keeps_nothing_alive(crowd: int, size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(crowd, size), seeding=False)
    pair.minute += OT_PEER_TIMEOUT
    assert pair.tracker.scrape(A) == (0, 0, crowd)
    pair.minute += 1
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 0, 0)


def test_an_announce_that_is_not_stored_keeps_nothing_alive(crowd: int, size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(crowd, size), seeding=False)
    pair.minute += OT_PEER_TIMEOUT + 1
    for peer in some_peers(crowd, size):
        pair.announce(A, peer, stored=False)
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 0, 0)


def test_a_torrent_without_peers_and_count_goes_at_the_next_cleaning(crowd: int, size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(crowd, size), seeding=False)
    pair.crowd(A, some_peers(crowd, size), seeding=False, event=EVENT_STOPPED)
    pair.clean()
    assert pair.known() == set()


@pytest.mark.parametrize("start", STARTS)
def test_a_count_outlives_its_last_peer_by_the_torrent_timeout(start: int, size: int) -> None:
    pair = pair_at(start)
    pair.announce(A, peer_of(1, size), seeding=True, event=EVENT_COMPLETED)
    pair.announce(A, peer_of(1, size), event=EVENT_STOPPED)
    pair.minute += DAY
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 1, 0)
    pair.minute += 1
    pair.clean()
    assert pair.known() == set()


@pytest.mark.parametrize("start", STARTS)
def test_a_count_outlives_a_peer_that_fell_silent_too(start: int, size: int) -> None:
    """It counts from when the peer was last heard of."""
    pair = pair_at(start)
    pair.announce(A, peer_of(1, size), seeding=True, event=EVENT_COMPLETED)
    pair.minute += OT_PEER_TIMEOUT + OT_CLEAN_CYCLE
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 1, 0)
    pair.minute = start + DAY
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 1, 0)
    pair.minute += 1
    pair.clean()
    assert pair.known() == set()


def test_a_large_swarm_leaves_its_count_behind_as_well(size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(SMALL + 60, size), seeding=True, event=EVENT_COMPLETED)
    pair.minute += OT_PEER_TIMEOUT + 1
    pair.clean()
    assert pair.tracker.scrape(A) == (0, SMALL + 60, 0)
    pair.minute += DAY - OT_PEER_TIMEOUT - 1
    pair.clean()
    assert pair.tracker.scrape(A) == (0, SMALL + 60, 0)
    pair.minute += OT_PEER_TIMEOUT + 2
    pair.clean()
    assert pair.known() == set()


def test_a_new_peer_takes_over_the_count(size: int) -> None:
    pair = Pair()
    pair.announce(A, peer_of(1, size), seeding=True, event=EVENT_COMPLETED)
    pair.announce(A, peer_of(1, size), event=EVENT_STOPPED)
    pair.minute += DAY - 1
    pair.announce(A, peer_of(2, size))
    pair.minute += OT_PEER_TIMEOUT
    pair.clean()
    assert pair.tracker.scrape(A) == (0, 1, 1)


def test_a_swarm_that_has_shrunk_is_kept_small_again(size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(SMALL + 60, size), seeding=False)
    pair.crowd(A, some_peers(5, size), seeding=True, event=EVENT_COMPLETED)
    pair.crowd(A, some_peers(SMALL + 50, size, 11), seeding=False, event=EVENT_STOPPED)
    assert pair.is_large(A)
    pair.clean()
    assert not pair.is_large(A)
    assert pair.tracker.scrape(A) == (5, 5, 5)
    pair.check_members()
    pair.crowd(A, some_peers(5, size), seeding=True, event=EVENT_COMPLETED)
    assert pair.tracker.scrape(A) == (5, 5, 5), "who has completed is remembered"


# ---- In slices ---------------------------------------------------------------------------------------------


def slices(pair: Pair, cleaner: Cleaner) -> int:
    """How many slices a whole cycle takes, ended ones not counted."""
    return sum(1 for _ in range(pair.tracker.store.shards) for _ in cleaner.clean_next(pair.minute))


@pytest.mark.needs(WANT_COMPILED=False)  # a flat shard takes half a millisecond
def test_many_torrents_are_cleaned_in_slices() -> None:
    pair = Pair()
    few = slices(pair, pair.cleaner)
    assert few == 0
    for number in range(150 * int(pair.tracker.store.shards)):
        pair.crowd(number.to_bytes(20, "big"), some_peers(1, FAMILIES[0]), seeding=False)
    assert slices(pair, pair.cleaner) >= pair.tracker.store.shards // 2


def test_a_swarm_of_many_peers_is_cleaned_in_slices(size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(20_000, size), seeding=False)
    assert slices(pair, pair.cleaner) >= 2


def test_a_cycle_visits_every_shard_once() -> None:
    pair = Pair()
    for number in range(2_000):
        pair.crowd(number.to_bytes(20, "big"), some_peers(1, FAMILIES[0]), seeding=False)
    pair.minute += OT_PEER_TIMEOUT + 1
    left = [len(pair.known())]
    for _ in range(pair.tracker.store.shards):
        for _ in pair.cleaner.clean_next(pair.minute):
            pass
        left.append(len(pair.known()))
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) < 100, "spread evenly"


@pytest.mark.parametrize("seed", range(3))
def test_announces_between_two_slices_do_no_harm(seed: int, size: int) -> None:
    """Swarms grow and shrink by hundreds while they are being cleaned; the next cycle, undisturbed, has it right."""
    walk = random.Random(seed)
    pair = Pair()
    pair.crowd(A, some_peers(20_000, size), seeding=False)
    pair.crowd(B, some_peers(6_000, size), seeding=True)
    pair.minute += OT_PEER_TIMEOUT
    pair.crowd(A, some_peers(9_000, size, 3_000), seeding=False)
    pair.minute += 1
    disturbed = 0
    for _ in range(pair.tracker.store.shards):
        for _ in pair.cleaner.clean_next(pair.minute):
            disturbed += 1
            seeding, event = walk.random() < 0.5, walk.choice([EVENT_NONE, EVENT_STOPPED])
            first = walk.randrange(20_000)
            pair.crowd(walk.choice([A, B]), some_peers(700, size, first), seeding, event)
    assert disturbed >= 2
    pair.clean()
    pair.check_counts()
    pair.check_members()


@pytest.mark.skipif(
    OT_PEER_TIMEOUT + OT_CLEAN_CYCLE >= 254,
    reason="this peer timeout leaves a stamp no room for a minute ahead",
)
@pytest.mark.parametrize("start", STARTS)
def test_a_peer_announced_after_its_shard_began_to_be_cleaned_stays(
    start: int, crowd: int, size: int
) -> None:
    """A clean of many slices can outlast the minute it began in."""
    pair = pair_at(start)
    cleanings = [pair.cleaner.clean_next(pair.minute) for _ in range(pair.tracker.store.shards)]
    pair.minute += 1
    pair.crowd(A, some_peers(crowd, size), seeding=False)
    for cleaning in cleanings:
        for _ in cleaning:
            pass
    assert pair.tracker.scrape(A) == (0, 0, crowd)


@given(ages=st.lists(st.integers(0, OT_PEER_TIMEOUT + OT_CLEAN_CYCLE), min_size=1, max_size=40))
def test_who_goes_is_told_by_age_alone(ages: list[int]) -> None:
    pair = Pair()
    for number, age in enumerate(ages):
        pair.minute = 300 - age
        pair.crowd(A, some_peers(1, FAMILIES[-1], number), seeding=number % 2 == 0)
    pair.minute = 300
    pair.clean()
    assert sum(pair.tracker.scrape(A)) == sum(age <= OT_PEER_TIMEOUT for age in ages)


# ---- A standstill ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stood", [STEP + OT_PEER_TIMEOUT + 1, 151, 200, 256, 300, 5000])
def test_after_a_standstill_no_peer_of_before_is_handed_out(stood: int, crowd: int, size: int) -> None:
    """A process that was stopped, and goes on when stamps may seem new again."""
    pair = pair_at(7)
    pair.cleaner.see(7)
    pair.crowd(A, some_peers(crowd, size), seeding=True, event=EVENT_COMPLETED)
    pair.cleaner.see(7 + stood)
    a = pair.requests[False]
    a.info_hash, a.peer, a.stored, a.numwant = A, peer_of(99_999, size), True, 100_000
    a.seeding, a.event = False, EVENT_NONE
    pair.tracker.announce(a, 7 + stood)
    assert a.peers == b""
    assert (a.complete, a.downloaded) == (0, crowd)


def test_minutes_that_follow_each_other_are_no_standstill(crowd: int, size: int) -> None:
    pair = Pair()
    pair.crowd(A, some_peers(crowd, size), seeding=False)
    for minute in (1, 1 + STEP, 2 + STEP, 2 + 2 * STEP):
        pair.cleaner.see(minute)
        assert pair.tracker.scrape(A) == (0, 0, crowd)
