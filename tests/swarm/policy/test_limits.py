"""The totals equal a recount after any operation; and the limits refuse, keep and drop the right ones."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from librt.random import Random

from opentracker._features import OT_PEER_TIMEOUT, WANT_COMPILED
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.policy.limits import LASTING, RESERVE, ROOM, Limits
from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker, limit_by
from tests.swarm.model import FAMILIES, peer_of

A, B, C = b"A" * 20, b"B" * 20, b"C" * 20
SIZE = FAMILIES[0]
SIZE4 = 6
GRAIN = 2000 if WANT_COMPILED else 200  # bytes by which memory may grow in one go


def host_of(number: int, size: int, port: int = 6881) -> bytes:
    """A peer on a host of its own: IPv6 ones in a /64 of their own."""
    if size == 6:
        return b"\x0b" + number.to_bytes(3, "big") + port.to_bytes(2, "big")
    return bytes.fromhex("20010db8") + number.to_bytes(4, "big") + bytes(8) + port.to_bytes(2, "big")


@dataclass
class Totals:
    """Torrents, peers and bytes."""

    torrents: int = 0
    peers: int = 0
    bytes: int = 0


class Held:
    """A tracker with limits, driven announce by announce."""

    def __init__(self, **limits: int) -> None:
        self.tracker = Tracker(Random(1))
        limit_by(self.tracker, Limits(**limits))
        self.limits = self.tracker.limits
        self.counters = self.tracker.counters
        self.cleaner = Cleaner(self.tracker)
        self.minute = 0
        self.request = Announce(both_families=False)

    def announce(
        self, info_hash: bytes, peer: bytes, seeding: bool = False, event: int = EVENT_NONE, numwant: int = 50
    ) -> Announce:
        """One announce of a peer that can be listed; its answer."""
        a = self.request
        a.info_hash, a.peer, a.seeding, a.event, a.numwant, a.stored = (
            info_hash,
            peer,
            seeding,
            event,
            numwant,
            True,
        )
        self.tracker.announce(a, self.minute)
        return a

    def crowd(self, info_hash: bytes, numbers: range, size: int = SIZE, seeding: bool = False) -> None:
        """Peers with these numbers."""
        for number in numbers:
            self.announce(info_hash, peer_of(number, size), seeding, numwant=0)

    def flood(self, numbers: range, event: int = EVENT_NONE, seeding: bool = False) -> None:
        """A torrent of one peer for each number."""
        for number in numbers:
            self.announce(number.to_bytes(20, "big"), peer_of(number, SIZE), seeding, event)

    def clean(self) -> None:
        """A whole clean cycle."""
        for _ in range(self.tracker.store.shards):
            for _ in self.cleaner.clean_next(self.minute):
                pass

    def counted(self) -> Totals:
        """The totals of the limits."""
        totals = self.tracker.store.totals
        return Totals(totals.torrents, totals.peers, totals.bytes)

    def recounted(self) -> Totals:
        """The totals of a recount of the whole store."""
        totals, store = Totals(), self.tracker.store
        for shard in range(store.shards):
            found = store.weigh(shard)
            totals.torrents += found.torrents
            totals.peers += found.peers
            totals.bytes += found.bytes
        return totals

    def knows(self, info_hash: bytes) -> bool:
        """Whether a torrent is stored."""
        return self.tracker.store.has(info_hash)

    def knows_peer(self, info_hash: bytes, peer: bytes) -> bool:
        """Whether a peer is stored: a second announce of one that is renews it."""
        a = self.announce(info_hash, peer, event=EVENT_STOPPED)
        before = a.incomplete + a.complete
        return self.announce(info_hash, peer).incomplete + a.complete != before


# ---- Counting ----------------------------------------------------------------------------------------------


class Recounted(RuleBasedStateMachine):
    """After any operations the totals equal a recount, and no limit is exceeded."""

    MOST_TORRENTS = 12
    MOST_PEERS = 3 * SMALL

    def __init__(self) -> None:
        super().__init__()
        self.held = Held(torrents=self.MOST_TORRENTS, peers=self.MOST_PEERS, ports_per_address=3)

    @rule(
        number=st.integers(0, 20),
        peer=st.integers(1, 6),
        port=st.integers(2, 6),
        size=st.sampled_from(FAMILIES),
        seeding=st.booleans(),
        event=st.integers(0, 3),
    )
    def announce(self, number: int, peer: int, port: int, size: int, seeding: bool, event: int) -> None:
        self.held.announce(bytes([number]) * 20, host_of(peer, size, port), seeding, event)

    @rule(
        number=st.integers(0, 3),
        first=st.integers(0, 2),
        parts=st.integers(1, 4),
        size=st.sampled_from(FAMILIES),
        seeding=st.booleans(),
        event=st.sampled_from([EVENT_NONE, EVENT_COMPLETED, EVENT_STOPPED]),
    )
    def crowd(self, number: int, first: int, parts: int, size: int, seeding: bool, event: int) -> None:
        step = SMALL // 3
        for peer in range(first * step, (first + parts) * step):
            self.held.announce(bytes([number]) * 20, host_of(100 + peer, size), seeding, event, numwant=0)

    @rule(minutes=st.integers(0, OT_PEER_TIMEOUT))
    def wait(self, minutes: int) -> None:
        self.held.minute += minutes
        self.held.clean()

    @rule(number=st.integers(0, 20), slices=st.integers(0, 5))
    def purge(self, number: int, slices: int) -> None:
        """A torrent is taken out while its shard is being cleaned."""
        tracker, info_hash = self.held.tracker, bytes([number]) * 20
        cleanings = [self.held.cleaner.clean_next(self.held.minute) for _ in range(tracker.store.shards)]
        for cleaning in cleanings:
            for _ in range(slices):
                next(cleaning, None)
        tracker.remove(info_hash)
        for cleaning in cleanings:
            for _ in cleaning:
                pass

    @invariant()
    def totals_are_right(self) -> None:
        counted = self.held.counted()
        assert counted == self.held.recounted()
        assert counted.torrents <= self.MOST_TORRENTS
        assert counted.peers <= self.MOST_PEERS


Recounted.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestRecounted = Recounted.TestCase


def test_nothing_is_left_when_all_have_gone() -> None:
    held = Held()
    held.crowd(A, range(1, 3 * SMALL))
    held.flood(range(500))
    assert held.counted() == held.recounted() != Totals()
    held.minute += OT_PEER_TIMEOUT + 1
    held.clean()
    held.clean()
    assert held.counted() == held.recounted() == Totals()


@pytest.mark.parametrize("size", FAMILIES)
def test_a_swarm_is_counted_as_it_grows_and_shrinks(size: int) -> None:
    held = Held()
    weights = []
    for peers in (SMALL, SMALL + 1, 5 * SMALL):
        held.crowd(A, range(peers), size)
        assert held.counted() == held.recounted()
        assert held.counted().peers == peers
        weights.append(held.counted().bytes)
    assert weights == sorted(weights)
    assert weights[2] > 5 * SMALL * (size + 2)
    for number in range(5 * SMALL):
        held.announce(A, peer_of(number, size), event=EVENT_STOPPED)
    assert held.counted() == held.recounted()
    assert held.counted().peers == 0


@pytest.mark.parametrize("size", FAMILIES)
def test_a_swarm_whose_leechers_become_seeders_is_still_counted(size: int) -> None:
    held = Held()
    peers = range(20 * SMALL)
    held.crowd(A, peers, size)
    before = held.counted()
    for number in peers:
        held.announce(A, peer_of(number, size), seeding=True, event=EVENT_COMPLETED)
        assert held.counted() == before
    assert held.recounted() == before


# ---- Refusing ----------------------------------------------------------------------------------------------


@pytest.mark.needs(WANT_COMPILED=False)  # there memory comes and goes shard by shard
@pytest.mark.parametrize("size", FAMILIES)
@pytest.mark.parametrize("peers", [1, 2, SMALL, SMALL + 1, 3 * SMALL])
def test_the_weight_of_a_torrent_is_what_it_counts_for(peers: int, size: int) -> None:
    held = Held()
    held.crowd(A, range(1, peers + 1), size)
    contents = Contents(0, 0)
    planes = b"".join([peer_of(number, size) for number in range(1, peers + 1)]) + bytes(2 * peers)
    if size == SIZE4:
        contents.planes4, contents.leechers4 = planes, peers
    else:
        contents.planes6, contents.leechers6 = planes, peers
    assert held.tracker.store.weight_of(contents) == held.counted().bytes == held.recounted().bytes


def test_without_limits_nobody_is_looked_at() -> None:
    held = Held()
    held.flood(range(1000))
    held.crowd(A, range(2 * SMALL))
    assert not held.limits.near_limit
    assert not held.limits.evicting


def test_r01_torrents_beyond_the_limit_are_answered_and_not_kept() -> None:
    held = Held(torrents=1000)
    held.flood(range(1000))
    held.flood(range(1000, 11_000))
    assert held.counted().torrents == 1000
    assert held.counters.refused_torrents == 10_000
    assert all(held.knows(number.to_bytes(20, "big")) for number in range(1000))
    a = held.announce((5).to_bytes(20, "big"), peer_of(77, SIZE))  # an old one is served, and may grow
    assert (a.incomplete, a.peers) == (2, peer_of(5, SIZE))
    a = held.announce(B, peer_of(1, SIZE))
    assert (a.incomplete, a.complete, a.peers) == (0, 0, b"")


def test_r01_a_torrent_that_goes_makes_room_for_another() -> None:
    held = Held(torrents=1)
    held.announce(A, peer_of(1, SIZE))
    held.announce(A, peer_of(1, SIZE), event=EVENT_STOPPED)
    held.clean()
    held.announce(B, peer_of(1, SIZE))
    assert held.knows(B)
    assert held.counters.refused_torrents == 0


@pytest.mark.parametrize("peers", [20, 2 * SMALL], ids=["small", "large"])
@pytest.mark.parametrize("size", FAMILIES)
def test_r02_at_the_peer_limit_those_known_are_refreshed_and_may_complete(peers: int, size: int) -> None:
    held = Held(peers=peers)
    held.crowd(A, range(peers), size)
    held.minute = OT_PEER_TIMEOUT
    for number in range(peers):
        a = held.announce(A, peer_of(number, size), seeding=True, event=EVENT_COMPLETED)
        assert a.age == OT_PEER_TIMEOUT
    assert (a.complete, a.incomplete, a.downloaded) == (peers, 0, peers)
    held.minute += OT_PEER_TIMEOUT
    held.clean()
    assert held.counted() == held.recounted()
    assert held.counted().peers == peers
    a = held.announce(A, peer_of(peers, size), numwant=7)
    assert (a.complete, a.incomplete, len(a.peers)) == (peers, 0, 7 * size)
    assert held.counters.refused_peers == 1
    held.announce(A, peer_of(0, size), event=EVENT_STOPPED)
    held.announce(A, peer_of(peers, size))
    assert (held.counted().peers, held.counters.refused_peers) == (peers, 1)


@pytest.mark.parametrize("limit", [1, 5, SMALL, SMALL + 50])
@pytest.mark.parametrize("size", FAMILIES)
def test_y11_a_torrent_at_its_limit_takes_nobody_more(limit: int, size: int) -> None:
    held = Held(peers_per_torrent=limit)
    held.crowd(A, range(limit + 30), size)
    assert held.counted() == held.recounted() == Totals(1, limit, held.counted().bytes)
    assert held.counters.refused_torrent_full == 30
    held.crowd(B, range(1), size)
    assert held.counted().peers == limit + 1, "other torrents are not concerned"
    assert held.announce(A, peer_of(0, size), seeding=True).complete == 1


@pytest.mark.parametrize("others", [0, 3 * SMALL], ids=["small", "large"])
@pytest.mark.parametrize("size", FAMILIES)
def test_r05_one_address_gets_so_many_ports_and_others_their_place(others: int, size: int) -> None:
    held = Held(ports_per_address=3)
    for number in range(others):
        held.announce(A, host_of(number, size), seeding=number % 2 == 0)
    for port in range(2, 400):
        held.announce(A, host_of(99_999, size, port), seeding=port % 2 == 0)
    assert held.counted().peers == others + 3
    assert held.counters.refused_ports == 395
    a = held.announce(A, host_of(99_999, size, 3), seeding=True)
    assert a.age == 0, "a port that is known is renewed, as a seeder too"
    honest = host_of(99_998, size)
    held.announce(A, honest, seeding=True)
    assert held.counted().peers == others + 4
    everybody = held.announce(A, host_of(5, size), numwant=10_000).peers
    assert honest in [everybody[at : at + size] for at in range(0, len(everybody), size)]


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_r05_ipv6_counts_by_its_64() -> None:
    held = Held(ports_per_address=2)
    network = bytes.fromhex("20010db800010002")
    for host in range(10):
        held.announce(A, network + host.to_bytes(8, "big") + b"\x1a\xe1")
    held.announce(A, bytes.fromhex("20010db800010003") + bytes(8) + b"\x1a\xe1")
    assert (held.counted().peers, held.counters.refused_ports) == (3, 8)


@pytest.mark.parametrize("others", [0, 3 * SMALL], ids=["small", "large"])
@pytest.mark.parametrize("size", FAMILIES)
def test_r05_of_one_port_the_newest_wins(others: int, size: int) -> None:
    """A client that was killed comes back on another port; the one before is dead."""
    held = Held(ports_per_address=1)
    for number in range(others):
        held.announce(A, host_of(number, size), seeding=number % 2 == 0)
    old, new = host_of(99_999, size, 2), host_of(99_999, size, 3)
    held.announce(A, old)
    a = held.announce(A, new, seeding=True)
    assert (a.age, a.complete + a.incomplete) == (-1, others + 1)
    everybody = held.announce(A, host_of(99_998, size), numwant=10_000).peers
    there = [everybody[at : at + size] for at in range(0, len(everybody), size)]
    assert (old in there, new in there) == (False, True)
    assert held.counters.refused_ports == 0
    assert held.counted() == held.recounted()


@pytest.mark.needs(WANT_V6=False)
def test_r05_bytes_that_only_look_like_the_address_do_not_count() -> None:
    held = Held(ports_per_address=1)
    held.announce(A, bytes([1, 1, 1, 9, 1, 1]))
    held.announce(A, bytes([1, 1, 9, 1, 1, 1]))
    held.announce(A, bytes([1, 1, 1, 1, 1, 9]))  # read across borders it is there already
    assert (held.counted().peers, held.counters.refused_ports) == (3, 0)


def test_memory_is_a_limit_and_refusals_say_so() -> None:
    held = Held(memory=1 << 20)
    held.flood(range(20_000))
    assert held.counted().bytes <= (1 << 20) - (1 << 20) // ROOM + GRAIN
    assert held.counters.refused_memory > (2_000 if WANT_COMPILED else 10_000)
    held.crowd((1).to_bytes(20, "big"), range(10, 30_000))
    assert (1 << 20) <= held.counted().bytes < (1 << 20) + 2 * SMALL * 20 + GRAIN, (
        "torrents that are there may grow"
    )
    before = held.counters.refused_memory
    held.announce((1).to_bytes(20, "big"), peer_of(10, SIZE), seeding=True)
    assert held.counters.refused_memory == before


# ---- Making room -------------------------------------------------------------------------------------------


def test_r04_torrents_of_one_peer_go_first_whatever_that_peer_has_completed() -> None:
    """Under pressure; `completed` on random hashes lives no longer than other announces of random hashes."""
    limit = 3200
    held = Held(peers=limit)
    held.flood(range(500))
    held.flood(range(500, 1000), EVENT_COMPLETED, seeding=True)
    held.announce(A, peer_of(1, SIZE), seeding=True, event=EVENT_COMPLETED)
    held.announce(A, peer_of(1, SIZE), event=EVENT_STOPPED)  # a torrent that is a count alone
    held.announce(B, peer_of(1, SIZE), seeding=True, event=EVENT_COMPLETED)
    held.announce(B, peer_of(2, SIZE), seeding=True, event=EVENT_COMPLETED)
    held.announce(B, peer_of(2, SIZE), event=EVENT_STOPPED)  # one peer, and one completed besides
    held.crowd(C, range(2))
    held.clean()
    assert held.counters.evicted_torrents == 0, "no pressure yet"
    grow = range(2, limit - limit // 32 - 1003 + 3)
    held.crowd(C, grow)
    assert held.limits.evicting
    held.clean()
    assert not held.limits.evicting
    assert 0 < held.counters.evicted_torrents < 10, "no more than needed"
    for first in range(grow.stop, grow.stop + 1050, 50):
        held.crowd(C, range(first, first + 50))
        held.clean()
    assert held.counters.refused_peers == 0
    assert held.knows(B)
    assert held.knows(C)
    assert not held.knows(A)
    left = [held.knows(number.to_bytes(20, "big")) for number in range(1000)]
    assert not any(left), "those that said completed are no better"
    assert held.counted() == held.recounted()


def test_at_the_limit_every_torrent_of_one_peer_goes() -> None:
    held = Held(peers=100)
    held.announce(B, peer_of(1, SIZE), seeding=True, event=EVENT_COMPLETED)
    for _ in range(3):  # a stranger can make any count
        held.announce(B, peer_of(1, SIZE), event=EVENT_STOPPED)
        held.announce(B, peer_of(1, SIZE), seeding=True, event=EVENT_COMPLETED)
    held.crowd(C, range(99))
    assert held.counted().peers == 100
    held.clean()
    assert not held.knows(B)
    assert held.counted().peers == 99
    held.clean()
    assert held.counted().peers == 99, "a torrent of many stays"


def test_new_torrents_stop_before_others_have_to_go() -> None:
    """A flood of random torrents pushes out nobody."""
    held = Held(peers=1600)
    held.flood(range(5000))
    held.clean()
    assert held.counters.evicted_torrents == 0
    assert held.counted().peers == 1500
    assert held.counters.refused_peers == 3500


# ---- What is measured --------------------------------------------------------------------------------------

MIB = 1 << 20


def measured(held: Held, excess: int, times: int = 1) -> None:
    """Tell the limits that the process has grown by `excess` bytes more than are counted."""
    for _ in range(times):
        held.limits.measured(held.counted().bytes + excess)


@pytest.mark.parametrize("excess", [-(1 << 40), -1, 0])
def test_r03_growth_that_is_counted_changes_nothing(excess: int) -> None:
    held = Held(memory=MIB)
    held.flood(range(100))
    measured(held, excess, LASTING)
    assert (held.limits.excess, held.limits.lasting) == (0, 0)
    assert not held.limits.near_limit


def test_r03_growth_beyond_what_is_counted_refuses_newcomers_at_once() -> None:
    held = Held(memory=MIB)
    held.announce(A, peer_of(1, SIZE))
    measured(held, MIB - MIB // ROOM - held.counted().bytes - 1)
    assert not held.limits.near_limit
    measured(held, MIB - MIB // ROOM - held.counted().bytes)
    held.announce(B, peer_of(1, SIZE))
    assert not held.knows(B)
    assert held.counters.refused_memory == 1
    held.announce(A, peer_of(2, SIZE))
    assert held.counted().peers == 2, "a torrent that is there may grow up to the limit"
    measured(held, MIB - held.counted().bytes)
    a = held.announce(A, peer_of(3, SIZE))
    assert len(a.peers) == 2 * SIZE, "and who is refused gets peers"
    a = held.announce(A, peer_of(2, SIZE), seeding=True)
    assert (a.age, a.complete) == (0, 1), "who is known is renewed"
    assert (held.counted().peers, held.counters.refused_memory) == (2, 2)
    measured(held, 0)
    held.announce(B, peer_of(1, SIZE))
    assert held.knows(B)


def test_r03_what_comes_between_two_measurements_counts_too() -> None:
    held = Held(memory=MIB)
    measured(held, MIB // 2)
    held.flood(range(20_000))
    assert held.counters.refused_memory > 0
    assert MIB // 2 - MIB // ROOM - GRAIN <= held.counted().bytes < MIB // 2 - MIB // ROOM + GRAIN


def test_r03_a_peak_drops_nobody_and_an_excess_that_lasts_does() -> None:
    held = Held(memory=MIB)
    held.flood(range(100))
    for _ in range(3):
        measured(held, MIB, LASTING - 1)
        assert held.limits.near_limit
        held.clean()
        measured(held, 0)
    assert held.counters.evicted_torrents == 0
    measured(held, MIB, LASTING)
    held.clean()
    assert held.counters.evicted_torrents == 100
    measured(held, 0)
    assert not held.limits.evicting


@pytest.mark.needs(WANT_COMPILED=False)  # there memory comes and goes shard by shard
def test_r03_only_so_many_go_at_a_time_if_the_process_gets_no_smaller() -> None:
    """The excess has to last for another half minute before a second round of drops."""
    held = Held(memory=MIB)
    held.flood(range(1000))
    each = held.counted().bytes // 1000
    grown = MIB - MIB // RESERVE + 10 * each - 1
    for times in range(1, 3 * LASTING + 1):
        held.limits.measured(grown)
        held.clean()
        assert held.counters.evicted_torrents == times // LASTING * 10


def test_r03_what_is_measured_is_no_matter_where_memory_has_no_limit() -> None:
    held = Held(peers=100)
    measured(held, 1 << 50, LASTING)
    held.flood(range(50))
    assert held.counted().torrents == 50
    assert not held.limits.near_limit
