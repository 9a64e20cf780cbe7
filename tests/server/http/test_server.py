"""Connections that take turns, and their end when their time is up."""

import pytest

from opentracker._features import WANT_MAX_PEER
from opentracker.server.http.server import AT_ONCE, BUDGET
from opentracker.server.loop import SLICE
from tests.server.http.talk import H_01, SWEPT, open_connections
from tests.server.live import Live

if WANT_MAX_PEER:
    from opentracker.server.http.slots import ConnectionSlots
    from opentracker.swarm.policy.permissions import Permissions


def test_r07_idle_connections_are_closed_and_others_served(live: Live, many_descriptors: int) -> None:
    to = live.listen_tcp()
    if WANT_MAX_PEER:
        live.server.http.gate = ConnectionSlots(0, 0, Permissions())
    number = min(5000, (many_descriptors - 200) // 2)
    clients = []
    for opened in range(number):
        client = live.tcp(to)
        client.send(b"G")
        clients.append(client)
        if opened % 100 == 0:  # the kernel keeps as many waiting as the backlog says
            live.settle()
    live.until(lambda: open_connections(live) == number, "all to be accepted")
    assert live.ask(to, H_01).status == 200
    live.advance(SWEPT)
    live.until(lambda: open_connections(live) == 0, "all to be closed")
    assert live.ask(to, H_01).status == 200
    for client in clients:
        assert client.read_to_end() == b""
        client.close()


def test_connections_that_become_ready_together_take_turns(live: Live) -> None:
    to = live.listen_tcp()
    clients = [live.tcp(to) for _ in range(40)]
    for client in clients:
        client.send(H_01[:-1])
    live.until(lambda: open_connections(live) == len(clients), "all to be accepted")
    live.clock.tick = BUDGET / 4
    for client in clients:
        client.send(H_01[-1:])
    answered = [0]
    while answered[-1] < len(clients):
        live.iterate()
        answered.append(live.counters.tcp_announces)
        assert 0 < answered[-1] - answered[-2] <= 4
    live.clock.tick = 0.0
    for client in clients:
        assert client.read_answer().status == 200


def test_many_whose_time_is_up_are_closed_in_slices(live: Live) -> None:
    to = live.listen_tcp()
    number = 100
    for _ in range(number):
        live.tcp(to).send(b"G")
    live.until(lambda: open_connections(live) == number, "all to be accepted")
    live.clock.tick = SLICE / 3
    live.clock.seconds += SWEPT
    left = [number]
    while left[-1]:
        live.iterate()
        left.append(open_connections(live))
    assert max(left[at] - left[at + 1] for at in range(len(left) - 1)) <= 4 * AT_ONCE


def test_who_goes_in_the_middle_of_a_sweep_is_closed_once(live: Live) -> None:
    to = live.listen_tcp()
    clients = [live.tcp(to) for _ in range(4 * AT_ONCE)]
    for client in clients:
        client.send(b"G")
    live.until(lambda: open_connections(live) == len(clients), "all to be accepted")
    for connection in live.server.http.connections.values():
        connection.deadline = live.server.now.seconds
    sweep = live.server.http.close_overdue()
    next(sweep)  # it has a list of all, and has looked at some
    clients[-1].close()
    live.until(lambda: open_connections(live) == len(clients) - AT_ONCE, "the end of the last one")
    newcomer = live.tcp(to)  # who has its descriptor
    newcomer.send(H_01[:-1])
    live.until(lambda: open_connections(live) == len(clients) - AT_ONCE + 1, "another one")
    for _ in sweep:
        pass
    assert open_connections(live) == 1
    newcomer.send(H_01[-1:])
    assert newcomer.read_answer().status == 200


@pytest.mark.needs("WANT_KEEPALIVE")
def test_requests_one_behind_the_other_take_turns_with_others(live: Live) -> None:
    to = live.listen_tcp()
    client, other = live.tcp(to), live.tcp(to)
    other.send(H_01[:-1])
    live.settle()
    live.clock.tick = BUDGET / 4
    client.send(H_01 * 40)
    other.send(H_01[-1:])
    answered = [0]
    while answered[-1] < 41:
        live.iterate()
        answered.append(live.counters.tcp_announces)
        assert 0 < answered[-1] - answered[-2] <= 8  # a new connection's share, and that of those that go on
    live.clock.tick = 0.0
    assert other.read_answer().status == 200
    for _ in range(40):
        assert client.read_answer().status == 200
    assert client.ask(H_01).status == 200
