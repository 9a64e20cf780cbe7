"""Live sync without a socket: what is told, when, and what becomes of what others tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random
from mypy_extensions import i64

from opentracker._features import (
    OT_CLIENT_SYNC_RENEW_BOUNDARY,
    OT_PEER_TIMEOUT,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.features.cluster.livesync import FLUSH_SECONDS, Extension, LiveSync
from opentracker.features.cluster.members import NEVER
from opentracker.protocol.livesync import BEACON, INQUIRE, TELL
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, MAY_STAT, Permissions
from opentracker.swarm.tracker import Tracker
from tests.server.marks import needs_both, needs_ipv4
from tests.swarm.torrents import are_there

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.tracker import admit_by

OWN_ID, OTHER_ID = 0x01020304, 0xCAFEBABE
A, B = b"A" * 20, b"B" * 20
NODE = bytes([10, 0, 0, 2])
STRANGER = bytes([10, 0, 0, 66])
PEER4 = bytes([1, 2, 3, 4]) + (6881).to_bytes(2, "big")
PEER6 = bytes.fromhex("20010db8 00000000 00000000 00000001 1ae1")
PEER, KIND = (PEER6, 1) if WANT_V6 else (PEER4, 0)  # of the family that every build has
FAMILIES = [
    each for each in ((PEER4, 0), (PEER6, 1)) if each == (PEER, KIND) or not (WANT_V4_ONLY or WANT_V6)
]
FITS = {0: 52, 1: 36}


class Node:
    """Live sync on a tracker, and what it has sent."""

    def __init__(self) -> None:
        self.tracker = Tracker(Random(1))
        self.counters = self.tracker.counters
        permissions = Permissions()
        permissions.bless(NODE, 32, MAY_LIVESYNC)
        permissions.bless(STRANGER, 32, MAY_STAT)
        self.sync = LiveSync(self.tracker, permissions, OWN_ID)
        self.tracker.watchers.append(self.sync)
        self.sent: list[bytes] = []
        self.sync.send = self.send
        self.reached = True

    def send(self, packet: bytes) -> int:
        self.sent.append(packet)
        return 0 if self.reached else 2

    def announce(
        self,
        peer: bytes = PEER,
        minute: int = 0,
        *,
        info_hash: bytes = A,
        seeding: bool = False,
        event: int = EVENT_NONE,
        stored: bool = True,
    ) -> None:
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.stored, a.seeding, a.event = info_hash, peer, stored, seeding, event
        self.tracker.announce(a, minute)

    def records(self, kind: int = KIND) -> list[bytes]:
        """The records of a family that were sent since the last call."""
        self.sync.flush()
        size = (28, 40)[kind]
        head = OWN_ID.to_bytes(4, "big") + kind.to_bytes(4, "big")
        found = []
        for packet in self.sent:
            if packet[4:8] != head[4:]:
                continue
            assert packet[:8] == head
            assert len(packet) <= 1480
            assert (len(packet) - 8) % size == 0
            found += [packet[at : at + size] for at in range(8, len(packet), size)]
        self.sent = []
        return found

    def receive(self, packet: bytes, source: bytes = NODE, minute: int = 0) -> None:
        self.sync.received(packet, source, minute)


def packet_of(*records: bytes, kind: int = KIND, sender: int = OTHER_ID) -> bytes:
    return sender.to_bytes(4, "big") + kind.to_bytes(4, "big") + b"".join(records)


def record(peer: bytes = PEER, flags: int = 0, age: int = 0, info_hash: bytes = A) -> bytes:
    return info_hash + peer + bytes([flags, age])


def peer_number(number: int, peer: bytes = PEER) -> bytes:
    return peer[:-4] + (0x10000 + number).to_bytes(4, "big")[:2] + (1000 + number).to_bytes(2, "big")


# ---- What is told ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("peer", "kind"), FAMILIES)
def test_y15_a_local_announce_is_told_exactly_so(peer: bytes, kind: int) -> None:
    node = Node()
    node.announce(peer, seeding=True, event=EVENT_STARTED)
    assert node.sent == []
    node.sync.tick(1.0)
    assert node.sent == [
        b"".join(
            [
                bytes.fromhex("01020304"),  # tracker id
                kind.to_bytes(4, "big"),  # type
                b"A" * 20,  # info_hash
                peer,  # address and port
                b"\x80",  # flags
                b"\x00",  # age
            ]
        )
    ]


@pytest.mark.parametrize(
    ("seeding", "event", "flags"),
    [
        (False, EVENT_NONE, 0x00),
        (False, EVENT_STARTED, 0x00),
        (True, EVENT_NONE, 0x80),
        (True, EVENT_COMPLETED, 0xC0),
        (False, EVENT_COMPLETED, 0x00),
        (False, EVENT_STOPPED, 0x20),  # of a peer and of a torrent that nobody knows
        (True, EVENT_STOPPED, 0xA0),
    ],
)
def test_flags(seeding: bool, event: int, flags: int) -> None:
    node = Node()
    node.announce(seeding=seeding, event=event)
    assert node.records() == [record(flags=flags)]


def test_what_cannot_be_listed_is_not_told() -> None:
    node = Node()
    node.announce(stored=False)
    node.announce(stored=False, event=EVENT_STOPPED)
    assert node.records() == []


@pytest.mark.skipif(OT_CLIENT_SYNC_RENEW_BOUNDARY == 0, reason="every renewal is told in this build")
def test_y16_a_renewal_is_told_only_beyond_the_boundary() -> None:
    node = Node()
    node.announce(minute=0)
    assert len(node.records()) == 1
    at = 0
    for pause in (0, 1, OT_CLIENT_SYNC_RENEW_BOUNDARY):
        at += pause
        node.announce(minute=at)
        assert node.records() == []
    node.announce(minute=at + OT_CLIENT_SYNC_RENEW_BOUNDARY + 1)
    assert node.records() == [record()]


@pytest.mark.skipif(OT_CLIENT_SYNC_RENEW_BOUNDARY != 0, reason="needs a build with that constant at 0")
def test_y16_without_a_boundary_every_renewal_is_told() -> None:
    node = Node()
    for _ in range(3):
        node.announce(minute=0)
        assert node.records() == [record()]


def test_y16_a_fresh_completed_is_told_at_once_and_once() -> None:
    node = Node()
    node.announce()
    node.records()
    node.announce(seeding=True, event=EVENT_COMPLETED)
    assert node.records() == [record(flags=0xC0)]
    node.announce(seeding=True, event=EVENT_COMPLETED)
    assert node.records() == ([record(flags=0x80)] if OT_CLIENT_SYNC_RENEW_BOUNDARY == 0 else [])


def test_what_came_by_sync_is_not_told_on() -> None:
    node = Node()
    for flags in (0x00, 0x80, 0xC0, 0x10, 0x20):
        node.receive(packet_of(record(flags=flags)))
    assert node.records() == []
    assert node.counters.value("sync_peers_received") == 5


def test_a_peer_that_came_by_sync_is_told_of_when_it_renews_here() -> None:
    node = Node()
    node.receive(packet_of(record()))
    node.announce(minute=OT_CLIENT_SYNC_RENEW_BOUNDARY + 1)
    assert node.records() == [record()]


# ---- When ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("peer", "kind"), FAMILIES)
def test_a_full_packet_leaves_at_once(peer: bytes, kind: int) -> None:
    node = Node()
    for number in range(FITS[kind]):
        assert node.sent == []
        node.announce(peer_number(number, peer))
    assert [len(packet) for packet in node.sent] == [8 + FITS[kind] * (28, 40)[kind]]
    assert len(node.records(kind)) == FITS[kind]
    assert (node.counters.value("sync_packets_sent"), node.counters.value("sync_peers_sent")) == (
        1,
        FITS[kind],
    )


def test_the_rest_leaves_15_seconds_after_the_last_packet() -> None:
    node = Node()
    node.sync.tick(100.0)
    node.announce(peer_number(1))
    node.sync.tick(101.0)  # the last one was long ago
    assert len(node.sent) == 1
    node.announce(peer_number(2))
    for second in range(102, 101 + int(FLUSH_SECONDS)):
        node.sync.tick(float(second))
        assert len(node.sent) == 1
    node.sync.tick(101.0 + FLUSH_SECONDS)
    assert len(node.sent) == 2
    node.sync.tick(1000.0)
    assert len(node.sent) == 2


@needs_both
def test_each_family_has_its_own_time() -> None:
    node = Node()
    node.announce(PEER4)
    node.sync.tick(1.0)
    node.announce(PEER4, info_hash=B)
    node.announce(PEER6)
    node.sync.tick(2.0)
    assert [packet[7] for packet in node.sent] == [0, 1]


def test_the_end_sends_what_is_left() -> None:
    node = Node()
    node.sync.tick(1.0)
    node.announce()
    node.sync.flush()
    node.sync.flush()
    assert len(node.sent) == 1


def test_packets_that_reach_nobody_are_counted() -> None:
    node = Node()
    node.reached = False
    node.announce()
    node.sync.flush()
    assert (node.counters.value("sync_packets_sent"), node.counters.value("sync_unsent")) == (1, 2)


# ---- What others tell --------------------------------------------------------------------------------------


@needs_ipv4
def test_y01_an_ipv4_seeder_is_stored_and_handed_out() -> None:
    node = Node()
    node.receive(packet_of(record(PEER4, 0x80), kind=0))
    assert node.tracker.scrape(A) == (1, 0, 0)
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.numwant = A, bytes(4) + b"\x01\x02", 50
    node.tracker.announce(a, 0)
    assert a.peers == PEER4


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_y02_an_ipv6_seeder_comes_and_goes() -> None:
    node = Node()
    node.receive(packet_of(record(PEER6, 0x80), kind=1))
    assert node.tracker.scrape(A) == (1, 0, 0)
    node.receive(packet_of(record(PEER6, 0x20), kind=1))
    assert node.tracker.scrape(A) == (0, 0, 0)


def test_y03_completed() -> None:
    node = Node()
    node.receive(packet_of(record(flags=0xC0)))
    node.receive(packet_of(record(flags=0xC0)))
    assert node.tracker.scrape(A) == (1, 1, 0)
    assert node.counters.completed == 0


@needs_ipv4
def test_y04_a_mapped_peer_is_stored_as_an_ipv4_one() -> None:
    node = Node()
    node.receive(packet_of(record(bytes(10) + b"\xff\xff" + PEER4, 0x80), kind=1))
    node.receive(packet_of(record(PEER4, 0x80), kind=0))
    assert node.tracker.scrape(A) == (1, 0, 0)


def test_a_family_that_is_not_in_the_build_is_counted_and_dropped() -> None:
    node = Node()
    mapped = bytes(10) + b"\xff\xff" + PEER4
    node.receive(packet_of(record(PEER4), record(PEER4, info_hash=B), kind=0))
    node.receive(packet_of(record(PEER6), record(mapped, info_hash=B), kind=1))
    taken = 4
    if WANT_V6:
        taken = 1
    elif WANT_V4_ONLY:
        taken = 3
    assert (node.counters.value("sync_peers_received"), node.counters.value("sync_peers_dropped")) == (
        taken,
        4 - taken,
    )
    peers = {A: 1 if WANT_V6 or WANT_V4_ONLY else 2, B: 0 if WANT_V6 else 1}
    assert {info_hash: node.tracker.scrape(info_hash)[2] for info_hash in (A, B)} == peers


def test_y05_y09_malformed_packets_are_counted_and_dropped() -> None:
    node = Node()
    bad = [packet_of(record())[:-1], packet_of(record(), kind=7), b"", bytes(4), bytes(8), bytes(3000)]
    for packet in bad:
        node.receive(packet)
    assert not are_there(node.tracker)
    assert node.counters.value("sync_malformed") == node.counters.value("sync_packets_dropped") == len(bad)
    assert node.counters.value("sync_packets_received") == 0


def test_y06_what_follows_the_last_whole_record_is_ignored() -> None:
    node = Node()
    node.receive(packet_of(record(flags=0x80)) + b"junk")
    assert node.tracker.scrape(A) == (1, 0, 0)
    assert node.counters.value("sync_peers_received") == 1


@pytest.mark.parametrize("source", [STRANGER, bytes(16), bytes([127, 0, 0, 1])])
def test_y07_a_forged_sender_is_counted_and_dropped(source: bytes) -> None:
    node = Node()
    node.receive(packet_of(record()), source)
    assert not are_there(node.tracker)
    assert node.counters.value("sync_unblessed") == node.counters.value("sync_packets_dropped") == 1


def test_y08_our_own_packets_are_ignored() -> None:
    node = Node()
    node.receive(packet_of(record(), sender=OWN_ID))
    assert not are_there(node.tracker)


@pytest.mark.parametrize(("peer", "kind"), FAMILIES)
def test_y10_a_full_packet_is_taken_and_a_longer_one_has_its_bounds(peer: bytes, kind: int) -> None:
    node = Node()
    node.receive(packet_of(*[record(peer_number(number, peer)) for number in range(36)], kind=kind))
    assert node.tracker.scrape(A) == (0, 0, 36)
    node.receive(packet_of(*[record(peer_number(number, peer)) for number in range(1600)], kind=kind))
    assert node.tracker.scrape(A) == (0, 0, 36)


@pytest.mark.parametrize("age", [OT_PEER_TIMEOUT, 250, 255])
def test_y12_ages_are_clamped(age: int) -> None:
    """So the peer goes at the next cleaning, and a stamp is never of a time to come."""
    node = Node()
    node.receive(packet_of(record(age=age)), minute=3)
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.stored = A, PEER, True
    node.tracker.announce(a, 3)
    assert a.age == OT_PEER_TIMEOUT


@pytest.mark.parametrize("port", [0, 1])
def test_y13_ports_that_cannot_be_listed_are_dropped(port: int) -> None:
    node = Node()
    node.receive(packet_of(record(PEER[:-2] + bytes([0, port])), record(info_hash=B)))
    assert node.tracker.scrape(A) == (0, 0, 0)
    assert node.tracker.scrape(B) == (0, 0, 1)
    assert (node.counters.value("sync_peers_received"), node.counters.value("sync_peers_dropped")) == (1, 1)


@pytest.mark.parametrize("flags", [0x00, 0x20])
def test_y13_a09_refused_torrents_are_dropped(flags: int) -> None:
    if not (WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE):
        pytest.skip("this build has no access lists")
    node = Node()
    admit_by(node.tracker, AccessList(frozenset([B if WANT_ACCESSLIST_WHITE else A])))
    node.receive(packet_of(record(flags=flags), record(info_hash=B)))
    assert node.tracker.scrape(A) == (0, 0, 0)
    assert node.tracker.scrape(B) == (0, 0, 1)
    assert (node.counters.value("sync_peers_received"), node.counters.value("sync_peers_dropped")) == (1, 1)


class Heard(Extension):
    def __init__(self) -> None:
        self.heard: list[tuple[int, bytes]] = []

    def received(self, kind: i64, packet: bytes) -> None:
        self.heard.append((kind, packet))


def test_other_packets_are_for_the_extension() -> None:
    node = Node()
    others = {
        BEACON: packet_of(bytes(8), kind=1),
        INQUIRE: packet_of(bytes(4), kind=2),
        TELL: packet_of(bytes(32), kind=3),
    }
    for packet in others.values():
        node.receive(packet)  # nobody is there to hear it
    extension = Heard()
    node.sync.extension = extension
    for packet in others.values():
        node.receive(packet)
        node.receive(packet, STRANGER)
    assert extension.heard == list(others.items())
    assert node.counters.value("sync_malformed") == 0
    assert not are_there(node.tracker)


def test_each_member_has_its_own_figures() -> None:
    node = Node()
    node.sync.members.expect(NODE)
    heard = node.sync.members.of(NODE)
    assert heard.silence(100.0) == NEVER
    node.sync.tick(30.0)
    node.receive(packet_of(record()) + b"junk")
    node.receive(b"short")
    node.receive(packet_of(record()), source=STRANGER)
    assert (heard.packets, heard.records, heard.malformed) == (1, 1, 1)
    assert heard.silence(45.0) == 15.0
    assert list(node.sync.members.by_address) == [NODE]


@given(st.lists(st.binary(max_size=300) | st.binary(max_size=300).map(packet_of)))
def test_p1_any_packets_raise_nothing(packets: list[bytes]) -> None:
    node = Node()
    for packet in packets:
        node.receive(packet)
    assert node.records() == []
