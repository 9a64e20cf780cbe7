"""Identity and descriptors, from one process to another."""

import json
import os
import socket
from pathlib import Path

import pytest

from opentracker.errors import StartError
from opentracker.server.upgrade.bequest import (
    DESCRIPTORS,
    FORMAT,
    LOCK,
    NAMED,
    OTHER,
    OWN,
    PASSED,
    TORRENTS,
    Identity,
    receive,
    send,
)
from opentracker.server.upgrade.launcher import VARIABLE
from opentracker.server.workers.channel import pair

IDENTITY = Identity(bytes(range(32)), 1 << 55, 12.25, [1, 3, 5, 7, 0xFFFFFFFF])


def environment_of(sock: socket.socket) -> dict[str, str]:
    """The environment of a process that was started with this end of a channel."""
    return {VARIABLE: str(sock.detach())}


def test_everything_comes_as_it_was(tmp_path: Path) -> None:
    ours, its = pair()
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(DESCRIPTORS + 10)]
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    named = [(f"{OWN} 1 {number}", sock.fileno()) for number, sock in enumerate(sockets[:DESCRIPTORS])]
    named += [(f"{PASSED} 0", sockets[-1].fileno()), (OTHER, sockets[-2].fileno())]
    named.append((f"{NAMED} control /run/a socket", sockets[-4].fileno()))
    named += [(f"{TORRENTS} 0", sockets[-3].fileno()), (LOCK, lock)]
    send(ours, IDENTITY, 3, [1], named)
    environment = environment_of(its)
    found = receive(environment)
    assert found is not None
    assert environment == {}  # so that no program that this one starts sees it
    assert found.identity == IDENTITY
    assert (found.workers, found.steered) == (3, {1})
    assert sorted(found.own[1]) == list(range(DESCRIPTORS))
    assert list(found.passed) == [0]
    assert list(found.torrents) == [0]
    assert len(found.others) == 1
    assert list(found.named) == ["control /run/a socket"]
    assert os.path.samestat(os.fstat(found.lock), os.fstat(lock))
    for fd in (found.lock, found.own[1][0].fileno(), found.channel.fileno()):
        assert not os.get_inheritable(fd)
    found.close()
    os.close(found.lock)
    os.close(lock)
    for sock in (*sockets, ours):
        sock.close()


def test_a_process_that_was_started_otherwise_has_nothing() -> None:
    assert receive({}) is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (json.dumps({"format": FORMAT + 1}).encode(), f"in format {FORMAT + 1}, not {FORMAT}: restart it"),
        (b"{", "cannot be read"),
        (b"{}", "cannot be read"),
        (b"", "has ended in the middle"),
    ],
)
def test_another_format_is_refused(message: bytes, words: str) -> None:
    ours, its = pair()
    if message:
        ours.send(message)
    ours.close()
    with pytest.raises(StartError, match=words):
        receive(environment_of(its))


def test_a_variable_that_is_no_number_is_refused() -> None:
    with pytest.raises(StartError, match="expected the number of a descriptor"):
        receive({VARIABLE: "x"})


def test_less_than_announced_is_refused() -> None:
    ours, its = pair()
    send(ours, IDENTITY, 1, [], [(f"{OWN} 0 0", ours.fileno())])
    ours.close()
    first = its.recv(65536)
    its.close()
    ours, again = pair()
    ours.send(first)
    ours.send(b"+")
    with pytest.raises(StartError, match="less than it says"):
        receive(environment_of(again))
    ours.close()
