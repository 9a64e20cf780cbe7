"""The sockets of a process that hands its clients over: they are left unread, and the connections end in order.

Datagrams and new connections wait in the kernel for the process that reads next. An idle connection is closed. One
that is in the middle of a request gets its answer, which is the last one, and a moment for the rest of the request.
"""

from typing import Final

from opentracker.server.core import Core
from opentracker.server.http.connection import Connection
from opentracker.server.http.listener import NEVER, Listener
from opentracker.server.loop import READ, Handler

MOMENT: Final = 0.5  # seconds for requests that have begun


class Door:
    """The way of clients into a process."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.datagrams: dict[int, Handler] = {}  # handlers of UDP sockets that are left unread
        self.listeners: list[Listener] = []  # that do not accept
        self.is_shut = False
        self.deadline = 0.0

    def shut(self) -> None:
        """Read no more datagrams, accept no more connections, and begin to end those that there are."""
        core = self.core
        self.is_shut = True
        self.deadline = core.now.seconds + MOMENT
        for sock in core.sockets:
            handler = core.loop.selector.watched.get(sock.fileno())
            if handler is not None and not isinstance(handler, Listener):
                core.loop.unwatch(sock.fileno())
                self.datagrams[sock.fileno()] = handler
        for server in core.http_servers:
            server.leave()
            for connection in list(server.connections.values()):
                if connection.is_idle():
                    connection.close()
        for listener in core.listeners:
            if not listener.paused:
                listener.pause(NEVER)
            listener.resume_at = NEVER
            self.listeners.append(listener)

    def is_quiet(self) -> bool:
        """Whether no request will be carried out any more; a connection that takes too long is closed."""
        is_late = self.core.now.seconds >= self.deadline
        is_quiet = True
        for server in self.core.http_servers:
            for connection in list(server.connections.values()):
                if connection.is_idle() or (is_late and not connection.is_answered()):
                    connection.close()
                elif not connection.is_answered():
                    is_quiet = False
                elif isinstance(connection, Connection):
                    connection.ends = True
        return is_quiet

    def is_empty(self) -> bool:
        """Whether all connections have ended."""
        return not any(server.connections for server in self.core.http_servers)

    def open(self) -> None:
        """Serve clients, again or for the first time."""
        for server in self.core.http_servers:
            server.is_leaving = False
        for listener in self.listeners:
            listener.go_on()
        for fd, handler in self.datagrams.items():
            self.core.loop.watch(fd, handler, READ)
        self.listeners.clear()
        self.datagrams.clear()
        self.is_shut = False
