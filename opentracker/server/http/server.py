"""What all listening TCP sockets share: the connections that are not finished, and the time that they may take.

Strangers may let a thousand connections become ready at the same moment. They have a selector of their own, which the
loop watches like a socket, so that those who are not served within a millisecond wait there, and datagrams do not.
"""

import selectors
from collections.abc import Callable, Iterator
from typing import Final

from opentracker._features import OT_MAX_REQUEST, WANT_MAX_PEER
from opentracker.server.http.responder import HttpResponder
from opentracker.server.loop import READ, Handler, Loop
from opentracker.server.system.libc import HalfClose

if WANT_MAX_PEER:
    from opentracker.server.http.slots import ConnectionSlots
    from opentracker.swarm.policy.permissions import Permissions

READ_SIZE: Final = OT_MAX_REQUEST + 3  # one byte more than the longest request, with an empty line before it
MOST_UNSENT: Final = (
    1 << 16
)  # bytes of answers, the last one not counted, that wait for a client to read them

BUDGET: Final = 0.001  # seconds of a turn for one listener's new connections, and for all those that go on
AT_ONCE: Final = 16  # connections that a sweep looks at in one go


class Unfinished(Handler):
    """A connection that could not be served in one go, as the server sees it."""

    __slots__ = ("address", "deadline", "fd")

    def __init__(self, fd: int, address: bytes, deadline: float) -> None:
        self.fd = fd
        self.address = address
        self.deadline = deadline  # in seconds of the loop's clock

    def is_slow(self, seconds: float) -> bool:
        """Whether the client is slow in taking an answer."""
        raise NotImplementedError

    def close(self) -> None:
        """Close, once."""
        raise NotImplementedError


class HttpServer(Handler):
    """The connections that are not finished, all listeners' together."""

    def __init__(self, loop: Loop, answers: HttpResponder) -> None:
        self.loop = loop
        self.now = loop.now
        self.answers = answers
        self.connections: dict[int, Unfinished] = {}
        self.selector = selectors.DefaultSelector()
        # Those that are ready and have not been served yet; the next one last.
        self.late: list[tuple[selectors.SelectorKey, int]] = []
        self.end = 0.0  # of what this turn has for them, in seconds
        self.half_close = HalfClose()
        self.scarcities: list[Callable[[], bool]] = []  # each says whether slots of a kind are scarce
        loop.watch(self.selector.fileno(), self, READ)
        if WANT_MAX_PEER:
            self.gate = ConnectionSlots(0, 0, Permissions())
            self.shut: list[Callable[[], None]] = []  # lets listeners accept again that wait for free slots

    def remember(self, connection: Unfinished) -> None:
        """Take note of a connection that is not finished; it may be known already."""
        if connection.fd not in self.connections:
            self.connections[connection.fd] = connection
            if WANT_MAX_PEER:
                self.gate.enter(connection.address)

    def forget(self, connection: Unfinished) -> None:
        """Forget a connection that is over; it may never have been noted."""
        if self.connections.pop(connection.fd, None) is None:
            return
        if WANT_MAX_PEER:
            self.gate.leave(connection.address)
            if self.shut and self.gate.has_room():
                for go_on in self.shut:
                    go_on()
                self.shut.clear()

    def ready(self, events: int) -> None:
        """Let connections go on for as long as they all may; the rest comes first in the next turn."""
        if not self.late:
            self.late = self.selector.select(0)
            self.late.reverse()
        self.begin()
        while self.late:
            key, what = self.late.pop()
            connection: Handler = key.data
            connection.ready(what)
            if self.is_late():
                return

    def begin(self) -> None:
        """Begin what a turn has for connections."""
        self.now.read()
        self.end = self.now.seconds + BUDGET

    def is_late(self) -> bool:
        """Whether it is over: what there is to do beside the request at hand is the next turn's."""
        self.now.read()
        return self.now.seconds >= self.end

    def is_scarce(self) -> bool:
        """Whether somebody may be kept waiting for a slot."""
        return any(is_scarce() for is_scarce in self.scarcities)

    def may_stay(self, address: bytes) -> bool:
        """Whether a connection may be kept for another request."""
        return self.gate.may_stay(address) if WANT_MAX_PEER else True

    def sweep(self) -> None:
        """Begin to close the connections whose time is up."""
        self.loop.start(self.close_overdue())

    def close_overdue(self) -> Iterator[None]:
        """Close overdue connections without an answer, in slices; when slots are scarce, slow readers too."""
        seconds = self.now.seconds
        is_scarce = self.is_scarce()
        for number, connection in enumerate(list(self.connections.values())):
            if number % AT_ONCE == AT_ONCE - 1:
                yield
            if connection.deadline <= seconds or (is_scarce and connection.is_slow(seconds)):
                connection.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self.connections.values()):
            connection.close()
        self.selector.close()
