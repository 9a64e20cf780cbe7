"""WebSockets of browsers, with real sockets and a clock of the test's own."""

import gc
import json
import socket
import struct
import weakref
from pathlib import Path

import pytest
from websockets.frames import Opcode

from opentracker._features import OT_CLIENT_TIMEOUT_CHECKINTERVAL, WANT_TLS
from opentracker.server.webtorrent.framing import MOST_MESSAGE
from opentracker.server.webtorrent.websocket import (
    FRAMES_A_SECOND,
    MOST_FRAMES,
    MOST_WAITING,
    PONG_TIME,
    QUIET,
)
from tests.protocol.http_cases import get
from tests.server.http.talk import open_connections
from tests.server.live import Endpoint, Live
from tests.server.webtorrent.browser import HASH, Browser, handshake, masked

if WANT_TLS:
    from tests.server.tls.authority import Authority, TlsClient, certificates_of, listen_tls

SWEEP = OT_CLIENT_TIMEOUT_CHECKINTERVAL
SDP = "v=0\r\n" + "a=candidate\r\n" * 50


@pytest.fixture
def to(live: Live) -> Endpoint:
    return live.listen_tcp()


def offers(*names: str) -> list[dict[str, object]]:
    return [{"offer": {"type": "offer", "sdp": SDP}, "offer_id": name * 20} for name in names]


def test_an_offer_and_its_answer(live: Live, to: Endpoint) -> None:
    a, b = Browser(live, to, "A"), Browser(live, to, "B")
    a.announce(event="started", left=0)
    assert a.next_message()["complete"] == 1
    b.announce(event="started", left=5, offers=offers("1", "2"))
    answer, offer = b.next_message(), a.next_message()
    assert (answer["complete"], answer["incomplete"]) == (1, 1)
    assert (offer["offer_id"], offer["peer_id"], offer["offer"]["sdp"]) == ("1" * 20, b.peer_id, SDP)
    a.announce(answer={"type": "answer", "sdp": "x"}, to_peer_id=b.peer_id, offer_id="1" * 20)
    forwarded = b.next_message()
    assert (forwarded["peer_id"], forwarded["answer"]["sdp"]) == (a.peer_id, "x")


def test_w15_a_connection_that_ends_takes_its_peers_along(live: Live, to: Endpoint) -> None:
    stays = Browser(live, to, "S")
    for how in ("close frame", "FIN", "reset"):
        browser = Browser(live, to, "A")
        browser.announce()
        browser.next_message()
        assert stays.counts() == (0, 1)
        if how == "close frame":
            browser.protocol.send_close()
            browser.flush()
            assert browser.close_code() is not None
        elif how == "reset":
            linger = struct.pack("ii", 1, 0)
            browser.tcp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        browser.tcp.close()
        live.until(lambda: open_connections(live) == 1, f"the end by {how}")
        assert stays.counts() == (0, 0)


