"""The selector: the events of descriptors, and the handlers that are told."""

import os
import socket
from collections.abc import Iterator

import pytest

from opentracker.server.selector import READ, WRITE, Handler, Selector


class Named(Handler):
    def __init__(self, name: str) -> None:
        self.name = name


Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def selector() -> Iterator[Selector]:
    made = Selector()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def test_a_handler_is_told_what_its_descriptor_is_ready_for(selector: Selector, pair: Pair) -> None:
    ours, theirs = pair
    handler = Named("ours")
    selector.register(ours.fileno(), READ, handler)
    assert selector.select(0) == []
    theirs.send(b"x")
    assert selector.select(None) == [(handler, READ)]
    selector.modify(ours.fileno(), WRITE, handler)
    assert selector.select(None) == [(handler, WRITE)]
    selector.modify(ours.fileno(), READ | WRITE, handler)
    assert selector.select(None) == [(handler, READ | WRITE)]
    ours.recv(1)
    assert selector.select(None) == [(handler, WRITE)]


@pytest.mark.parametrize("events", [READ, WRITE, READ | WRITE])
def test_the_end_of_a_connection_is_all_that_was_waited_for(
    selector: Selector, pair: Pair, events: int
) -> None:
    """So a handler that waits for room to send learns of it too."""
    ours, theirs = pair
    handler = Named("ours")
    theirs.close()
    selector.register(ours.fileno(), events, handler)
    assert selector.select(None) == [(handler, events)]


def test_each_descriptor_has_its_handler(selector: Selector) -> None:
    pairs = [socket.socketpair() for _ in range(20)]
    handlers = [Named(str(number)) for number in range(20)]
    for (ours, _), handler in zip(pairs, handlers, strict=True):
        selector.register(ours.fileno(), READ, handler)
    for _, theirs in pairs[::3]:
        theirs.send(b"x")
    told = selector.select(1.0)
    assert {handler for handler, _ in told} == set(handlers[::3])
    assert len(told) == len(handlers[::3])
    for ours, theirs in pairs:
        selector.unregister(ours.fileno())
        ours.close()
        theirs.close()
    assert selector.select(0) == []
    assert not selector.watched


def test_its_own_descriptor_is_ready_while_any_is(selector: Selector, pair: Pair) -> None:
    """A selector can be watched by another one."""
    ours, theirs = pair
    selector.register(ours.fileno(), READ, Named("inner"))
    outer = Selector()
    handler = Named("outer")
    outer.register(selector.fileno(), READ, handler)
    assert outer.select(0) == []
    theirs.send(b"x")
    assert outer.select(None) == [(handler, READ)]
    outer.close()


def test_who_was_not_registered_is_not_watched(selector: Selector, tmp_path: os.PathLike[str]) -> None:
    """A regular file has no events, and the kernel refuses it."""
    fd = os.open(os.path.join(tmp_path, "file"), os.O_CREAT | os.O_RDWR)
    with pytest.raises(OSError, match="not permitted"):
        selector.register(fd, READ, Named("file"))
    assert fd not in selector.watched
    os.close(fd)
