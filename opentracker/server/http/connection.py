"""TCP sockets: connections in, HTTP answers out.

In the common case a connection is accepted, read, answered and closed in one go, and the selector never hears of it.
What cannot be done at once becomes a `Connection`: the rest of a request, the rest of an answer, the next request of
a client that keeps its connection, or what a refused client is still sending.

Strangers may let a thousand connections become ready at the same moment. They have a selector of their own, which the
loop watches like a socket, so that those who are not served within a millisecond wait there, and datagrams do not.
"""

import logging
import os
import selectors
from collections.abc import Callable, Iterator
from typing import Final

from opentracker._features import (
    OT_CLIENT_TIMEOUT,
    OT_CLIENT_TIMEOUT_SEND,
    OT_MAX_REQUEST,
    WANT_LOG_NETWORKS,
    WANT_MAX_PEER,
)
from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.http import begins_head, parse_request
from opentracker.protocol.pages import Pieces
from opentracker.server.http.accepting import Acceptor
from opentracker.server.http.responder import HttpResponder
from opentracker.server.loop import READ, WRITE, Handler, Loop
from opentracker.server.sockets import CORKED, reset_on_close
from opentracker.server.system.libc import HalfClose

if WANT_MAX_PEER:
    from opentracker.server.http.slots import ConnectionSlots
    from opentracker.swarm.policy.permissions import Permissions

log = logging.getLogger("opentracker")

READ_SIZE: Final = OT_MAX_REQUEST + 3  # one byte more than the longest request, with an empty line before it
PAUSE: Final = 1.0  # seconds without accepting when descriptors have run out
NEVER: Final = float("inf")
MOST_DRAINED: Final = 1 << 20  # bytes that a refused client may go on sending before it is cut off
MOST_UNSENT: Final = (
    1 << 16
)  # bytes of answers, the last one not counted, that wait for a client to read them

BUDGET: Final = 0.001  # seconds of a turn for one listener's new connections, and for all those that go on
AT_ONCE: Final = 16  # connections that a sweep looks at in one go
LEAST_RATE: Final = 1 << 14  # bytes a second that are to be taken of long answers where places are scarce

NOTHING: Final = 0  # no events

RECEIVING: Final = 0
SENDING: Final = 1
DRAINING: Final = 2


class HttpServer(Handler):
    """What all listening sockets share: the connections that are not finished."""

    def __init__(self, loop: Loop, answers: HttpResponder) -> None:
        self.loop = loop
        self.now = loop.now
        self.answers = answers
        self.connections: dict[int, Connection] = {}
        self.selector = selectors.DefaultSelector()
        # Those that are ready and have not been served yet; the next one last.
        self.late: list[tuple[selectors.SelectorKey, int]] = []
        self.end = 0.0  # of what this turn has for them, in seconds
        self.half_close = HalfClose()
        self.scarcities: list[Callable[[], bool]] = []  # each says whether places of a kind are scarce
        loop.watch(self.selector.fileno(), self, READ)
        if WANT_MAX_PEER:
            self.gate = ConnectionSlots(0, 0, Permissions())
            self.shut: list[Listener] = []  # those that accept nobody until some have gone

    def remember(self, connection: "Connection") -> None:
        """Take note of a connection that is not finished; it may be known already."""
        if connection.fd not in self.connections:
            self.connections[connection.fd] = connection
            if WANT_MAX_PEER:
                self.gate.enter(connection.address)

    def forget(self, connection: "Connection") -> None:
        """Forget a connection that is over; it may never have been noted."""
        if self.connections.pop(connection.fd, None) is None:
            return
        if WANT_MAX_PEER:
            self.gate.leave(connection.address)
            if self.shut and self.gate.has_room():
                for listener in self.shut:
                    listener.go_on()
                self.shut.clear()

    def ready(self, events: int) -> None:
        """Let connections go on for as long as they all may; the rest comes first in the next turn."""
        if not self.late:
            self.late = self.selector.select(0)
            self.late.reverse()
        self.begin()
        while self.late:
            key, what = self.late.pop()
            connection: Connection = key.data
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
        """Whether somebody may be kept waiting for a place."""
        return any(is_scarce() for is_scarce in self.scarcities)

    def may_stay(self, address: bytes) -> bool:
        """Whether a connection may be kept for another request."""
        return self.gate.may_stay(address) if WANT_MAX_PEER else True

    def sweep(self) -> None:
        """Begin to close the connections whose time is up."""
        self.loop.start(self.close_overdue())

    def close_overdue(self) -> Iterator[None]:
        """Close them, in slices; nothing is said to them. Where places are scarce, so are those of who reads slowly."""
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


