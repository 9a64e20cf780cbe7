"""The lines of `opentracker.debug` about refused requests."""

import logging
from collections.abc import Iterator

import pytest

from opentracker.server.loop import READ
from opentracker.server.refusals import (
    MOST_SHOWN,
    TellingHttpResponder,
    TellingUdpResponder,
    shown,
    why_silent,
)
from opentracker.server.sockets import open_udp
from opentracker.server.system.libc import has_mmsg
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from tests.server.live import (
    HOME,
    MISMATCH,
    Live,
    UdpClient,
    announce_packet,
    connect_packet,
    endpoint,
    packed,
)

LONG = 1000


@pytest.fixture
def live() -> Iterator[Live]:
    live = Live()
    yield live
    live.close()


@pytest.fixture(params=[UdpBatchSocket, UdpSocket])
def client(request: pytest.FixtureRequest, live: Live, caplog: pytest.LogCaptureFixture) -> UdpClient:
    """A client of a UDP socket that tells."""
    if request.param is UdpBatchSocket and not has_mmsg():
        pytest.skip("this machine's C library has no recvmmsg in a known layout")
    caplog.set_level(logging.DEBUG, "opentracker")
    sock = open_udp(packed(HOME), 0, True)
    responder = TellingUdpResponder(live.server.tracker, live.server.ids, live.counters)
    live.server.loop.watch(sock.fileno(), request.param(sock, responder, live.server.now), READ)
    live.server.sockets.append(sock)
    caplog.clear()
    return live.udp(endpoint(sock))


def test_datagrams_that_are_refused(client: UdpClient, caplog: pytest.LogCaptureFixture) -> None:
    nasty = b"\x1b[2J\r\n" + b"\xff" * 40
    assert client.is_silent_about(nasty)
    good = client.connect()
    wrong = announce_packet(bytes(8))
    assert client.ask(wrong) == MISMATCH
    assert len(client.ask(announce_packet(good))) == 20
    assert caplog.messages == [
        f"refused UDP from {HOME}, with silence ({why_silent(nasty)}): {nasty!r}",
        f"refused UDP from {HOME}, with {MISMATCH[8:]!r}: {wrong!r}",
    ]
    assert all(line.isascii() and line.isprintable() for line in caplog.messages)


def test_each_of_a_batch_is_told_with_its_own_answer(
    client: UdpClient, caplog: pytest.LogCaptureFixture
) -> None:
    packets = [b"silent %d" % n if n % 3 else announce_packet(b"wrong%03d" % n) for n in range(30)]
    for packet in packets:
        client.send(packet)
    for _ in range(10):
        client.receive()
    answers = [f"silence ({why_silent(packets[n])})" if n % 3 else repr(MISMATCH[8:]) for n in range(30)]
    expected = [
        f"refused UDP from {HOME}, with {answer}: {packet!r}"
        for packet, answer in zip(packets, answers, strict=True)
    ]
    assert sorted(caplog.messages) == sorted(expected)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "0 bytes are not a request"),
        (connect_packet()[:15], "15 bytes are not a request"),
        (bytes(16), "a connect without the protocol's id"),
        (bytes(8) + b"\0\0\0\7" + bytes(4), "the action 7 is unknown; 0, 1 and 2 are known"),
        (announce_packet(bytes(8))[:97], "an announce of 97 bytes, 98 are the least"),
        (
            bytes(8) + b"\0\0\0\2" + bytes(23),
            "a wrong connection id in a datagram that is shorter than the error would be",
        ),
    ],
)
def test_silence_has_its_reason(
    client: UdpClient, packet: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.is_silent_about(packet)
    assert caplog.messages == [f"refused UDP from {HOME}, with silence ({reason}): {packet!r}"]


REFUSED = [
    (b"GET /nowhere?x=%0a HTTP/1.0\r\n\r\n", "404: b'GET /nowhere?x=%0a'"),
    (b"\x00\xff\n\r\n", "400: b'\\x00\\xff\\n\\r\\n'"),
    (
        b"GET /announce?info_hash=1 HTTP/1.0\r\n\r\n",
        "b'd14:failure reason",
    ),
]


@pytest.mark.parametrize(("request_", "told"), REFUSED)
def test_http_requests_that_are_refused(
    request_: bytes, told: str, live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    answers = TellingHttpResponder(live.server.tracker, live.counters, b"")
    live.server.http.answers = answers
    to = live.listen_tcp()
    caplog.set_level(logging.DEBUG, "opentracker")
    caplog.clear()
    live.ask(to, request_)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"refused HTTP from {HOME}, with {told}")
    assert caplog.messages[0].isprintable()


def test_http_requests_that_are_not(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.server.http.answers = TellingHttpResponder(live.server.tracker, live.counters, b"")
    to = live.listen_tcp()
    caplog.set_level(logging.DEBUG, "opentracker")
    caplog.clear()
    answer = live.ask(to, b"GET /scrape?info_hash=AAAAAAAAAAAAAAAAAAAA HTTP/1.0\r\n\r\n")
    assert (answer.status, caplog.messages) == (200, [])


def test_what_is_shown_is_bounded() -> None:
    assert shown(b"x" * LONG) == repr(b"x" * MOST_SHOWN) + f" and {LONG - MOST_SHOWN} bytes more"
    assert shown(b"'\x00\n") == repr(b"'\x00\n")
