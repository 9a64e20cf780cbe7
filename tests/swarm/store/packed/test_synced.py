"""Peers stored by live sync, beside announces of clients, against a naive model and case by case."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.policy.watching import Watcher
from opentracker.swarm.store.peers import COMPLETED, FROM_SYNC
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.model import FAMILIES, peer_of
from tests.swarm.torrents import are_there, peers_of

A = b"A" * 20
LATER = 300  # a minute in which a stamp has wrapped round


@dataclass
class Known:
    """The state of a peer."""

    seeding: bool
    minute: int
    flags: int


def known_to(tracker: Tracker, minute: int) -> dict[bytes, Known]:
    """All peers of torrent A; their minutes are told from their stamps."""
    found = {}
    for peer, (seeding, flags, stamp) in peers_of(tracker, A).items():
        found[peer] = Known(seeding, minute - ((minute - stamp) & 255), flags)
    return found


def told(
    tracker: Tracker, peer: bytes, minute: int, *, age: int = 0, seeding: bool = False, event: int = 0
) -> None:
    """Let live sync say something of a peer."""
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.stored, a.seeding, a.event, a.sync_age = A, peer, True, seeding, event, age
    tracker.announce(a, minute)


def own(tracker: Tracker, peer: bytes, minute: int, *, seeding: bool = False, event: int = 0) -> Announce:
    """Let a client announce itself."""
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.stored, a.seeding, a.event = A, peer, True, seeding, event
    tracker.announce(a, minute)
    return a


def tracker_with(crowd: int) -> Tracker:
    """A tracker whose torrent A has `crowd` peers of its own in each family."""
    tracker = Tracker(Random(1))
    for number in range(crowd):
        for size in FAMILIES:
            own(tracker, peer_of(1000 + number, size), LATER, seeding=number % 3 == 0)
    return tracker


@pytest.fixture(params=[0, 5, SMALL + 100], ids=["alone", "small", "large"])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return tracker_with(request.param)


@pytest.fixture(params=FAMILIES)
def peer(request: pytest.FixtureRequest) -> bytes:
    return peer_of(1, request.param)


def test_a_newcomer_is_marked_and_has_its_age(tracker: Tracker, peer: bytes) -> None:
    told(tracker, peer, LATER, age=3, seeding=True)
    assert known_to(tracker, LATER)[peer] == Known(True, LATER - 3, FROM_SYNC)


def test_what_is_newer_renews_and_what_is_older_does_not(tracker: Tracker, peer: bytes) -> None:
    told(tracker, peer, LATER, age=7)
    told(tracker, peer, LATER, age=4)
    assert known_to(tracker, LATER)[peer].minute == LATER - 4
    for event in (EVENT_NONE, EVENT_STOPPED, EVENT_COMPLETED):
        told(tracker, peer, LATER, age=5, event=event, seeding=event != EVENT_STOPPED)
    assert known_to(tracker, LATER)[peer] == Known(False, LATER - 4, FROM_SYNC)
    told(tracker, peer, LATER + 9, age=13, seeding=True)  # of the very same minute
    assert known_to(tracker, LATER + 9)[peer] == Known(True, LATER - 4, FROM_SYNC)


def test_a_clients_own_announce_takes_the_mark_off(tracker: Tracker, peer: bytes) -> None:
    for seeding, event in ((False, EVENT_NONE), (True, EVENT_NONE), (True, EVENT_COMPLETED)):
        told(tracker, peer, LATER, age=1)
        before = known_to(tracker, LATER)[peer]
        assert before.flags == FROM_SYNC
        a = own(tracker, peer, LATER, seeding=seeding, event=event)
        assert a.age == 1
        completed = COMPLETED if event == EVENT_COMPLETED else 0
        assert known_to(tracker, LATER)[peer] == Known(seeding, LATER, completed)
        told(tracker, peer, LATER + 1, seeding=seeding)
        assert known_to(tracker, LATER + 1)[peer] == Known(seeding, LATER + 1, completed)
        told(tracker, peer, LATER + 1, event=EVENT_STOPPED)


def test_y03_completed_is_counted_once_for_the_torrent_and_not_as_ours(tracker: Tracker, peer: bytes) -> None:
    for _ in range(3):
        told(tracker, peer, LATER, seeding=True, event=EVENT_COMPLETED)
    own(tracker, peer, LATER, seeding=True, event=EVENT_COMPLETED)
    assert tracker.scrape(A)[1] == 1
    assert tracker.counters.completed == 0
    assert known_to(tracker, LATER)[peer].flags == COMPLETED


def test_completed_without_seeding_is_not_counted(tracker: Tracker, peer: bytes) -> None:
    told(tracker, peer, LATER, event=EVENT_COMPLETED)
    assert tracker.scrape(A)[1] == 0


def test_renewals_are_not_counted(tracker: Tracker, peer: bytes) -> None:
    before = list(tracker.renewals)
    told(tracker, peer, LATER, age=2)
    told(tracker, peer, LATER)
    assert list(tracker.renewals) == before


def test_nobody_is_told() -> None:
    """Watchers do not see peers of live sync: their records would circulate."""
    tracker = Tracker(Random(1))
    tracker.watchers.append(Watcher())  # which raises when it is told
    told(tracker, peer_of(1, FAMILIES[0]), 0)
    told(tracker, peer_of(1, FAMILIES[0]), 0, event=EVENT_STOPPED)
    with pytest.raises(NotImplementedError):
        own(tracker, peer_of(1, FAMILIES[0]), 0)


def test_stopped_of_what_is_unknown_makes_no_torrent(peer: bytes) -> None:
    tracker = Tracker(Random(1))
    told(tracker, peer, 0, event=EVENT_STOPPED)
    assert not are_there(tracker)


def test_a_torrent_becomes_large_and_small_again() -> None:
    tracker = Tracker(Random(1))
    peers = [peer_of(number, FAMILIES[number % len(FAMILIES)]) for number in range(SMALL + 50)]
    for number, each in enumerate(peers):
        told(tracker, each, 0, seeding=number % 2 == 0)
    assert tracker.scrape(A) == ((SMALL + 50) // 2, 0, (SMALL + 50) // 2)
    assert all(each.flags == FROM_SYNC for each in known_to(tracker, 0).values())
    for number, each in enumerate(peers):
        told(tracker, each, 0, event=EVENT_STOPPED, seeding=number % 3 == 0)
    assert tracker.scrape(A) == (0, 0, 0)


@pytest.mark.parametrize("age", [1, OT_PEER_TIMEOUT])
def test_peers_heard_of_before_the_start_expire_in_time(age: int) -> None:
    """Their minutes are below zero."""
    tracker = Tracker(Random(1))
    told(tracker, peer_of(1, FAMILIES[0]), 0, age=age)
    own(tracker, peer_of(2, FAMILIES[0]), 0, seeding=True, event=EVENT_COMPLETED)
    own(tracker, peer_of(2, FAMILIES[0]), 0, event=EVENT_STOPPED)
    cleaner = Cleaner(tracker)

    def clean(minute: int) -> None:
        for _ in range(tracker.store.shards):
            for _ in cleaner.clean_next(minute):
                pass

    clean(OT_PEER_TIMEOUT - age)
    assert tracker.scrape(A) == (0, 1, 1)
    clean(OT_PEER_TIMEOUT - age + 1)
    assert tracker.scrape(A) == (0, 1, 0)


steps = st.lists(
    st.tuples(
        st.integers(1, 6),  # which peer
        st.sampled_from(FAMILIES),
        st.booleans(),  # seeding
        st.sampled_from([EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, EVENT_COMPLETED]),
        st.integers(-1, 5),  # sync_age; -1: the client itself
        st.integers(0, 3),  # minutes that pass before
    ),
    max_size=40,
)


@given(st.sampled_from([0, SMALL + 20]), steps)
def test_p3_the_same_as_a_naive_model(crowd: int, todo: list[tuple[int, int, bool, int, int, int]]) -> None:
    tracker = tracker_with(crowd)
    model = known_to(tracker, LATER)
    downloads, minute = 0, LATER
    for number, size, seeding, event, age, pause in todo:
        minute += pause
        each = peer_of(number, size)
        if age < 0:
            own(tracker, each, minute, seeding=seeding, event=event)
        else:
            told(tracker, each, minute, age=age, seeding=seeding, event=event)
        heard = minute - max(age, 0)
        before = model.get(each)
        if before is not None and heard < before.minute:
            continue
        if event == EVENT_STOPPED:
            model.pop(each, None)
            continue
        flags = (0 if age < 0 else FROM_SYNC) if before is None else before.flags
        if age < 0:
            flags &= COMPLETED
        if event == EVENT_COMPLETED and seeding and not flags & COMPLETED:
            flags |= COMPLETED
            downloads += 1
        model[each] = Known(seeding, heard, flags)
    assert known_to(tracker, minute) == model
    seeders = sum(each.seeding for each in model.values())
    assert tracker.scrape(A) == (seeders, downloads, len(model) - seeders)
