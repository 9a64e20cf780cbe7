"""Accepting connections: limits, the number at a time, and a lack of descriptors."""

import os
import resource

from opentracker.server.http.listener import PAUSE
from opentracker.server.http.server import BUDGET
from tests.protocol.http_cases import announce
from tests.server.http.talk import H_01, FullSelector, open_connections
from tests.server.live import Live


def test_who_connects_and_says_nothing_is_in_nobodys_way(live: Live) -> None:
    to = live.listen_tcp()
    for _ in range(200):
        live.tcp(to)
    assert live.ask(to, H_01).status == 200


def test_r08_out_of_descriptors_then_not(live: Live) -> None:
    to = live.listen_tcp()
    early, late = live.tcp(to), live.tcp(to)
    early.send(b"GET ")
    live.until(lambda: open_connections(live) == 1, "a connection to be accepted")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        late.send(H_01)
        live.settle()
        # A listener that is still watched would be found ready again and again: a busy loop.
        assert to_fd(live) not in live.server.loop.selector.watched
        live.advance(PAUSE)
        assert not late.has_ended()
        early.send(H_01[4:])  # whoever was accepted is served
        assert early.read_answer().status == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    live.advance(PAUSE)
    assert late.read_answer().status == 200


def test_r08_closing_while_out_of_descriptors(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        client.send(H_01)
        live.settle()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def to_fd(live: Live) -> int:
    """The descriptor of the latest listening socket."""
    return live.server.sockets[-1].fileno()


def test_many_connections_at_once_are_all_served(live: Live) -> None:
    to = live.listen_tcp()
    clients = [live.tcp(to) for _ in range(200)]  # more than are accepted in one go
    for port, client in enumerate(clients, 2):
        client.send(announce(port, more=b"&numwant=0"))
    for client in clients:
        assert client.read_answer().status == 200
    assert live.counters.tcp_announces == 200


def test_new_connections_take_turns(live: Live) -> None:
    to = live.listen_tcp()
    live.clock.tick = BUDGET / 4
    clients = [live.tcp(to) for _ in range(20)]
    for client in clients:
        client.send(H_01)
    answered = 0
    while answered < len(clients):
        live.iterate(0.01)
        assert live.counters.tcp_announces - answered <= 4
        answered = live.counters.tcp_announces
    for client in clients:
        assert client.read_answer().status == 200


def test_a_listener_that_cannot_be_watched_tries_again(live: Live) -> None:
    to = live.listen_tcp()
    listener = live.server.listeners[-1]
    listener.pause(0.0)
    former, live.server.loop.selector = live.server.loop.selector, FullSelector()
    listener.resume()
    assert listener.paused
    live.server.loop.selector.close()
    live.server.loop.selector = former
    live.advance(PAUSE)
    assert not listener.paused
    assert live.ask(to, H_01).status == 200
