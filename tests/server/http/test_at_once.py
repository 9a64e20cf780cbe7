"""Plain announces on real connections: answered as they are the long way, which test_connection tries."""

import os
import socket
from collections.abc import Iterator

import pytest

from opentracker._features import WANT_COMPILED, WANT_KEEPALIVE
from opentracker.server.http.at_once import ANSWERED, GONE, LEFT, NOTHING_YET, AtOnce
from tests.protocol.http_cases import ANN, HASH_B, announce, get, is_like, without_extensions
from tests.server.http.talk import H_01, open_connections
from tests.server.live import HOME, Live, packed

if WANT_COMPILED:
    from opentracker.server.http.in_one_pass import InOnePass
else:
    from opentracker.server.http.by_known_head import ByKnownHead

LONG_WAY = b"Host: x\r\nContent-Type: x\r\n"  # a header that might announce a body


def at_once_of(live: Live) -> AtOnce:
    if WANT_COMPILED:
        return InOnePass(live.server.http)
    return ByKnownHead(live.server.http)


@pytest.fixture
def pair() -> Iterator[tuple[int, socket.socket]]:
    """The descriptor of a connection, and its client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours.fileno(), theirs


@pytest.mark.needs(WANT_FULLLOG_NETWORKS=False)  # whose watchers want all requests the long way
def test_what_has_become_of_a_connection_is_told(live: Live, pair: tuple[int, socket.socket]) -> None:
    at_once = at_once_of(live)
    fd, client = pair
    address = packed(HOME)
    assert at_once.serve(fd, address) == NOTHING_YET
    client.sendall(H_01)
    assert (at_once.serve(fd, address), at_once.ends) == (ANSWERED, not WANT_KEEPALIVE)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    client.sendall(b"GET /nothing")
    assert (at_once.serve(fd, address), at_once.received) == (LEFT, b"GET /nothing")
    client.close()
    assert at_once.serve(fd, address) == GONE


@pytest.mark.needs(WANT_FULLLOG_NETWORKS=False)  # whose watchers want all requests the long way
def test_what_the_socket_does_not_take_is_left(live: Live, pair: tuple[int, socket.socket]) -> None:
    at_once = at_once_of(live)
    fd, client = pair
    filled = 0
    try:
        while True:
            filled += os.write(fd, bytes(4096))
    except BlockingIOError:
        pass
    client.sendall(H_01)
    assert (at_once.serve(fd, packed(HOME)), at_once.has_answered) == (LEFT, True)
    assert at_once.unsent.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("query", [ANN, ANN + b"&event=stopped", ANN.replace(b"A" * 20, HASH_B) + b"&left=0"])
def test_answers_are_those_of_the_long_way(live: Live, query: bytes) -> None:
    to = live.listen_tcp()
    for port in range(10_000, 10_100):
        live.ask(to, announce(port, more=b"&numwant=0"))
    plain = live.ask(to, get(b"/announce?" + query + b"&numwant=0"))
    long = live.ask(to, get(b"/announce?" + query + b"&numwant=0", LONG_WAY))
    assert (plain.status_line, plain.headers) == (long.status_line, long.headers)
    for body in (plain.body, long.body):
        assert is_like(body, _without_intervals(without_extensions(long.body)))


def _without_intervals(body: bytes) -> bytes:
    head, _, rest = body.partition(b"8:intervali")
    peers = rest[rest.index(b"5:peers") :]
    return head + b"8:intervali<I>e12:min intervali<I>e" + peers


@pytest.mark.needs("WANT_KEEPALIVE")
def test_plain_and_other_requests_one_behind_the_other(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    plain, other = announce(2), get(b"/announce?" + ANN, LONG_WAY)
    client.send(plain + plain + other + plain + plain[:-10])
    for _ in range(4):
        assert client.read_answer().status == 200
    client.send(plain[-10:] + plain)
    for _ in range(2):
        assert client.read_answer().status == 200
    assert open_connections(live) == 1
    last = get(b"/announce?" + ANN, b"Connection: close\r\n")
    client.send(last + plain)
    assert client.read_answer().headers["Connection"] == "close"
    assert live.counters.tcp_announces == 7
