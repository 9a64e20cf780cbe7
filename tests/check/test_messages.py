"""The requests of a check, and its reading of answers: our own parsers are the other end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.check.messages import (
    Findings,
    Peer,
    announce_packet,
    announce_query,
    answer_of,
    connect_packet,
    read_http_announce,
    read_http_scrape,
    read_udp_announce,
    read_udp_scrape,
    scrape_packet,
    scrape_query,
    udp_content,
    with_query,
)
from opentracker.errors import CheckError
from opentracker.protocol import query, udp
from opentracker.protocol.messages import EVENT_STARTED, EVENT_STOPPED, Announce

PEER = Peer(b"\x00A%&=" * 4, b"-OC0001-abcdefghijkl", 6881, 7)
ADDRESS = bytes([10, 0, 0, 1])


@pytest.mark.parametrize(("event", "number"), [("started", EVENT_STARTED), ("stopped", EVENT_STOPPED)])
@pytest.mark.parametrize("path", ["/announce", "/k3y/announce?x=" + "y" * 400])
def test_an_announce_is_read_by_the_tracker(event: str, number: int, path: str) -> None:
    packet = announce_packet(bytes(8), b"abcd", PEER, event, path)
    assert udp.action_of(packet, len(packet)) == udp.ANNOUNCE
    a = Announce(both_families=False)
    udp.parse_announce(packet, len(packet), ADDRESS, a)
    assert (a.info_hash, a.peer, a.event, a.seeding, a.numwant) == (
        PEER.info_hash,
        ADDRESS + b"\x1a\xe1",
        number,
        False,
        1,
    )
    assert (path.encode()[-100:] in packet) == (path != "/announce")


def test_the_other_packets_are_read_by_the_tracker() -> None:
    for packet, action in (
        (connect_packet(b"abcd"), udp.CONNECT),
        (scrape_packet(bytes(8), b"abcd", b"A" * 20), udp.SCRAPE),
    ):
        assert udp.action_of(packet, len(packet)) == action
        assert packet[12:16] == b"abcd"


def test_queries_are_read_by_the_tracker() -> None:
    a = Announce(both_families=True)
    query.parse_announce(announce_query(PEER, "stopped").encode(), ADDRESS, a)
    assert (a.info_hash, a.event, a.seeding) == (PEER.info_hash, EVENT_STOPPED, False)
    assert query.parse_scrape(scrape_query(PEER.info_hash).encode()) == [PEER.info_hash]
    assert with_query("/a", "b") == "/a?b"
    assert with_query("/a?b", "c") == "/a?b&c"


def test_answers_over_udp() -> None:
    findings = Findings()
    read_udp_announce(b"\0\0\0\1abcd" + bytes([0, 0, 7, 8]) + bytes(8) + bytes(18), 18, findings)
    read_udp_scrape(b"\0\0\0\2abcd" + bytes([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]), findings)
    assert findings == Findings(1800, 1, 1, 2, 3)
    with pytest.raises(CheckError, match=r"failure: no such torrent$"):
        udp_content(b"\0\0\0\3abcdno such torrent\0", udp.ANNOUNCE, 12)
    with pytest.raises(CheckError, match="an answer of 8 bytes to action 1 has action 1"):
        udp_content(b"\0\0\0\1abcd", udp.ANNOUNCE, 12)


def test_answers_over_http() -> None:
    findings = Findings()
    read_http_announce(b"d8:intervali1800e5:peers6:abcdefe", findings)
    read_http_scrape(
        b"d5:filesd20:" + b"A" * 20 + b"d8:completei1e10:incompletei3e10:downloadedi2eeee",
        b"A" * 20,
        findings,
    )
    assert findings == Findings(1800, 1, 1, 2, 3)
    read_http_announce(b"d5:peersld2:ip7:1.2.3.4e2:abe8:intervali9ee", findings)
    assert (findings.interval, findings.peers) == (9, 2)
    read_http_scrape(b"d5:filesdee", b"A" * 20, findings)
    assert findings.complete == 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"d14:failure reason4:gonee", "failure: gone"),
        (b"<html>", "the answer is not bencoded: <html>"),
        (b"", "the answer is not bencoded"),
        (b"l" * 1000, "the answer is not bencoded"),
        (b"d1:a", "the answer is not bencoded"),
        (b"i1e", "the answer is no dictionary"),
        (b"5:ab", "the answer is not bencoded"),
    ],
)
def test_answers_of_no_use(body: bytes, text: str) -> None:
    with pytest.raises(CheckError, match=text):
        answer_of(body)


@given(st.binary(max_size=60) | st.text("dlie:0123456789-a").map(str.encode))
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    try:
        assert isinstance(answer_of(body), dict)
    except CheckError:
        pass
