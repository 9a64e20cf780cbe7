"""The end of a new connection, or its life as a Connection, by the outcome of its first bytes."""

import socket
from collections.abc import Iterator

import pytest

from opentracker.server.http.at_once import ANSWERED, GONE, LEFT, AtOnce
from opentracker.server.http.settling import settle
from tests.server.http.talk import H_01
from tests.server.http.test_at_once import at_once_of
from tests.server.live import HOME, Live, packed


@pytest.fixture
def at_once(live: Live) -> AtOnce:
    return at_once_of(live)


@pytest.fixture
def pair() -> Iterator[tuple[int, socket.socket]]:
    """The descriptor of a connection, which its owner closes, and its client."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        theirs.settimeout(10)
        yield ours.detach(), theirs


@pytest.mark.parametrize("outcome", [GONE, ANSWERED])
def test_a_connection_that_is_over_is_closed(
    live: Live, at_once: AtOnce, pair: tuple[int, socket.socket], outcome: int
) -> None:
    fd, client = pair
    at_once.ends = True
    settle(at_once, fd, packed(HOME), outcome)
    assert client.recv(1) == b""
    assert live.server.http.connections == {}


def test_any_other_goes_on(live: Live, at_once: AtOnce, pair: tuple[int, socket.socket]) -> None:
    fd, client = pair
    at_once.received = H_01
    settle(at_once, fd, packed(HOME), LEFT)
    assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
    client.close()
