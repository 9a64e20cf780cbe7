"""A connection from its accept to its close, as a machine of five states.

::

    RECEIVING ──bytes──> ANSWERING ──a request──> SENDING ──all sent──> closed, DRAINING, RECEIVING or ANSWERING
        ^────needs more bytes────┘                                      DRAINING ──end of file──> closed
                                 └──another worker's torrent──> WAITING ──its answer──> SENDING

Each state has one step, in `_STEPS`. A step returns True with the connection in its next state, or False if the
connection waits for the selector or for the loop's next slice, or is closed.

A connection that is served in one iteration is never registered with the selector. It waits for the rest of a request,
for room to send an answer, for the next request of a kept connection, or for the bytes that a refused client still
sends.
"""

import logging
import os
from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from opentracker._features import (
    OT_CLIENT_TIMEOUT,
    OT_CLIENT_TIMEOUT_SEND,
    WANT_KEEPALIVE,
    WANT_PROXY_PROTOCOL,
    WANT_WEBTORRENT,
    WANT_WORKERS,
)
from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.http import Request, begins_head, parse_request
from opentracker.server.http.at_once import ANSWERED, GONE, LEFT, PUT_OFF, AtOnce
from opentracker.server.http.channel import PLAIN, Channel
from opentracker.server.http.responder import HttpResponder
from opentracker.server.http.sending import NOTHING, Sending
from opentracker.server.http.server import MOST_UNSENT, READ_SIZE, HttpServer, Successor, Upgrader
from opentracker.server.loop import READ
from opentracker.server.sockets import CORKED

log = logging.getLogger("opentracker")

MOST_DRAINED: Final = 1 << 20  # bytes that a refused client may still send before the close

RECEIVING: Final = 0
ANSWERING: Final = 1
SENDING: Final = 2
DRAINING: Final = 3
WAITING: Final = 4