class Connection(Handler):
    """A connection from its accept to its close."""

    def __init__(self, fd: int, address: bytes, server: HttpServer) -> None:
        self.fd = fd
        self.address = address
        self.server = server
        self.state = RECEIVING
        self.watched = NOTHING  # events the selector looks for; without any it does not know this connection
        self.deadline = server.now.seconds + OT_CLIENT_TIMEOUT
        self.received = b""
        self.unsent = b""
        self.pieces: Pieces | None = None  # of an answer of which there is more than `unsent`
        self.closed = False
        self.taken = 0  # bytes that the socket took
        self.waiting_since = 0.0  # while it takes no more
        self.waited = 0.0  # seconds, in all, before
        self.ends = False  # whether the connection closes after this answer
        self.unread = False  # whether bytes may be waiting that nobody will read
        self.drained = 0

    def ready(self, events: int) -> None:
        """Go on as far as it goes without blocking."""
        if self.closed:  # by a sweep, after it had become ready
            return
        try:
            if self.state == SENDING:
                self.waited += self.server.now.seconds - self.waiting_since
                self.send()
            elif self.state == RECEIVING:
                self.receive()
            else:
                self.drain()
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Close after a fault of ours or for want of memory, from which nobody else is to suffer."""
        log.error("a connection of %s is closed: %r", format_ip(self.address), error, exc_info=error)
        answer = self.server.answers.error(500, False, True)
        if self.state == RECEIVING and not self.closed:  # nothing of an answer has been sent
            try:
                os.write(self.fd, answer)
            except OSError:  # gone, or its socket is full
                pass
        self.close()

    def is_slow(self, seconds: float) -> bool:
        """Whether the client takes its answer at less than LEAST_RATE, or has taken nothing for a while.

        Only the time counts for which the socket was full, not the one for which the tracker had others to serve.
        """
        if self.watched != WRITE:
            return False
        waiting = seconds - self.waiting_since
        bearable = OT_CLIENT_TIMEOUT + self.taken / LEAST_RATE
        return waiting >= OT_CLIENT_TIMEOUT or self.waited + waiting >= bearable

    def receive(self) -> None:
        """Read, and answer as soon as a request is complete."""
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            self.watch(READ)
            return
        except OSError:  # reset by the client
            self.close()
            return
        if not data:
            self.close()
            return
        if len(data) == READ_SIZE:
            self.unread = True
        self.server.answers.counters.tcp_received += len(data)
        self.received += data
        self.answer()

    def answer(self) -> None:
        """Answer the complete requests that have been received, in order; those of one turn, if there are many."""
        out = b""
        while not self.ends and self.pieces is None and (self.received or not out) and len(out) < MOST_UNSENT:
            if out and self.server.is_late():
                break
            request = None
            try:
                request = parse_request(self.received)
                if request is None:
                    break
                self.received = self.received[request.size :]
                if request.keep_alive and not self.server.may_stay(self.address):
                    request.keep_alive = False
                answer = self.server.answers.answer(request, self.address, self.server.now.minute)
                if isinstance(answer, bytes):
                    out += answer
                else:
                    self.pieces = answer
                self.ends = not request.keep_alive
            except HttpError as error:
                if request is None:
                    head_only = begins_head(self.received)
                    out += self.server.answers.refuse(error.status, head_only, self.received, self.address)
                else:
                    out += self.server.answers.error(error.status, request.method == b"HEAD", True)
                self.ends = True
                self.unread = True
        if not out and self.pieces is None:
            self.watch(READ)
            return
        self.unsent = out
        self.state = SENDING
        self.send()

    def send_some(self) -> bool:
        """Send what is unsent; False if there is some left, which waits for the selector, or nobody to send it to."""
        try:
            sent = os.write(self.fd, self.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:  # reset by the client
            self.close()
            return False
        self.server.answers.counters.tcp_sent += sent
        self.taken += sent
        if sent < len(self.unsent):
            self.unsent = self.unsent[sent:]
            self.wait(sent > 0)
            return False
        self.unsent = b""
        return True

    def wait(self, progresses: bool) -> None:
        """Wait for the socket to take more; a new deadline if it took some, or if this is the first time."""
        self.waiting_since = self.server.now.seconds
        if progresses or self.watched != WRITE:
            self.deadline = self.waiting_since + OT_CLIENT_TIMEOUT_SEND
        self.watch(WRITE)

    def send(self) -> None:
        """Send what is left of the answers, then close or wait for the next request."""
        if self.unsent and not self.send_some():
            return
        if self.pieces is not None:
            self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT_SEND
            self.watch(NOTHING)
            self.server.loop.start_answer(self.stream(self.pieces))
        elif not self.ends and self.received and self.server.is_late():
            self.wait(True)  # for the next turn: the socket takes more at once
        elif not self.ends:
            self.state = RECEIVING
            self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT
            if self.received:
                self.answer()
            else:
                self.watch(READ)
        elif self.unread:
            self.start_draining()
        else:
            if CORKED:  # closing at once would, with bytes unread, throw the answer away
                self.server.half_close(self.fd)
            self.close()

    def stream(self, pieces: Pieces) -> Iterator[None]:
        """Send piece after piece, in slices, until the socket is full or the answer is whole."""
        while not self.closed:
            try:
                goes_on = self.send_next(pieces)
            except Exception as error:
                self.fail(error)
                return
            if not goes_on:
                return
            yield

    def send_next(self, pieces: Pieces) -> bool:
        """Send the next piece; False if that was the last one, or not all of it could be sent."""
        piece = next(pieces, None)
        if piece is None:
            self.pieces = None
            self.send()
            return False
        if not piece:
            return True
        self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT_SEND
        self.unsent = piece
        return self.send_some()

    def start_draining(self) -> None:
        """Close our half, and read on: a close with bytes unread would reset the connection, answer and all."""
        self.server.half_close(self.fd)
        self.state = DRAINING
        self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT
        self.drain()

    def drain(self) -> None:
        """Read and forget."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            self.watch(READ)
            return
        except OSError:
            data = b""
        self.drained += len(data)
        if not data or self.drained > MOST_DRAINED:
            self.close()
        else:
            self.watch(READ)

    def watch(self, events: int) -> None:
        """Be called when the connection is ready for `events`, and be known to the sweep."""
        if self.watched == NOTHING:
            if events != NOTHING:
                self.server.selector.register(self.fd, events, self)
            self.server.remember(self)
        elif events == NOTHING:
            self.server.selector.unregister(self.fd)
        elif self.watched != events:
            self.server.selector.modify(self.fd, events, self)
        self.watched = events

    def close(self) -> None:
        """Close, and be forgotten, once: the descriptor may soon be somebody else's.

        Who has not been sent all of an answer is told by a reset: the end of some answers is told by the connection's.
        """
        if self.closed:
            return
        self.closed = True
        if self.watched != NOTHING:
            self.server.selector.unregister(self.fd)
        self.server.forget(self)
        if self.unsent or self.pieces is not None:
            reset_on_close(self.fd)
        os.close(self.fd)
        if self.pieces is not None:
            try:
                self.pieces.close()
            except Exception as error:
                log.error("an answer to %s: %r", format_ip(self.address), error, exc_info=error)


