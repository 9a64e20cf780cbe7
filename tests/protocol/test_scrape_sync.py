"""Scrape sync packets, both ways."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.livesync import BEACON, INQUIRE, TELL, kind_of, write_head
from opentracker.protocol.scrape_sync import (
    MOST_TOLD,
    TELL_TYPE,
    asked_of,
    beacon_of,
    parse_told,
    told_count,
    write_beacon,
    write_inquire,
    write_told,
)

ID = 0xCAFEBABE
HASH = bytes(range(20))


def test_a_beacon() -> None:
    packet = write_beacon(ID, 1_000_000)
    assert packet == bytes.fromhex("cafebabe 00000001 00000000000f4240")
    assert kind_of(packet) == BEACON
    assert beacon_of(packet) == 1_000_000
    assert beacon_of(packet[:8] + b"\xff" * 8) == 0


def test_an_inquire() -> None:
    packet = write_inquire(ID, bytes.fromhex("01020304"))
    assert packet == bytes.fromhex("cafebabe 00000002 01020304")
    assert kind_of(packet) == INQUIRE
    assert asked_of(packet) == bytes.fromhex("01020304")


def test_a_tell() -> None:
    packet = write_head(ID, TELL_TYPE) + write_told(HASH, 90, 7) + write_told(HASH, 2**32 - 1, 2**63 - 1)
    assert packet[:8] == bytes.fromhex("cafebabe 00000003")
    assert packet[8:40] == HASH + bytes.fromhex("0000005a 0000000000000007")
    assert kind_of(packet) == TELL
    assert told_count(packet) == 2
    assert parse_told(packet, 0) == (HASH, 90, 7)
    assert parse_told(packet, 1) == (HASH, 2**32 - 1, 2**63 - 1)
    assert MOST_TOLD == 46


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_p5_what_is_told_is_read(info_hash: bytes, minutes: int, downloaded: int) -> None:
    packet = write_head(ID, TELL_TYPE) + write_told(info_hash, minutes, downloaded)
    assert parse_told(packet, 0) == (info_hash, minutes, downloaded if downloaded < 2**63 else 0)
