"""The packets that a bridge carries, and those that it drops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.bridge.relay import Bridge, aged, own_records
from opentracker.protocol.livesync import PEERS4, PEERS6
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from tests.bridge.packets import ID, packet_of

NODE, STRANGER = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 3])


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def bridge_with(room: int = 10) -> tuple[Bridge, Clock]:
    permissions = Permissions()
    permissions.bless(NODE, 32, MAY_LIVESYNC)
    clock = Clock()
    return Bridge(permissions, clock, room), clock


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_the_site_tells_is_published_as_it_is(kind: int) -> None:
    it, _ = bridge_with()
    packet = packet_of(0x00, 0x80, 0xC0, 0x20, kind=kind)
    assert it.hear(packet, NODE)
    assert it.next_batch(9) == [packet]
    assert (it.counts.heard, it.counts.published) == (1, 0)
    it.confirm_batch()
    assert (it.counts.published, len(it.waiting)) == (1, 0)


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_other_sites_publish_is_told_with_a_mark(kind: int) -> None:
    it, _ = bridge_with()
    assert it.take(packet_of(0x00, 0x80, 0x30, kind=kind)) == packet_of(0x10, 0x90, 0x30, kind=kind)


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_is_marked_is_never_published(kind: int) -> None:
    """Else it would go round between two bridges of one site."""
    it, _ = bridge_with()
    told = it.take(packet_of(0x00, 0xC0, kind=kind))
    assert told is not None
    assert not it.hear(told, NODE)
    assert it.counts.heard == 0
    mixed = packet_of(0x00, 0x10, 0x80, kind=kind)
    size = (len(mixed) - 8) // 3
    assert it.hear(mixed + b"junk", NODE)
    assert it.next_batch(9) == [mixed[: 8 + size] + mixed[8 + 2 * size :]]


def test_strangers_and_what_is_malformed() -> None:
    it, _ = bridge_with()
    assert not it.hear(packet_of(0), STRANGER)
    for packet in (b"", packet_of(0)[:-1], ID + bytes([0, 0, 0, 7]) + bytes(50)):
        assert not it.hear(packet, NODE)
    assert (it.counts.unblessed, it.counts.malformed, it.counts.heard) == (1, 3, 0)
    for message in (b"", packet_of(0)[:-1], packet_of(*[0] * 60)):
        assert it.take(message) is None
    assert (it.counts.received, it.counts.refused) == (3, 3)


def test_scrape_sync_stays_in_its_site() -> None:
    it, _ = bridge_with()
    for packet in (ID + bytes([0, 0, 0, 1]) + bytes(8), ID + bytes([0, 0, 0, 2]) + ID):
        assert not it.hear(packet, NODE)
        assert it.take(packet) is None
    assert (it.counts.malformed, it.counts.refused) == (0, 2)


def test_the_oldest_are_dropped_where_there_is_no_room() -> None:
    it, _ = bridge_with(room=3)
    for flags in range(5):
        it.hear(packet_of(flags), NODE)
    assert it.counts.dropped == 2
    assert it.next_batch(9) == [packet_of(flags) for flags in (2, 3, 4)]


def test_a_batch_that_is_not_confirmed_is_published_again_in_its_order() -> None:
    it, clock = bridge_with(room=3)
    for flags in range(3):
        it.hear(packet_of(flags), NODE)
    assert it.next_batch(2) == [packet_of(0), packet_of(1)]
    it.hear(packet_of(3), NODE)
    it.give_back_batch()
    clock.seconds += 60
    assert it.next_batch(9) == [packet_of(flags, age=1) for flags in (1, 2, 3)]
    assert (it.counts.published, it.counts.dropped) == (0, 1)


def test_what_is_left_at_the_end_is_dropped() -> None:
    it, _ = bridge_with()
    for flags in range(3):
        it.hear(packet_of(flags), NODE)
    it.next_batch(1)
    it.give_up()
    assert it.counts.dropped == 3
    assert it.next_batch(9) == []


def test_what_waited_is_older() -> None:
    it, clock = bridge_with()
    it.hear(packet_of(0x80, 0x20, age=250), NODE)
    it.hear(packet_of(0x80), NODE)
    clock.seconds += 59
    assert it.next_batch(1) == [packet_of(0x80, 0x20, age=250)]
    clock.seconds += 61
    assert it.next_batch(1) == [packet_of(0x80, age=2)]
    assert aged(packet_of(0x80, age=250), 7) == packet_of(0x80, age=255)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: packet_of() + rest))
def test_p1_any_bytes_do_no_harm(packet: bytes) -> None:
    it, _ = bridge_with()
    if it.hear(packet, NODE):
        assert it.next_batch(1)[0].startswith(packet[:8])
    told = it.take(packet)
    if told is not None:
        assert own_records(told, 28 if told[7] == PEERS4 else 40) == told[:8]
