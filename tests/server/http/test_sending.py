"""Long answers, in pieces, on real sockets: to clients that read them, that stop reading, and that vanish."""

import os
import socket

import pytest

from opentracker._features import OT_CLIENT_TIMEOUT_CHECKINTERVAL, OT_CLIENT_TIMEOUT_SEND, WANT_KEEPALIVE
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page, Pieces
from opentracker.server.http.sending import Sending
from opentracker.server.sockets import MOST_QUEUED
from tests.protocol.http_cases import ANN, get
from tests.server.http.talk import H_01, SWEPT, open_connections
from tests.server.live import HOME, Endpoint, Live

PIECE = bytes(65536)


class Long(Page):
    """Many pieces, among them empty ones; it notes how many were asked for, and whether it came to its end."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.asked = 0
        self.ended = False

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        request.keep_alive = False
        return self.body()

    def body(self) -> Pieces:
        try:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (
                self.pieces * len(PIECE)
            )
            for _ in range(self.pieces):
                self.asked += 1
                yield b""
                yield PIECE
        finally:
            self.ended = True


def serve_long(live: Live, pieces: int) -> tuple[Endpoint, Long]:
    page = Long(pieces)
    live.server.http_answers.pages[b"/long"] = page
    return live.listen_tcp(), page


LONG = b"GET /long HTTP/1.1\r\n\r\n"


def test_pieces_arrive_in_order_and_whole(live: Live) -> None:
    to, page = serve_long(live, 100)
    assert live.ask(to, LONG).body == PIECE * 100
    assert page.ended
    assert live.server.http.connections == {}
    assert live.work == []


def test_s15_a_client_that_stops_reading_is_produced_nothing_for(live: Live) -> None:
    to, page = serve_long(live, 1000)
    client = live.tcp(to, receive_buffer=4096)
    client.send(LONG)
    live.until(lambda: page.asked > 0 and not live.work, "the socket to be full")
    asked = page.asked
    assert asked < 500
    live.settle()
    assert page.asked == asked
    live.advance(OT_CLIENT_TIMEOUT_SEND + 1)
    live.advance(OT_CLIENT_TIMEOUT_CHECKINTERVAL + 1)
    assert live.server.http.connections == {}
    assert page.ended


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the kernel takes what it likes")
def test_a_client_that_does_not_read_costs_the_kernel_little(live: Live) -> None:
    to, _ = serve_long(live, 1000)
    client = live.tcp(to, receive_buffer=4096)
    client.send(LONG)
    live.until(lambda: open_connections(live) == 1 and not live.work, "the socket to be full")
    (connection,) = live.server.http.connections.values()
    assert isinstance(connection, Sending)
    assert 0 < connection.outbox.taken < 2 * MOST_QUEUED + len(PIECE)
    assert client.read(4 * MOST_QUEUED)[-1:] == b"\0"  # and who reads on gets on


def test_a_client_that_vanishes_costs_nothing(live: Live) -> None:
    to, page = serve_long(live, 1_000_000)
    client = live.tcp(to)
    client.send(LONG)
    client.read(4 * len(PIECE))
    client.reset()
    live.until(lambda: page.ended, "the pieces to be given up")
    assert live.server.http.connections == {}
    live.settle()
    assert live.work == []


def test_several_long_answers_at_once_and_short_ones_between(live: Live) -> None:
    to, _ = serve_long(live, 50)
    clients = [live.tcp(to) for _ in range(5)]
    for client in clients:
        client.send(LONG)
    assert live.ask(to, get(b"/announce?" + ANN)).status == 200
    for client in clients:
        assert client.read_answer().body == PIECE * 50


def test_the_tracker_can_close_while_pieces_are_left(live: Live) -> None:
    to, page = serve_long(live, 1000)
    client = live.tcp(to)
    client.send(LONG)
    live.until(lambda: page.asked > 0, "a piece")
    live.server.http.close()
    assert page.ended


# ---- Nobody is kept waiting, nobody falls with another ------------------------------------------------------


class Faulty(Page):
    """Raises where it is asked, or in the middle of its pieces."""

    def __init__(self, at_once: bool) -> None:
        self.at_once = at_once

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        if self.at_once:
            raise MemoryError
        return self.body()

    def body(self) -> Pieces:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
        raise MemoryError("for the second piece")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_fault_ends_its_connection_and_no_other(
    live: Live, caplog: pytest.LogCaptureFixture, at_once: bool
) -> None:
    to = live.listen_tcp()
    live.server.http_answers.pages[b"/faulty"] = Faulty(at_once)
    other = live.tcp(to)
    other.send(H_01[:-1])
    client = live.tcp(to)
    client.send(get(b"/faulty"))
    live.until(client.has_ended, "the end of the connection")
    assert client.received.startswith(b"HTTP/1.1 500 ") is at_once
    assert client.was_reset is not at_once  # or what came would pass for a whole answer
    assert live.counters.value("http_500") == 1
    assert f"a connection of {HOME} is closed: MemoryError(" in caplog.text
    other.send(H_01[-1:])
    assert other.read_answer().status == 200
    assert open_connections(live) == int(WANT_KEEPALIVE)  # the other one may ask for more
    assert live.work == []


class FaultyEnd(Page):
    """Raises where its pieces are given up."""

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        return self.body()

    def body(self) -> Pieces:
        try:
            yield b"HTTP/1.1 200 OK\r\n\r\n"
            while True:
                yield PIECE
        finally:
            raise MemoryError("for the end")


def test_a_fault_in_giving_an_answer_up_costs_no_descriptor_and_no_server(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    to = live.listen_tcp()
    live.server.http_answers.pages[b"/faulty"] = FaultyEnd()
    for end in (lambda client: client.reset(), lambda client: live.advance(OT_CLIENT_TIMEOUT_SEND + SWEPT)):
        before = len(os.listdir("/dev/fd"))
        client = live.tcp(to, receive_buffer=4096)
        client.send(get(b"/faulty"))
        live.until(lambda: open_connections(live) == 1 and not live.work, "the socket to be full")
        end(client)
        live.until(lambda: open_connections(live) == 0, "the connection to be forgotten")
        client.close()
        assert len(os.listdir("/dev/fd")) == before
        assert f"an answer to {HOME}: MemoryError(" in caplog.text
        caplog.clear()
    assert live.ask(to, H_01).status == 200


class Patient(Page):
    """Takes long for each of its small pieces, which any socket takes whole."""

    def __init__(self, live: Live) -> None:
        self.live = live

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        request.keep_alive = False
        return self.body()

    def body(self) -> Pieces:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
        for _ in range(10):
            self.live.clock.seconds += OT_CLIENT_TIMEOUT_SEND / 2
            yield b"x"


@pytest.mark.parametrize("is_scarce", [False, True])
def test_who_takes_all_there_is_may_stay_however_long_it_takes(live: Live, is_scarce: bool) -> None:
    live.server.http.scarcities.append(lambda: is_scarce)
    live.server.http_answers.pages[b"/patient"] = Patient(live)
    assert live.ask(live.listen_tcp(), get(b"/patient")).body == b"x" * 10
    assert live.clock.seconds > 4 * OT_CLIENT_TIMEOUT_SEND
