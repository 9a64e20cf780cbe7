"""The gate by itself, and before real connections."""

import resource
from collections.abc import Iterator

import pytest

from opentracker._features import (
    OT_CLIENT_TIMEOUT,
    OT_CLIENT_TIMEOUT_CHECKINTERVAL,
    OT_CLIENT_TIMEOUT_SEND,
    WANT_KEEPALIVE,
)
from opentracker.config.settings import Sections, Settings
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page, Pieces
from opentracker.server.http.connection import Connection
from opentracker.server.http.listener import PAUSE
from opentracker.server.http.server import MOST_UNSENT
from opentracker.server.http.slots import SPARE, WEIGHT, ConnectionSlots, most_by_default
from opentracker.server.limits import LimitSettings
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions
from tests.protocol.http_cases import ANN, announce, get
from tests.server.live import Endpoint, Live, TcpClient, packed
from tests.server.marks import needs_ipv4

H_01 = get(b"/announce?" + ANN)
ONE = bytes([192, 0, 2, 1])


def test_no_limits() -> None:
    gate = ConnectionSlots(0, 0, Permissions())
    for _ in range(1000):
        gate.enter(ONE)
    assert not gate.refuses(ONE)
    assert not gate.is_full()
    assert gate.has_room()


@pytest.mark.parametrize("most", [1, 2, 15, 16, 17, 1000])
def test_a_gate_that_was_full_opens_before_it_is_empty_or_when_it_is(most: int) -> None:
    gate = ConnectionSlots(most, 0, Permissions())
    for _ in range(most):
        assert not gate.is_full()
        gate.enter(ONE)
    assert gate.is_full()
    assert not gate.has_room()
    left = most
    while not gate.has_room():
        gate.leave(ONE)
        left -= 1
    assert left == most - 1 - most // 16