def test_w20_fragments_with_a_ping_between_and_binary_frames(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    data = json.dumps({"action": "announce", "info_hash": HASH, "peer_id": browser.peer_id}).encode()
    browser.protocol.send_text(data[:10], fin=False)
    browser.protocol.send_continuation(data[10:20], fin=False)
    browser.protocol.send_ping(b"between")
    browser.protocol.send_continuation(data[20:], fin=True)
    browser.flush()
    kinds = {}
    for _ in range(2):
        frame = browser.next_frame()
        kinds[frame.opcode] = bytes(frame.data)
    assert kinds[Opcode.PONG] == b"between"
    assert json.loads(kinds[Opcode.TEXT])["incomplete"] == 1
    browser.protocol.send_binary(data)
    browser.flush()
    assert browser.next_message()["incomplete"] == 1


def test_each_byte_may_come_alone(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    browser.protocol.send_text(json.dumps({"action": "scrape", "info_hash": []}).encode())
    for data in browser.protocol.data_to_send():
        for byte in data:
            browser.tcp.send(bytes([byte]))
            live.iterate()
    assert browser.next_message() == {"action": "scrape", "files": {}}


@pytest.mark.parametrize("pieces", [1, 3])
def test_w41_a_message_that_is_too_long_ends_the_connection(live: Live, to: Endpoint, pieces: int) -> None:
    stays, browser = Browser(live, to, "S"), Browser(live, to, "A")
    browser.announce()
    browser.next_message()
    size = MOST_MESSAGE // pieces + 1
    browser.protocol.send_text(b"x" * size, fin=pieces == 1)
    for number in range(1, pieces):
        browser.protocol.send_continuation(b"x" * size, fin=number == pieces - 1)
    browser.flush()
    assert browser.close_code() == 1009
    assert stays.counts() == (0, 0)
    assert live.counters.value("web_broken") == 1


def test_a_message_of_the_most_is_taken(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    message = {"action": "scrape", "info_hash": [], "x": ""}
    message["x"] = "x" * (MOST_MESSAGE - len(json.dumps(message)))
    browser.say(message)
    assert browser.next_message() == {"action": "scrape", "files": {}}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02{}", 1002),  # not masked
        (b"\xc1\x82\0\0\0\0{}", 1002),  # RSV1: compression, which was declined
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that there is not
        (b"\x80\x80\0\0\0\0", 1002),  # a continuation of nothing
        (b"\x09\x80\0\0\0\0", 1002),  # a fragmented ping
        (b"\x89\xfe\0\x7e\0\0\0\0" + bytes(126), 1002),  # a ping of 126 bytes
        (b"\x81\xff" + b"\xff" * 8, 1009),  # 2^64 bytes
        (b"\x88\x81\0\0\0\0\x03", 1002),  # a close frame with half a code
    ],
)
def test_w42_a_client_that_breaks_the_protocol_is_told_so(
    live: Live, to: Endpoint, frame: bytes, code: int
) -> None:
    browser = Browser(live, to)
    browser.tcp.send(frame)
    assert browser.close_code() == code
    browser.tcp.close()
    live.until(lambda: open_connections(live) == 0, "the end")


def test_w43_too_many_pings(live: Live, to: Endpoint) -> None:
    browser, other = Browser(live, to, "A"), Browser(live, to, "B")
    browser.announce()
    browser.next_message()
    for _ in range(int(MOST_FRAMES) + 1):
        browser.protocol.send_ping(b"")
    browser.flush()
    assert browser.close_code() == 1008
    assert live.counters.value("web_too_fast") == 1
    assert other.counts() == (0, 0)


def test_w44_a_budget_of_messages_is_filled_again(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)

    def scrape(times: int) -> None:
        for _ in range(times):
            browser.say({"action": "scrape", "info_hash": []})
        for _ in range(times):
            browser.next_message()

    scrape(int(MOST_FRAMES))
    live.advance(2.0)
    scrape(int(2 * FRAMES_A_SECOND))
    browser.say({"action": "scrape", "info_hash": []})
    browser.protocol.close_rcvd = None
    live.until(lambda: browser.poll() and browser.protocol.close_rcvd is not None, "a close frame")
    assert browser.close_code() == 1008


def test_w45_a_client_that_reads_nothing(live: Live, to: Endpoint) -> None:
    """Offers to it are kept up to a bound; then it is cut off, and the others are served."""
    slow = Browser(live, to, "S")
    slow.tcp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.announce()
    slow.next_message()
    busy = Browser(live, to, "B")
    sdp = "x" * 60000
    sent = 0
    while live.counters.value("web_too_slow") == 0:
        sent += 1
        assert sent < 400
        busy.announce(offers=[{"offer": {"type": "offer", "sdp": sdp}, "offer_id": "o" * 20}])
        busy.next_message()
        live.advance(1.0)
    assert sent * len(sdp) > MOST_WAITING
    assert busy.counts() == (0, 1)


def test_w46_a_quiet_client_is_pinged_and_one_that_is_gone_is_closed(live: Live, to: Endpoint) -> None:
    lives, gone = Browser(live, to, "A"), Browser(live, to, "B")
    for browser in (lives, gone):
        browser.announce()
        browser.next_message()
    live.advance(QUIET + SWEEP)
    for browser in (lives, gone):
        assert browser.next_frame().opcode == Opcode.PING
    lives.flush()
    live.settle()
    for _ in range(int(PONG_TIME // SWEEP) + 1):
        live.advance(SWEEP)
        live.settle()
        lives.poll()
        lives.flush()
        live.settle()
    live.until(gone.tcp.has_ended, "the end of the one")
    assert live.counters.value("web_silent") == 1
    lives.frames.clear()
    assert lives.counts() == (0, 1)


def test_w47_messages_without_an_answer_leave_the_connection_open(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    for data in (b"null", b"{", b"\xff", b"[" * 60000, b'{"action":"x"}'):
        browser.protocol.send_text(data)
    browser.flush()
    assert browser.is_served()
    assert live.counters.value("web_malformed") == 5


def test_w48_http_and_udp_peers_are_counted_and_never_meet(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    browser.announce(info_hash="A" * 20, left=0)
    browser.next_message()
    query = b"info_hash=" + b"A" * 20 + b"&peer_id=" + b"p" * 20 + b"&port=6881&left=1&compact=1"
    body = live.ask(to, get(b"/announce?" + query)).body
    assert b"8:completei1e" in body
    assert b"10:incompletei1e" in body
    assert b"5:peers0:" in body
    browser.announce(info_hash="A" * 20, left=0, offers=offers("1"))
    assert browser.next_message()["incomplete"] == 1
    live.settle()
    browser.poll()
    assert browser.frames == []
    scrape = live.ask(to, get(b"/scrape?info_hash=" + b"A" * 20)).body
    for count in (b"8:completei1e", b"10:downloadedi0e", b"10:incompletei1e"):
        assert count in scrape


@pytest.mark.needs("WANT_TLS")
def test_w49_a_websocket_over_tls(live: Live, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    secure = listen_tls(live, certificates_of(authority))
    client = TlsClient(live, secure, authority.client_context()).shake()
    client.send(handshake())
    assert client.read_some().startswith(b"HTTP/1.1 101 ")
    client.send(masked(b'{"action":"scrape","info_hash":[]}'))
    assert client.read_some().endswith(b'{"action":"scrape","files":{}}')


def test_w50_the_end_of_the_tracker_is_told(live: Live, to: Endpoint) -> None:
    browser = Browser(live, to)
    for end in live.server.endings:
        end()
    assert browser.close_code() == 1001


def test_a_closed_connection_leaves_no_garbage(live: Live, to: Endpoint) -> None:
    """The tracker runs without a garbage collector."""
    gc.collect()
    gc.disable()
    try:
        browser = Browser(live, to)
        browser.announce()
        browser.next_message()
        browser.tcp.send(b"\x81")  # the connection has a protocol until the frame ends
        live.settle()
        (connection,) = live.server.http.connections.values()
        left = weakref.ref(connection.protocol)  # type: ignore[attr-defined]
        browser.tcp.send(b"\x02{}")
        del connection
        assert browser.close_code() == 1002
        browser.tcp.close()
        live.until(lambda: open_connections(live) == 0, "the end")
        live.settle()
        assert left() is None
    finally:
        gc.enable()
