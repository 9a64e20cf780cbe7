"""The unfinished connections of all listening TCP sockets, and the time limit on them in an iteration.

A thousand connections may become ready at the same moment. They have a selector of their own, which the loop watches
like a socket: connections beyond a millisecond of an iteration wait there, so that datagrams need not wait.
"""

from collections.abc import Callable, Iterator
from typing import Final

from opentracker._features import (
    OT_MAX_REQUEST,
    WANT_MAX_PEER,
    WANT_PROXY_PROTOCOL,
    WANT_UPGRADE,
    WANT_WEBTORRENT,
)
from opentracker.protocol.http import Request
from opentracker.server.http.channel import Channel
from opentracker.server.http.responder import HttpResponder
from opentracker.server.loop import READ, Handler, Loop, Selector
from opentracker.server.system.libc import HalfClose
from opentracker.server.waiting import Waiting

if WANT_MAX_PEER:
    from opentracker.server.http.slots import ConnectionSlots
    from opentracker.swarm.policy.permissions import Permissions
if WANT_PROXY_PROTOCOL:
    from opentracker.server.http.proxy_heads import ProxyHeads

READ_SIZE: Final = OT_MAX_REQUEST + 3  # one byte more than the longest request, with an empty line before it
# Bytes of answers that may wait for a client; only the answer that reaches the limit may exceed it.
MOST_UNSENT: Final = 1 << 16

# Seconds of an iteration for one listener's new connections, and for all unfinished ones.
BUDGET: Final = 0.001
AT_ONCE: Final = 16  # connections that a sweep checks in one step


class Unfinished(Waiting):
    """A connection that outlives an iteration, with the parts of it that the server uses."""

    __slots__ = ("address", "deadline", "fd")

    def __init__(self, fd: int, address: bytes, deadline: float) -> None:
        self.fd = fd
        self.address = address
        self.deadline = deadline  # in seconds of the loop's clock

    def is_slow(self, seconds: float) -> bool:
        """Whether the client is slow in taking an answer."""
        raise NotImplementedError

    def overdue(self) -> None:
        """Called when the deadline is over."""
        self.close()

    def close(self) -> None:
        """Close, once."""
        raise NotImplementedError


class Successor(Unfinished):
    """A connection of another protocol, which a client switches to by an `Upgrade`."""

    __slots__ = ()

    def take_over(self, watched: int, received: bytes) -> None:
        """Begin, after the answer to the upgrade is sent; `received` came behind the request.

        The descriptor is registered for the events `watched`, unless that is 0.
        """
        raise NotImplementedError


class Upgrader:
    """Switches connections to another protocol."""

    def takes(self, request: Request) -> bool:
        """Whether a request asks for that protocol."""
        raise NotImplementedError

    def accept(
        self, request: Request, fd: int, address: bytes, client: bytes, channel: Channel
    ) -> tuple[bytes, Successor]:
        """The answer to the request, and the connection that takes over. Raises HttpError.

        `address` is that of the connection, and `client` the one that a head of the PROXY protocol named.
        """
        raise NotImplementedError


class HttpServer(Handler):
    """The unfinished connections of all listeners."""

    def __init__(self, loop: Loop, answers: HttpResponder) -> None:
        self.loop = loop
        self.now = loop.now
        self.answers = answers
        self.connections: dict[int, Unfinished] = {}
        self.selector = Selector()
        # Ready connections that have not been served yet, in reverse order.
        self.late: list[tuple[Handler, int]] = []
        self.end = 0.0  # of the budget of this iteration, in seconds of the loop's clock
        self.half_close = HalfClose()
        self.scarcities: list[Callable[[], bool]] = []  # each says whether slots of a kind are scarce
        loop.watch(self.selector.fileno(), self, READ)
        if WANT_UPGRADE:
            self.is_leaving = False  # whether no connection is kept for another request
        if WANT_WEBTORRENT:
            self.upgrader: Upgrader | None = None
        if WANT_MAX_PEER:
            self.gate = ConnectionSlots(0, 0, Permissions())
            self.shut: list[Callable[[], None]] = []  # resume the listeners that wait for free slots
        if WANT_PROXY_PROTOCOL:
            self.proxy_heads: ProxyHeads | None = None

    def has_head(self, address: bytes) -> bool:
        """Whether a connection of this address begins with a head of the PROXY protocol."""
        if WANT_PROXY_PROTOCOL:
            return self.proxy_heads is not None and self.proxy_heads.are_due(address)
        return False

    def remember(self, connection: Unfinished) -> None:
        """Register an unfinished connection, unless it is registered already."""
        if connection.fd not in self.connections:
            self.connections[connection.fd] = connection
            if WANT_MAX_PEER:
                self.gate.enter(connection.address)

    def replace(self, connection: Unfinished, events: int) -> None:
        """Register a connection in place of the one that had its descriptor, which waited for `events`."""
        self.connections[connection.fd] = connection
        self.selector.modify(connection.fd, events, connection)

    def forget(self, connection: Unfinished) -> None:
        """Unregister a finished connection, which need not have been registered."""
        if self.connections.pop(connection.fd, None) is None:
            return
        if WANT_MAX_PEER:
            self.gate.leave(connection.address)
            if self.shut and self.gate.has_room():
                for go_on in self.shut:
                    go_on()
                self.shut.clear()

    def ready(self, events: int) -> None:
        """Serve ready connections within the budget; the rest comes first in the next iteration."""
        if not self.late:
            self.late = self.selector.select(0)
            self.late.reverse()
        self.begin()
        while self.late:
            connection, events = self.late.pop()
            connection.ready(events)
            if self.is_late():
                return

    def begin(self) -> None:
        """Begin the budget of an iteration."""
        self.now.read()
        self.end = self.now.seconds + BUDGET

    def is_late(self) -> bool:
        """Whether the budget is used up: further requests wait for the next iteration."""
        self.now.read()
        return self.now.seconds >= self.end

    def is_scarce(self) -> bool:
        """Whether slots of any kind are scarce, so that clients may have to wait for one."""
        return any(is_scarce() for is_scarce in self.scarcities)

    def may_stay(self, address: bytes) -> bool:
        """Whether a connection may be kept for another request."""
        if WANT_UPGRADE and self.is_leaving:
            return False
        return self.gate.may_stay(address) if WANT_MAX_PEER else True

    def leave(self) -> None:
        """Keep no connection for another request, and accept no new one because an old one is closed."""
        if WANT_UPGRADE:
            self.is_leaving = True
        if WANT_MAX_PEER:
            self.shut.clear()

    def sweep(self) -> None:
        """Begin to close overdue connections."""
        self.loop.start(self.close_overdue())

    def close_overdue(self) -> Iterator[None]:
        """Close overdue connections without an answer, in slices; when slots are scarce, slow readers too."""
        seconds = self.now.seconds
        is_scarce = self.is_scarce()
        for number, connection in enumerate(list(self.connections.values())):
            if number % AT_ONCE == AT_ONCE - 1:
                yield
            if is_scarce and connection.is_slow(seconds):
                connection.close()
            elif connection.deadline <= seconds:
                connection.overdue()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self.connections.values()):
            connection.close()
        self.selector.close()
