"""Connections that end with the answer of another worker, until it comes, and if it comes too late.

A build that reads no plain announces makes each of them a Connection, to the same effect.
"""

import socket
from collections.abc import Iterator

import pytest

from opentracker._features import OT_CLIENT_TIMEOUT, WANT_UPGRADE, WANT_WORKERS

if WANT_WORKERS:
    from tests.server.workers.crew import Crew
if WANT_UPGRADE:
    from opentracker.server.upgrade.door import Door

pytestmark = pytest.mark.needs("WANT_WORKERS")


@pytest.fixture
def crew() -> Iterator["Crew"]:
    """Two workers."""
    made = Crew(2)
    yield made
    made.close()


@pytest.fixture
def client(crew: "Crew") -> Iterator[socket.socket]:
    """A client of worker 0 that has announced a torrent of worker 1, which has not looked yet."""
    target = "/announce?port=7000&info_hash=" + "".join(f"%{byte:02x}" for byte in crew.owned_by(1)[0])
    made = []
    while not crew.workers[0].http.connections:  # the kernel spreads connections over both
        made.append(socket.create_connection(crew.tcp))
        made[-1].sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        made[-1].setblocking(False)
        for _ in range(3):
            crew.iterate(but=[1])
    yield made[-1]
    for each in made:
        each.close()


def test_the_answer_ends_the_connection(crew: "Crew", client: socket.socket) -> None:
    http = crew.workers[0].http
    answer = crew.read(client)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"d8:completei" in answer
    assert http.connections == {}
    assert crew.workers[0].counters.tcp_sent >= len(answer)


def test_an_answer_that_comes_too_late_changes_nothing(crew: "Crew", client: socket.socket) -> None:
    worker = crew.workers[0]
    worker.now.seconds += OT_CLIENT_TIMEOUT + 1
    for _ in worker.http.close_overdue():
        pass
    assert worker.http.connections == {}
    assert crew.read(client) == b""
    crew.until(lambda: worker.mesh.asked == {}, "the answer")
    assert worker.loop.faults == 0


def test_a_client_that_resets_its_connection(crew: "Crew", client: socket.socket) -> None:
    worker = crew.workers[0]
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    crew.until(lambda: worker.http.connections == {}, "the end of the connection")
    assert worker.loop.faults == 0


@pytest.mark.needs("WANT_UPGRADE")
def test_a_process_that_hands_its_clients_over_waits_for_the_answer(
    crew: "Crew", client: socket.socket
) -> None:
    door = Door(crew.workers[0])
    door.shut()
    assert not door.is_quiet()
    assert crew.read(client).startswith(b"HTTP/1.1 200 OK")
    assert door.is_quiet()
    assert door.is_empty()