class Connection(Sending):
    """One client's connection."""

    __slots__ = (
        "at_once",
        "client",
        "drained",
        "ends",
        "head_is_due",
        "received",
        "state",
        "successor",
        "unread",
    )

    def __init__(self, fd: int, address: bytes, server: HttpServer, channel: Channel = PLAIN) -> None:
        super().__init__(fd, address, server, channel)
        self.state = RECEIVING
        self.received = b""
        self.ends = False  # whether the connection closes after this answer
        self.unread = False  # whether the kernel may hold bytes that will not be parsed
        self.drained = 0
        if WANT_WEBTORRENT:
            self.successor: Successor | None = None  # of another protocol, once the answer is sent
        if WANT_PROXY_PROTOCOL:
            self.client = address  # of the requests; the connection may be that of a proxy
            self.head_is_due = False  # whether a head of the PROXY protocol comes first
        self.at_once: AtOnce | None = None  # the reader of this connection's plain announces

    def ready(self, events: int) -> None:
        """See Handler."""
        if self.closed:  # by a sweep, after it had become ready
            return
        if WANT_WORKERS and self.state == WAITING:  # the client sends more or is gone; the answer comes first
            self.watch(NOTHING)
            return
        if self.state == SENDING:
            self.outbox.go_on(self.server.now.seconds)
        if WANT_KEEPALIVE and self.at_once is not None and self.state == RECEIVING and not self.received:
            self.serve_next(self.at_once)
        else:
            self.go_on()

    def serve_next(self, at_once: AtOnce) -> None:
        """Serve the next request of a kept connection, which is a plain announce most times."""
        try:
            outcome = at_once.serve(self.fd, self.address)
        except Exception as error:
            self.fail(error)
            return
        self.take_over(at_once, outcome)

    def go_on(self) -> None:
        """Take step after step until one waits."""
        try:
            while _STEPS[self.state](self):
                pass
        except Exception as error:
            self.fail(error)

    def take_over(self, at_once: AtOnce, outcome: i64) -> None:
        """Continue after `at_once` has read, by its outcome."""
        self.at_once = at_once
        try:
            goes_on = self.resume(at_once, outcome)
        except Exception as error:
            self.fail(error)
            return
        if goes_on:
            self.go_on()

    def fail(self, error: Exception) -> None:
        """Close after a fault of ours or a lack of memory, so that other connections go on."""
        log.error("a connection of %s is closed: %r", format_ip(self.address), error, exc_info=error)
        answer = self.server.answers.error(500, False, True)
        if self.state in (RECEIVING, ANSWERING) and not self.closed:  # no byte of an answer has been sent
            try:
                self.channel.write(self.fd, answer)
            except OSError:  # the client is gone, or the socket is full
                pass
        self.close()

    def is_idle(self) -> bool:
        """Whether no byte of a request has come since the last answer."""
        return self.state == RECEIVING and not self.received

    def is_answered(self) -> bool:
        """Whether all requests that were carried out have their answers, or nothing is read any more."""
        return self.state in (SENDING, DRAINING)

    # ---- Steps: each returns whether the next one may follow at once ----

    def receive(self) -> bool:
        """Read the bytes that have come."""
        try:
            data = self.channel.read(self.fd, READ_SIZE)
        except BlockingIOError:
            self.watch(READ)
            return False
        except OSError:  # reset by the client
            data = b""
        if not data:
            self.close()
            return False
        if len(data) == READ_SIZE:
            self.unread = True
        self.server.answers.counters.tcp_received += len(data)
        self.received += data
        self.state = ANSWERING
        return True

    def answer(self) -> bool:
        """Answer the complete requests that have been received, in order, as far as this iteration's time allows."""
        out = b""
        while not self.ends and self.pieces is None and (self.received or not out) and len(out) < MOST_UNSENT:
            if out and self.server.is_late():
                break
            answer = self.answer_next()
            if WANT_WORKERS and self.server.answers.is_put_off:
                self.outbox.unsent = out
                self.wait_for(self.server.answers)
                return True
            if answer is None:
                break
            out += answer
        if not out and self.pieces is None:
            self.state = RECEIVING
            self.watch(READ)
            return False
        self.outbox.unsent = out
        self.state = SENDING
        return True

    def answer_next(self) -> bytes | None:
        """The answer to the next request; b"" if it comes in `pieces`, None if the request is not complete."""
        answers = self.server.answers
        request = None
        try:
            if WANT_PROXY_PROTOCOL and self.head_is_due and not self.take_head():
                return None
            request = parse_request(self.received)
            if request is None:
                return None
            self.received = self.received[request.size :]
            if request.keep_alive and not self.server.may_stay(self.address):
                request.keep_alive = False
            if WANT_WEBTORRENT and self.server.upgrader is not None and self.server.upgrader.takes(request):
                return self.upgrade(self.server.upgrader, request)
            answer = answers.answer(request, self.asker(), self.server.now.minute)
            self.ends = not request.keep_alive
            if isinstance(answer, bytes):
                return answer
            self.pieces = answer
            return b""
        except HttpError as error:
            self.ends = True
            self.unread = True
            if request is None:
                head_only = begins_head(self.received)
                return answers.refuse(error.status, head_only, self.received, self.address)
            return answers.error(error.status, request.method == b"HEAD", True, error.detail)

    def upgrade(self, upgrader: Upgrader, request: Request) -> bytes:
        """The answer to a request for another protocol. Raises HttpError."""
        answer, self.successor = upgrader.accept(request, self.fd, self.address, self.asker(), self.channel)
        self.ends = True
        return answer

    def take_head(self) -> bool:
        """Read the head of the PROXY protocol; False if it has not come yet. Raises HttpError."""
        if WANT_PROXY_PROTOCOL and self.server.proxy_heads is not None:
            head = self.server.proxy_heads.read(self.received, self.address)
            if head is None:
                return False
            self.received = self.received[head.size :]
            self.client = head.client or self.address
            self.head_is_due = False
        return True

    def asker(self) -> bytes:
        """The address of the client that sends the requests."""
        return self.client if WANT_PROXY_PROTOCOL else self.address

    def send(self) -> bool:
        """Send the rest of the answers, then close or wait for the next request."""
        if self.outbox.unsent and not self.send_some():
            return False
        if self.pieces is not None:
            self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT_SEND
            self.watch(NOTHING)
            self.server.loop.start_answer(self.stream(self.pieces))
            return False
        if WANT_WEBTORRENT and self.successor is not None:
            self.closed = True
            self.successor.take_over(self.watched, self.received)
            return False
        if self.ends:
            return self.end()
        if self.received and self.server.is_late():
            self.wait(True)  # for the next iteration: the socket is writable
            return False
        self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT
        if self.received:
            self.state = ANSWERING
            return True
        self.state = RECEIVING
        self.watch(READ)
        return False

    def end(self) -> bool:
        """Close, after draining if there are unread bytes: they would make the close reset the connection."""
        if self.unread:
            self.server.half_close(self.fd)
            self.state = DRAINING
            self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT
            return True
        if CORKED:  # answer and FIN leave in one segment
            self.server.half_close(self.fd)
        self.close()
        return False

    def drain(self) -> bool:
        """Read and discard."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            self.watch(READ)
            return False
        except OSError:
            data = b""
        self.drained += len(data)
        if not data or self.drained > MOST_DRAINED:
            self.close()
        else:
            self.watch(READ)
        return False

    def wait_for_worker(self) -> bool:
        """Wait for the answer of another worker, which comes by `answered`."""
        if self.watched != READ:  # two system calls less for a kept connection; see `ready`
            self.watch(NOTHING)
        return False

    # ---- Used by several steps ----

    def wait_for(self, answers: HttpResponder) -> None:
        """Wait for the answer that is put off."""
        answers.put_off_to(self)
        self.state = WAITING

    def answered(self, answer: bytes) -> None:
        """See Waiting: send the answer behind those to the requests before, and go on."""
        if self.closed:
            return
        self.outbox.unsent += answer
        self.state = SENDING
        self.go_on()

    def resume(self, at_once: AtOnce, outcome: i64) -> bool:
        """Continue after `at_once` has read, by its outcome; returns as a step does."""
        if outcome == GONE:
            self.close()
            return False
        if outcome in (LEFT, PUT_OFF):
            self.received = at_once.received
            self.outbox.unsent = at_once.unsent
            self.ends = at_once.ends
            self.unread = at_once.unread
            self.state = SENDING if at_once.has_answered else ANSWERING
            if WANT_WORKERS and outcome == PUT_OFF:
                self.wait_for(self.server.answers)
            return True
        if outcome == ANSWERED:
            if at_once.ends:
                return self.end()
            self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT
        self.watch(READ)
        return False


# By state.
_STEPS: Final[list[Callable[[Connection], bool]]] = [
    Connection.receive,
    Connection.answer,
    Connection.send,
    Connection.drain,
    Connection.wait_for_worker,
]
