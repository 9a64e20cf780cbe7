"""The bytes of an answer that a socket takes, and slow clients."""

import socket
from collections.abc import Iterator

import pytest

from opentracker._features import OT_CLIENT_TIMEOUT
from opentracker.server.http.outbox import LEAST_RATE, Outbox

LARGE = bytes(1 << 22)  # more than any socket takes at once


@pytest.fixture
def pair() -> Iterator[tuple[Outbox, socket.socket]]:
    """An outbox, and the socket of its client."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield Outbox(ours.fileno()), theirs


def test_all_of_a_short_answer_is_sent(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, client = pair
    outbox.unsent = b"answer"
    assert outbox.send()
    assert (outbox.unsent, outbox.taken, client.recv(100)) == (b"", 6, b"answer")


def test_the_rest_stays_in_order(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, client = pair
    outbox.unsent = LARGE[:-3] + b"end"
    assert outbox.send()
    assert not outbox.send(), "the socket is full"
    assert 0 < outbox.taken == len(LARGE) - len(outbox.unsent)
    received = b""
    while not received.endswith(b"end"):
        received += client.recv(1 << 20)
        if outbox.unsent:
            outbox.send()
    assert (outbox.taken, len(received)) == (len(LARGE), len(LARGE))


def test_a_client_that_is_gone_is_an_error(pair: tuple[Outbox, socket.socket]) -> None:
    outbox, client = pair
    client.close()
    outbox.unsent = b"answer"
    with pytest.raises(OSError, match="Broken pipe"):
        outbox.send()


def test_only_a_full_socket_makes_a_client_slow() -> None:
    outbox = Outbox(-1)
    assert not outbox.is_slow(1e9)
    outbox.wait(100.0)
    assert not outbox.is_slow(100.0 + OT_CLIENT_TIMEOUT - 0.1)
    assert outbox.is_slow(100.0 + OT_CLIENT_TIMEOUT), "has taken nothing"
    outbox.go_on(100.0 + OT_CLIENT_TIMEOUT)
    assert not outbox.is_slow(1e9)


def test_a_least_rate_is_asked_for_over_the_time_of_all_waits() -> None:
    outbox = Outbox(-1)
    outbox.taken = 10 * LEAST_RATE
    for at in (0.0, 100.0, 200.0):  # three waits; the time between them is the tracker's
        outbox.wait(at)
        assert not outbox.is_slow(at + OT_CLIENT_TIMEOUT / 3)
        outbox.go_on(at + OT_CLIENT_TIMEOUT / 3)
    outbox.wait(300.0)
    assert not outbox.is_slow(309.9)
    assert outbox.is_slow(310.0), "has taken too little"
