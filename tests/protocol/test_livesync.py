"""Live sync packets: what a datagram is, and records both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.livesync import (
    BEACON,
    GROUP6,
    HEADER_SIZE,
    INQUIRE,
    LARGEST,
    LONGEST,
    MALFORMED,
    PEERS4,
    PEERS6,
    RECORD4,
    RECORD6,
    TELL,
    flags_of,
    kind_of,
    parse_record,
    record_count,
    record_size,
    tracker_id_of,
    write_head,
    write_record,
)
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)

HASH = bytes(range(1, 21))
PEER4 = bytes([1, 2, 3, 4, 0x1A, 0xE1])
PEER6 = bytes.fromhex("20010db8 00000000 00000000 00000001 1ae1")
ID = bytes.fromhex("cafebabe")
TYPE4, TYPE6, TYPE2, TYPE3 = (bytes([0, 0, 0, kind]) for kind in (0, 1, 2, 3))


PAUSED = EVENT_PAUSED if WANT_EXTENDED_ANSWERS else EVENT_NONE


def used() -> Announce:
    """A record that was used before."""
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.stored, a.seeding, a.event, a.sync_age = b"?" * 20, b"?" * 6, True, True, 3, 99
    return a


def parsed(record: bytes, size: int) -> Announce:
    a = used()
    parse_record(ID + TYPE4 + record, HEADER_SIZE, size, a)
    return a


@pytest.mark.parametrize(
    ("record", "size", "peer", "seeding", "event", "age"),
    [
        (HASH + PEER4 + b"\x80\x00", RECORD4, PEER4, True, EVENT_NONE, 0),
        (HASH + PEER4 + b"\x00\x07", RECORD4, PEER4, False, EVENT_NONE, 7),
        (HASH + PEER4 + b"\xc0\x00", RECORD4, PEER4, True, EVENT_COMPLETED, 0),
        (HASH + PEER4 + b"\xa0\x00", RECORD4, PEER4, True, EVENT_STOPPED, 0),
        (HASH + PEER4 + b"\xf0\xff", RECORD4, PEER4, True, EVENT_STOPPED, 255),
        (HASH + PEER4 + b"\x17\x00", RECORD4, PEER4, False, EVENT_NONE, 0),
        (HASH + PEER4 + b"\x08\x00", RECORD4, PEER4, False, PAUSED, 0),
        (HASH + PEER4 + b"\x28\x00", RECORD4, PEER4, False, EVENT_STOPPED, 0),
        (HASH + PEER6 + b"\x80\x00", RECORD6, PEER6, True, EVENT_NONE, 0),
        (HASH + PEER6 + b"\x20\x00", RECORD6, PEER6, False, EVENT_STOPPED, 0),
    ],
)
def test_a_record_is_read(record: bytes, size: int, peer: bytes, seeding: bool, event: int, age: int) -> None:
    a = parsed(record, size)
    assert (a.info_hash, a.peer, a.stored, a.seeding, a.event, a.sync_age) == (
        HASH,
        peer,
        True,
        seeding,
        event,
        age,
    )


def test_y04_a_mapped_peer_is_an_ipv4_one() -> None:
    mapped = bytes(10) + b"\xff\xff" + PEER4
    assert parsed(HASH + mapped + b"\x80\x00", RECORD6).peer == PEER4


@pytest.mark.parametrize("port", [0, 1])
def test_y13_ports_0_and_1_cannot_be_listed(port: int) -> None:
    for peer, size in ((PEER4, RECORD4), (PEER6, RECORD6)):
        assert not parsed(HASH + peer[:-2] + bytes([0, port]) + b"\x80\x00", size).stored
        assert parsed(HASH + peer[:-2] + bytes([1, port]) + b"\x80\x00", size).stored


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (ID + TYPE4 + bytes(RECORD4), PEERS4),
        (ID + TYPE4 + bytes(RECORD4 - 1), MALFORMED),  # Y-05
        (ID + TYPE4 + bytes(RECORD4 + 4), PEERS4),  # Y-06
        (ID + TYPE6 + bytes(RECORD6), PEERS6),
        (ID + TYPE6 + bytes(RECORD6 - 1), MALFORMED),
        (ID + TYPE6 + bytes(8), BEACON),
        (ID + TYPE6 + bytes(9), MALFORMED),
        (ID + TYPE2 + bytes(4), INQUIRE),
        (ID + TYPE2 + bytes(5), MALFORMED),
        (ID + TYPE2, MALFORMED),
        (ID + TYPE3 + bytes(32), TELL),
        (ID + TYPE3 + bytes(31), MALFORMED),
        (ID + bytes([0, 0, 0, 7]) + bytes(80), MALFORMED),  # Y-09
        (ID + b"\xff\xff\xff\xff" + bytes(80), MALFORMED),
        (ID + bytes([1, 0, 0, 0]) + bytes(80), MALFORMED),
        (b"", MALFORMED),
        (ID, MALFORMED),
        (ID + TYPE4, MALFORMED),
        (ID + TYPE4 + bytes(LONGEST - 8), PEERS4),
        (ID + TYPE4 + bytes(LONGEST - 7), MALFORMED),  # Y-10
    ],
)
def test_what_a_datagram_is(packet: bytes, kind: int) -> None:
    assert kind_of(packet) == kind


def test_full_packets() -> None:
    """52 records over IPv4, 36 over IPv6, as the C tracker sends them."""
    for kind, most in ((PEERS4, 52), (PEERS6, 36)):
        size = record_size(kind)
        assert (LARGEST - HEADER_SIZE) // size == most
        assert record_count(bytes(HEADER_SIZE + most * size), size) == most
        assert record_count(bytes(HEADER_SIZE + most * size + size - 1), size) == most


def test_a_head_names_the_sender_and_the_type() -> None:
    assert write_head(0xCAFEBABE, PEERS6) == ID + TYPE6
    assert tracker_id_of(ID + TYPE6) == ID


def test_the_group_over_ipv6() -> None:
    assert GROUP6.hex() == "ff150000" + "00000000" * 2 + "e0001705"


@pytest.mark.parametrize(
    ("seeding", "event", "has_completed", "flags"),
    [
        (False, EVENT_NONE, False, 0x00),
        (True, EVENT_STARTED, False, 0x80),
        (True, EVENT_COMPLETED, True, 0xC0),
        (True, EVENT_COMPLETED, False, 0x80),  # it was counted before
        (True, EVENT_STOPPED, False, 0xA0),
        (False, EVENT_STOPPED, False, 0x20),
        (False, EVENT_PAUSED, False, 0x08 if WANT_EXTENDED_ANSWERS else 0),
        (True, EVENT_PAUSED, False, 0x80),
    ],
)
def test_the_flags_of_an_announce(seeding: bool, event: int, has_completed: bool, flags: int) -> None:
    a = used()
    a.seeding, a.event, a.has_completed = seeding, event, has_completed
    assert flags_of(a) == flags


@given(
    info_hash=st.binary(min_size=20, max_size=20),
    peer=st.binary(min_size=6, max_size=6) | st.binary(min_size=18, max_size=18),
    seeding=st.booleans(),
    event=st.sampled_from([EVENT_NONE, EVENT_STOPPED, EVENT_COMPLETED]),
    age=st.integers(0, 255),
)
def test_p5_what_is_written_is_read(
    info_hash: bytes, peer: bytes, seeding: bool, event: int, age: int
) -> None:
    a = used()
    a.seeding, a.event, a.has_completed = seeding, event, event == EVENT_COMPLETED
    record = write_record(info_hash, peer, flags_of(a), age)
    b = parsed(record, len(record))
    assert (b.info_hash, b.seeding, b.event, b.sync_age) == (info_hash, seeding, event, age)
    if not peer.startswith(bytes(10) + b"\xff\xff") or len(peer) == 6:
        assert b.peer == peer


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: ID + TYPE4 + rest))
def test_p1_any_bytes_are_something(packet: bytes) -> None:
    kind = kind_of(packet)
    assert kind in (PEERS4, PEERS6, INQUIRE, TELL, BEACON, MALFORMED)
    if kind in (PEERS4, PEERS6):
        size = record_size(kind)
        for index in range(record_count(packet, size)):
            a = used()
            parse_record(packet, HEADER_SIZE + index * size, size, a)
            assert len(a.info_hash) == 20
            assert len(a.peer) in (6, 18)