class Listener(Handler):
    """A listening TCP socket."""

    def __init__(self, acceptor: Acceptor, server: HttpServer) -> None:
        self.acceptor = acceptor
        self.fd = acceptor.sock.fileno()
        self.server = server
        self.resume_at = 0.0
        self.paused = False
        server.loop.watch(self.fd, self, READ)

    def ready(self, events: int) -> None:
        """Accept and serve what is waiting, for as long as that may take."""
        self.server.begin()
        for _ in range(self.acceptor.waiting()):
            if WANT_MAX_PEER and self.server.gate.is_full():
                self.pause(NEVER)
                self.server.shut.append(self)
                return
            fd = self.acceptor.accept()
            if fd < 0:
                if self.acceptor.exhausted:
                    self.pause(self.server.now.seconds + PAUSE)
                return
            self.server.answers.counters.tcp_connections += 1
            if WANT_LOG_NETWORKS:
                self.server.answers.tracker.busy.add(self.acceptor.address)
            if WANT_MAX_PEER and self.server.gate.refuses(self.acceptor.address):
                self.server.answers.counters.refused_connections += 1
                os.close(fd)
                continue
            Connection(fd, self.acceptor.address, self.server).ready(READ)
            if self.server.is_late():
                return

    def pause(self, until: float) -> None:
        """Leave the rest waiting in the kernel's queue: a loop that finds them again and again would spin."""
        self.server.loop.unwatch(self.fd)
        self.paused = True
        self.resume_at = until

    def resume(self) -> None:
        """Go on, if it is time to."""
        if self.paused and self.server.now.seconds >= self.resume_at:
            self.go_on()

    def go_on(self) -> None:
        """Accept again; without memory for that, try once more later."""
        try:
            self.server.loop.watch(self.fd, self, READ)
        except OSError as error:
            log.error("no connections are accepted for a moment: %s", error.strerror)
            self.resume_at = self.server.now.seconds + PAUSE
            return
        self.paused = False
