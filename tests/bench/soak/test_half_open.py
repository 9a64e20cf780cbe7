"""Half-open handshakes: how a run is judged, and how ends are found."""

import socket

import pytest

from soak.half_open import DEADLINE, MOST_EACH, Seen, dribble, ended, report


def seen(**changed: object) -> Seen:
    """A run that is good enough without a limit on the connections of one address."""
    good = {"opened": 5000, "each_kib": 45.0, "latencies": [3.0, 1.0, 2.0], "ended_after": 38.0}
    return Seen(**{**good, **changed})  # type: ignore[arg-type]


def test_a_good_run_has_no_faults() -> None:
    assert seen().faults(limited=False) == []
    assert seen(opened=256, refused=4744).faults(limited=True) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"wrong": 2}, "2 of the honest announces were not answered"),
        ({"latencies": []}, "0 of the honest announces were not answered"),
        ({"opening": 26.0}, "opening took 26 s, so that the first ones were at their deadline"),
        ({"left": 1}, f"1 handshakes were not ended after {DEADLINE:.0f} s"),
        ({"each_kib": MOST_EACH + 1}, "a handshake takes 65 KiB, more than 64"),
        ({"refused": 3}, "3 connections were refused"),
    ],
)
def test_what_falls_short(changed: dict[str, object], fault: str) -> None:
    assert seen(**changed).faults(limited=False) == [fault]


def test_a_limit_that_refuses_nobody_falls_short() -> None:
    assert seen().faults(limited=True) == ["0 connections were refused"]


def test_the_report() -> None:
    line = report("none", seen(cpu_us=260.4))
    assert line == "| none | 5000 | 0 | 45.0 | 260 | 3, 0 | 2.0, 3.0 | 38 s | 0 |"


def test_connections_that_end_are_told_from_those_that_only_get_records() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    clients = [client for client, _ in pairs]
    pairs[0][1].send(b"records")
    pairs[1][1].close()
    pairs[2][1].send(b"records")
    pairs[2][1].close()
    assert ended(clients, 0.05) == clients[1:]
    assert [client.fileno() < 0 for client in clients] == [False, True, True]
    clients[0].close()
    pairs[0][1].close()


def test_a_hello_dribbles_in_byte_by_byte() -> None:
    client, server = socket.socketpair()
    clients = [(client, 0)]
    for _ in range(3):
        clients = dribble(clients, b"hello")
    assert server.recv(10) == b"hel"
    client.close()
    assert dribble(clients, b"hello") == []
    server.close()
