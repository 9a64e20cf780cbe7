"""The tracker against a naive model, and the rules of an announce one by one."""

import random
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from librt.random import Random

from opentracker._features import (
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_PEER_TIMEOUT,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.model import FAMILIES, Pair, handed_out, peer_of

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.policy.admission import UNAUTHORIZED
    from opentracker.swarm.tracker import admit_by

A, B, C = b"A" * 20, b"B" * 20, b"C" * 20
EVENTS = [EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED]
SIZES = {"small": 20, "large": SMALL + 100}

hashes = st.sampled_from([A, B, C])
families = st.sampled_from(FAMILIES)


class SideBySide(RuleBasedStateMachine):
    """Announces one by one and in crowds, so that torrents cross the border between the forms both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair()

    @rule(
        info_hash=hashes,
        number=st.integers(1, 12),
        size=families,
        seeding=st.booleans(),
        event=st.sampled_from(EVENTS),
        numwant=st.sampled_from([0, 1, 3, 50, 200]),
        both_families=st.booleans(),
        stored=st.sampled_from([True, True, True, False]),
    )
    def announce(self, info_hash: bytes, number: int, size: int, **fields: bool) -> None:
        self.pair.announce(info_hash, peer_of(number, size), **fields)

    @rule(
        info_hash=hashes,
        part=st.integers(0, 4),
        parts=st.integers(1, 4),
        size=families,
        seeding=st.booleans(),
        event=st.sampled_from([*EVENTS, EVENT_STOPPED]),
    )
    def crowd(self, info_hash: bytes, part: int, parts: int, size: int, seeding: bool, event: int) -> None:
        step = SMALL // 3
        peers = [peer_of(number, size) for number in range(part * step, (part + parts) * step)]
        self.pair.crowd(info_hash, peers, seeding, event)

    @rule(minutes=st.integers(1, OT_PEER_TIMEOUT))
    def wait(self, minutes: int) -> None:
        self.pair.wait(minutes)

    @rule()
    def look_at_everyone(self) -> None:
        self.pair.check_members()

    @invariant()
    def counts_are_equal(self) -> None:
        self.pair.check_counts()


SideBySide.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestSideBySide = SideBySide.TestCase


@pytest.mark.parametrize("seed", [5, 6])
def test_p3_p6_a_long_walk_beside_the_model(seed: int) -> None:
    walk = random.Random(seed)
    pair = Pair(seed)
    spread = {
        A: 5,
        B: SMALL,
        C: SMALL // 2,
    }  # addresses, with four ports each: one torrent always stays small
    forms: dict[bytes, set[bool]] = {A: set(), B: set(), C: set()}
    for step in range(10_000):
        if step % 250 == 0:
            pair.wait(walk.randrange(OT_PEER_TIMEOUT if step % 2_000 == 0 else 8))
            pair.check_counts()
            pair.check_members()
        info_hash = walk.choice([A, B, B, B, C, C])
        pair.announce(
            info_hash,
            peer_of(walk.randrange(spread[info_hash]), walk.choice(FAMILIES), 6881 + walk.randrange(4)),
            seeding=walk.random() < 0.4,
            event=walk.choice(EVENTS),
            numwant=walk.choice([0, 1, 5, 50, 200]),
            both_families=walk.random() < 0.5,
            stored=walk.random() < 0.95,
        )
        if step % 10 == 0:
            forms[info_hash].add(pair.is_large(info_hash))
    assert forms[A] == {False}
    assert forms[B] == {False, True}


def crowded(info_hash: bytes, peers: int, size: int, seeders: int = 0) -> Pair:
    """A torrent with peers 1 to `peers`, the last `seeders` of them seeding."""
    pair = Pair()
    pair.crowd(info_hash, [peer_of(number, size) for number in range(1, peers - seeders + 1)], False)
    pair.crowd(info_hash, [peer_of(number, size) for number in range(peers - seeders + 1, peers + 1)], True)
    return pair


@pytest.fixture(params=SIZES, name="form")
def fixture_form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=FAMILIES, name="size", ids=lambda size: f"{size}bytes")
def fixture_size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_the_forms_are_what_these_tests_take_them_for(form: str, size: int) -> None:
    assert crowded(A, SIZES[form], size).is_large(A) is (form == "large")


def test_an_announce_that_stores_a_peer_makes_the_torrent(size: int) -> None:
    pair = Pair()
    pair.announce(A, peer_of(1, size))
    assert pair.known() == {A}


@pytest.mark.parametrize("event", EVENTS)
def test_d04_a_peer_that_is_not_stored_makes_no_torrent_and_counts_for_nothing(event: int, size: int) -> None:
    pair = Pair()
    a = pair.announce(A, peer_of(1, size, 1), event=event, seeding=True, stored=False)
    assert (a.complete, a.downloaded, a.incomplete, handed_out(a)) == (0, 0, 0, {size: []})
    assert pair.known() == set()


def test_u28b_a_stopped_for_an_unknown_torrent_makes_none(size: int) -> None:
    pair = Pair()
    pair.announce(A, peer_of(1, size), event=EVENT_STOPPED)
    assert pair.known() == set()


def test_s16_a_scrape_makes_no_torrent() -> None:
    pair = Pair()
    assert pair.tracker.scrape(A) == (0, 0, 0)
    assert pair.known() == set()


def test_u29_a_peer_that_is_not_stored_gets_peers_and_is_not_handed_out(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size)
    a = pair.announce(A, peer_of(1000, size, 1), stored=False, numwant=10)
    assert len(handed_out(a)[size]) == 10
    assert a.incomplete == SIZES[form]
    a = pair.announce(A, peer_of(1001, size), numwant=1000)
    assert peer_of(1000, size, 1) not in handed_out(a)[size]


@pytest.mark.parametrize("seeding", [False, True])
def test_an_announce_that_is_not_stored_changes_no_known_peer(form: str, size: int, seeding: bool) -> None:
    pair = crowded(A, SIZES[form], size, seeders=SIZES[form] // 2)
    before = pair.tracker.scrape(A)
    for number in (1, SIZES[form]):  # a leecher, a seeder
        pair.announce(A, peer_of(number, size), seeding=seeding, event=EVENT_COMPLETED, stored=False)
    assert pair.tracker.scrape(A) == before
    pair.check_members()


def test_u26_completed_without_being_a_seeder_is_not_counted(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size)
    assert pair.announce(A, peer_of(1, size), event=EVENT_COMPLETED).downloaded == 0


def test_u27_completed_is_counted_once_a_peer_for_as_long_as_it_is_known(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size)
    one = peer_of(1, size)
    for seeding in (True, True, False, True):  # also not after it was a leecher again
        pair.announce(A, one, event=EVENT_COMPLETED, seeding=seeding)
    assert pair.tracker.scrape(A)[1] == 1
    pair.announce(A, peer_of(2, size), event=EVENT_COMPLETED, seeding=True)
    assert pair.tracker.scrape(A)[1] == 2
    pair.announce(A, one, event=EVENT_STOPPED, seeding=True)
    pair.announce(A, one, event=EVENT_COMPLETED, seeding=True)
    assert pair.tracker.scrape(A)[1] == 3


@pytest.mark.parametrize("seeding", [False, True])
def test_u28_a_stopped_removes_the_peer_whatever_it_says_it_has_left(
    form: str, size: int, seeding: bool
) -> None:
    pair = crowded(A, SIZES[form], size, seeders=5)
    for number in (1, SIZES[form]):
        a = pair.announce(A, peer_of(number, size), event=EVENT_STOPPED, seeding=seeding)
        assert handed_out(a) == {size: []}
    assert pair.tracker.scrape(A) == (4, 0, SIZES[form] - 6)


def test_a_seeder_that_has_something_left_is_a_leecher_again(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size, seeders=1)
    pair.announce(A, peer_of(SIZES[form], size))
    assert pair.tracker.scrape(A) == (0, 0, SIZES[form])


def test_a_peer_is_its_address_and_port(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size)
    pair.announce(A, peer_of(1, size, 6882))
    pair.announce(B, peer_of(1, size))
    assert pair.tracker.scrape(A)[2] == SIZES[form] + 1
    assert pair.tracker.scrape(B)[2] == 1


def test_peers_that_overlap_in_the_store_are_told_apart(form: str, size: int) -> None:
    """Addresses of so few byte values that nearly every one can be read across the border of two others."""
    walk = random.Random(size)
    pair = crowded(A, SIZES[form] - 20, size) if form == "large" else Pair()
    for step in range(600):
        peer = bytes(walk.choices(b"\0\1", weights=[3, 1], k=size))
        event = EVENT_STOPPED if walk.random() < 0.45 else EVENT_NONE
        pair.announce(A, peer, event=event, seeding=walk.random() < 0.3, numwant=1_000)
        pair.minute = step // 20
    pair.check_members()


@pytest.mark.needs(WANT_V4_ONLY=False, WANT_V6=False)
def test_u48_each_family_sees_its_own_and_counts_are_of_both(form: str) -> None:
    pair = crowded(A, SIZES[form], 6)
    a = pair.announce(A, peer_of(1, 18))
    assert (a.incomplete, handed_out(a)) == (SIZES[form] + 1, {18: []})
    a = pair.announce(A, peer_of(2, 18))
    assert (a.incomplete, handed_out(a)) == (SIZES[form] + 2, {18: [peer_of(1, 18)]})


@pytest.mark.needs(WANT_V4_ONLY=False, WANT_V6=False)
@pytest.mark.parametrize("sizes", [(300, 300), (300, 13), (13, 300), (30, 25), (300, 3)], ids=str)
@pytest.mark.parametrize("asker", [6, 18], ids=["v4asks", "v6asks"])
def test_h49_families_share_what_is_wanted(sizes: tuple[int, int], asker: int) -> None:
    pair = crowded(A, sizes[0], 6, seeders=sizes[0] // 3)
    pair.crowd(A, [peer_of(number, 18) for number in range(sizes[1])], seeding=True)
    a = pair.announce(A, peer_of(5000, asker), both_families=True, numwant=50, stored=False)
    v4, v6 = len(a.peers) // 6, len(a.peers6) // 18
    assert v4 + v6 == 50
    sure = [min(12, there) for there in sizes]
    left = [there - quarter for there, quarter in zip(sizes, sure, strict=True)]
    fair = sure[0] + (50 - sum(sure)) * left[0] / sum(left)
    assert abs(v4 - fair) < 1, "what the quarters leave goes in proportion"


# ---- Selection: whether every peer has its chance ----------------------------------------------------------


def handed_to(pair: Pair, asker: bytes, numwant: int, rounds: int, seeding: bool = False) -> Counter[bytes]:
    """How often each peer was handed out."""
    seen: Counter[bytes] = Counter()
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.numwant, a.seeding = A, asker, numwant, seeding
    for _ in range(rounds):
        pair.tracker.announce(a, pair.minute)
        seen.update(handed_out(a)[len(asker)])
    return seen


@pytest.mark.parametrize("seeders", [0, 7, 15])
@pytest.mark.parametrize("member", [False, True], ids=["stranger", "member"])
def test_p6_one_peer_for_a_leecher_is_any_of_the_others(
    form: str, size: int, seeders: int, member: bool
) -> None:
    """Independent draws of one: chi-square has the mean `freedom` and the variance twice that.

    It sees what is wrong with many peers; what is wrong with one shows in its own count, which is near to Poisson's.
    """
    pair = crowded(A, SIZES[form], size, seeders=seeders)
    others = [peer_of(number, size) for number in range(1, SIZES[form] + 1)]
    asker = others.pop(3) if member else peer_of(1000, size, 1)
    each = 100
    seen = handed_to(pair, asker, 1, each * len(others))
    assert seen.keys() <= set(others)
    assert seen.total() == each * len(others)
    chi_square = sum((seen[other] - each) ** 2 / each for other in others)
    freedom = len(others) - 1
    assert chi_square < freedom + 6 * (2 * freedom) ** 0.5
    assert max(abs(seen[other] - each) for other in others) < 7 * each**0.5


@pytest.mark.parametrize("numwant", [3, 14])
def test_p6_every_other_peer_has_the_same_chance(form: str, size: int, numwant: int) -> None:
    """How often one peer is handed out is binomially distributed, whatever happens to its neighbours."""
    rounds = 2_000
    pair = crowded(A, SIZES[form], size, seeders=7)
    others = [peer_of(number, size) for number in range(1, SIZES[form] + 1)]
    asker = others.pop(3)
    seen = handed_to(pair, asker, numwant, rounds)
    chance = numwant / len(others)
    deviation = (rounds * chance * (1 - chance)) ** 0.5
    assert seen.keys() == set(others)
    assert max(abs(seen[other] - rounds * chance) for other in others) < 7 * deviation


def test_p6_a_seeder_gets_leechers_first(form: str, size: int) -> None:
    pair = crowded(A, SIZES[form], size, seeders=9)
    leechers = {peer_of(number, size) for number in range(1, SIZES[form] - 8)}
    seeders = {peer_of(number, size) for number in range(SIZES[form] - 8, SIZES[form])}
    asker = peer_of(SIZES[form], size)
    seen = handed_to(pair, asker, len(leechers) + 2, 200, seeding=True)
    assert seen.keys() == leechers | seeders
    assert {seen[leecher] for leecher in leechers} == {200}
    assert handed_to(pair, asker, 2, 10 * len(leechers), seeding=True).keys() == leechers


# ---- The rest of the answer --------------------------------------------------------------------------------


def test_u53_intervals_are_spread() -> None:
    tracker = Tracker(Random(53))
    seen = [int(tracker.interval()) for _ in range(1_000)]
    lowest = OT_CLIENT_REQUEST_INTERVAL - OT_CLIENT_REQUEST_VARIATION // 2
    assert min(seen) >= lowest > 0
    assert max(seen) <= lowest + OT_CLIENT_REQUEST_VARIATION
    parts = 8
    step = OT_CLIENT_REQUEST_VARIATION / parts
    if step >= 1:
        assert len({int((value - lowest) / step) for value in seen if value < lowest + parts * step}) == parts


def test_the_same_seed_gives_the_same_answers() -> None:
    answers = []
    for seed in (7, 7, 8):
        pair = Pair(seed)
        pair.crowd(A, [peer_of(number, FAMILIES[0]) for number in range(40)], seeding=False)
        answers.append(
            [pair.announce(A, peer_of(99, FAMILIES[0]), numwant=1, stored=False).peers for _ in range(50)]
        )
    assert answers[0] == answers[1] != answers[2]


def test_a_request_can_be_used_again() -> None:
    """Nothing of a former answer is left in the next."""
    pair = crowded(A, 20, FAMILIES[0])
    pair.announce(A, peer_of(1, FAMILIES[0]))
    a = pair.announce(B, peer_of(1, FAMILIES[0]))
    assert (a.complete, a.downloaded, a.incomplete, handed_out(a)) == (0, 0, 1, {FAMILIES[0]: []})


@pytest.mark.needs("WANT_ACCESSLIST_BLACK")
@pytest.mark.parametrize("event", EVENTS)
def test_d09_a_refused_torrent_is_refused_whatever_the_event(event: int) -> None:
    pair = crowded(A, 5, FAMILIES[0])
    admit_by(pair.tracker, AccessList(frozenset([A])))
    with pytest.raises(TrackerFailure) as caught:
        pair.announce(A, peer_of(9, FAMILIES[0]), event=event)
    assert caught.value.reason == UNAUTHORIZED
    assert pair.tracker.scrape(A) == (0, 0, 0)
    pair.announce(B, peer_of(9, FAMILIES[0]))
    assert pair.known() == {A, B}


@pytest.mark.needs("WANT_ACCESSLIST_WHITE")
def test_d09_a_torrent_that_is_not_listed_is_refused() -> None:
    pair = Pair()
    admit_by(pair.tracker, AccessList(frozenset([A])))
    pair.announce(A, peer_of(9, FAMILIES[0]))
    with pytest.raises(TrackerFailure):
        pair.announce(B, peer_of(9, FAMILIES[0]))
    assert pair.known() == {A}


@pytest.mark.parametrize("bits", [10, 120])
def test_r06_info_hashes_that_look_alike_are_spread_as_all_others(bits: int) -> None:
    """A stranger can choose the first bits, or all of them but the last few, and still aims at no shard."""
    walk = random.Random(6)
    tracker = Tracker(Random(1))
    a = Announce(both_families=False)
    a.peer, a.stored = peer_of(1, FAMILIES[0]), True
    each = 40
    for _ in range(each * tracker.store.shards):
        a.info_hash = (walk.getrandbits(160) >> bits).to_bytes(20, "big")
        tracker.announce(a, 0)
    sizes = [int(tracker.store.count(shard)) for shard in range(tracker.store.shards)]
    assert sum(sizes) == each * len(sizes)
    assert max(abs(size - each) for size in sizes) < 8 * each**0.5
