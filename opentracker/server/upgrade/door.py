"""The sockets of a process that hands its clients over: they are left unread, and the connections end in order.

So are the inlets of features, such as FIFOs.

Datagrams and new connections wait in the kernel for the process that reads next. An idle connection is closed. One
that is in the middle of a request or of a handshake gets its answer, which is the last one, and a moment for the rest.
"""

from typing import Final

from opentracker.server.core import Core
from opentracker.server.http.connection import Connection
from opentracker.server.http.listener import NEVER, Listener
from opentracker.server.http.server import Successor
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
                if isinstance(connection, Successor):
                    connection.close()
                elif isinstance(connection, Connection) and connection.is_idle():
                    connection.end()
        for listener in core.listeners:
            if not listener.paused:
                listener.pause(NEVER)
            listener.resume_at = NEVER
            self.listeners.append(listener)
        for inlet in core.inlets:
            inlet.shut()

    def is_quiet(self) -> bool:
        """Whether no request will be carried out any more; a connection that takes too long is closed."""
        is_late = self.core.now.seconds >= self.deadline
        is_quiet = True
        for server in self.core.http_servers:
            for connection in list(server.connections.values()):
                if isinstance(connection, Connection) and connection.is_answered():
                    connection.ends = True
                elif is_late:
                    connection.close()
                else:
                    is_quiet = False
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
        for inlet in self.core.inlets:
            inlet.open()
        self.listeners.clear()
        self.datagrams.clear()
        self.is_shut = False