def test_by_default_there_are_as_many_as_descriptors_but_for_a_few() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for soft, most in ((1000, 1000 - SPARE), (100, 50), (64, 32)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
            assert most_by_default(0) == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("memory", "most"), [(0, 1000 - SPARE), (1 << 40, 1000 - SPARE), (1 << 27, (1 << 24) // WEIGHT), (1, 1)]
)
def test_by_default_an_eighth_of_the_memory_holds_them_all(memory: int, most: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, before[1]))
    try:
        assert most_by_default(memory) == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# ---- Real connections --------------------------------------------------------------------------------------


def limited(**limits: int) -> Settings:
    """Settings with these limits."""
    return Settings(sections=Sections(LimitSettings(**limits)))


@pytest.fixture(params=["fast", "plain"])
def gated(request: pytest.FixtureRequest) -> Iterator[tuple[Live, Endpoint]]:
    """A tracker with room for ten connections, three of one address."""
    live = Live(limited(connections=10, connections_per_address=3), fast=request.param == "fast")
    yield live, live.listen_tcp()
    live.close()


def idle(live: Live, to: Endpoint, source: str | None = None) -> TcpClient:
    """A client that has sent the beginning of a request, and been accepted or refused."""
    client = live.tcp(to, source)
    client.send(b"G")
    live.settle()
    return client


@needs_ipv4
def test_r07_one_address_cannot_take_every_connection(gated: tuple[Live, Endpoint]) -> None:
    live, to = gated
    clients = [idle(live, to) for _ in range(3)]
    refused = idle(live, to)
    live.until(refused.has_ended, "the end of one connection too many")
    assert refused.received == b""
    assert live.counters.refused_connections == 1
    assert live.ask(to, H_01, "127.0.0.2").status == 200
    assert [client.has_ended() for client in clients] == [False] * 3
    clients[0].send(H_01[1:])
    assert clients[0].read_answer().status == 200
    clients[0].close()
    live.settle()
    assert not idle(live, to).has_ended()
    assert live.server.http.gate.open == 3


@needs_ipv4
def test_r07_at_the_limit_of_all_accepting_pauses_and_nothing_spins(gated: tuple[Live, Endpoint]) -> None:
    live, to = gated
    listening = live.server.sockets[-1].fileno()
    clients = [idle(live, to, f"127.0.0.{2 + number // 2}") for number in range(10)]
    late = live.tcp(to, "127.0.0.99")
    late.send(H_01)
    live.settle()
    watched = live.server.loop.selector.watched
    assert listening not in watched, "a listener that is watched would be found ready again and again"
    live.advance(2 * PAUSE)
    assert listening not in watched
    assert not late.has_ended()
    clients[0].send(H_01[1:])  # whoever is in is served
    assert clients[0].read_answer().status == 200
    clients[0].close()
    live.settle()
    assert late.read_answer().status == 200
    assert live.counters.refused_connections == 0


@needs_ipv4
def test_r07_the_sweep_makes_room(gated: tuple[Live, Endpoint]) -> None:
    live, to = gated
    clients = [idle(live, to, f"127.0.0.{2 + number // 2}") for number in range(10)]
    late = live.tcp(to, "127.0.0.99")
    late.send(H_01)
    live.settle()
    live.advance(3600)
    assert all(client.read_to_end() == b"" for client in clients)
    assert late.read_answer().status == 200
    assert live.server.http.gate.open == int(WANT_KEEPALIVE)


def test_a_tracker_may_end_while_it_is_full() -> None:
    live = Live(limited(connections=1))
    to = live.listen_tcp()
    idle(live, to)
    live.tcp(to).send(H_01)
    live.settle()
    live.close()
    assert live.server.http.gate.open == 0


@pytest.mark.needs("WANT_KEEPALIVE")
def test_answers_that_nobody_reads_are_few() -> None:
    live = Live()
    to = live.listen_tcp()
    for port in range(10_000, 10_200):
        assert live.ask(to, announce(port, more=b"&numwant=0")).status == 200
    request = get(b"/announce?" + ANN + b"&numwant=200")
    client = live.tcp(to, receive_buffer=4096)
    sent = 0
    try:
        while sent < 20_000_000:
            sent += client.sock.send(request * 20)
            live.iterate()
    except BlockingIOError:  # neither takes more from the other
        pass
    live.settle()
    (connection,) = live.server.http.connections.values()
    assert isinstance(connection, Connection)
    assert sent > len(request) * 100
    assert 0 < len(connection.outbox.unsent) < MOST_UNSENT + 10_000
    assert len(connection.received) < 2 * 8192 + 100
    before = live.counters.tcp_announces
    while live.counters.tcp_announces == before:  # and who reads on gets on
        client.read(100_000)
    live.close()


@needs_ipv4
@pytest.mark.parametrize(("readers", "stay"), [(7, 7), (8, 0)])
def test_where_places_are_scarce_who_stops_reading_goes_early(
    gated: tuple[Live, Endpoint], readers: int, stay: int
) -> None:
    live, to = gated
    live.server.http_answers.pages[b"/endless"] = Endless()
    clients = [live.tcp(to, f"127.0.0.{2 + number // 2}", 4096) for number in range(readers)]
    for client in clients:
        client.send(get(b"/endless"))
    live.until(lambda: live.server.http.gate.open == readers and not live.work, "full sockets")
    live.advance(OT_CLIENT_TIMEOUT - 0.1)
    live.settle()
    assert live.server.http.gate.open == readers
    live.advance(OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    live.settle()
    assert live.server.http.gate.open == stay
    live.advance(OT_CLIENT_TIMEOUT_SEND)
    live.settle()
    assert live.server.http.gate.open == 0


@needs_ipv4
@pytest.mark.needs("WANT_KEEPALIVE")
def test_where_places_are_scarce_connections_are_not_kept() -> None:
    settings = limited(connections=10)
    settings.permissions.bless(packed("127.0.0.9"), 32, MAY_PROXY)
    live = Live(settings)
    to = live.listen_tcp()
    clients = [idle(live, to) for _ in range(7)]
    assert live.ask(to, H_01).headers["Connection"] == "keep-alive"
    live.settle()
    clients.append(idle(live, to))
    assert live.ask(to, H_01).headers["Connection"] == "close"
    assert live.ask(to, H_01, "127.0.0.9").headers["Connection"] == "keep-alive"  # a trusted proxy
    live.close()


class Endless(Page):
    """More than any client reads."""

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        return self.body()

    def body(self) -> Pieces:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield bytes(65536)
