"""A connection to a TLS port up to the end of its handshake, and the connection that it becomes.

The time for the handshake and for the first request is that of a plain connection for its request. Each failure is
counted by its kind; the client gets the alert that TLS has for it. A client that speaks HTTP gets a 400 that tells it.
"""

import logging
import os
import ssl
from typing import Final

from opentracker._features import OT_CLIENT_TIMEOUT, WANT_PROXY_PROTOCOL
from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.http import begins_head, write_error
from opentracker.server.http.connection import ANSWERING, MOST_DRAINED, Connection
from opentracker.server.http.sending import NOTHING
from opentracker.server.http.server import READ_SIZE, HttpServer, Unfinished
from opentracker.server.loop import READ, WRITE
from opentracker.server.tls.channel import TlsChannel
from opentracker.server.tls.metrics import (
    ALERT,
    CIPHER,
    GONE,
    INVALID,
    PLAIN_HTTP,
    TIMEOUT,
    VERSION,
    HandshakeCounts,
)

log = logging.getLogger("opentracker")

PLAIN_TEXT: Final = b"this port speaks TLS: use https://"
# OpenSSL's reasons of failures -> the kinds that are counted; the reason of an alert by the client has ALERT in it.
KINDS: Final = {
    "UNSUPPORTED_PROTOCOL": VERSION,
    "UNKNOWN_PROTOCOL": VERSION,
    "WRONG_SSL_VERSION": VERSION,
    "WRONG_VERSION_NUMBER": VERSION,
    "VERSION_TOO_LOW": VERSION,
    "NO_SHARED_CIPHER": CIPHER,
    "NO_SUITABLE_SIGNATURE_ALGORITHM": CIPHER,
    "NO_SUITABLE_KEY_SHARE": CIPHER,
    "NO_SHARED_SIGNATURE_ALGORITHMS": CIPHER,
}


def kind_of(error: ssl.SSLError) -> str:
    """The kind of a failed handshake."""
    reason = error.reason or ""
    return KINDS.get(reason, ALERT if "ALERT" in reason else INVALID)


class TlsConnection(Connection):
    """A connection whose answers end with a record of TLS."""

    __slots__ = ("tls",)

    def __init__(self, fd: int, address: bytes, server: HttpServer, channel: TlsChannel) -> None:
        super().__init__(fd, address, server, channel)
        self.tls = channel

    def is_idle(self) -> bool:
        """See Connection; a client that has shaken hands is about to ask."""
        return self.tls.has_answered and super().is_idle()

    def end(self) -> bool:
        """See Connection."""
        self.tls.say_goodbye(self.fd)
        return super().end()


class Handshake(Unfinished):
    """A connection in its handshake; one that has failed is drained, so that its client can read the alert."""

    __slots__ = (
        "channel",
        "client",
        "counts",
        "drained",
        "has_begun",
        "has_failed",
        "head",
        "head_is_due",
        "is_closed",
        "server",
        "watched",
    )

    def __init__(
        self, fd: int, address: bytes, server: HttpServer, context: ssl.SSLContext, counts: HandshakeCounts
    ) -> None:
        super().__init__(fd, address, server.now.seconds + OT_CLIENT_TIMEOUT)
        self.server = server
        self.counts = counts
        self.channel = TlsChannel(context)
        self.watched = NOTHING
        self.drained = 0
        self.has_begun = False
        self.has_failed = False
        self.is_closed = False
        if WANT_PROXY_PROTOCOL:
            self.client = address  # of the requests; the connection may be that of a proxy
            self.head = b""  # of the PROXY protocol, as far as it has come
            self.head_is_due = server.has_head(address)

    def ready(self, events: int) -> None:
        """See Handler."""
        if not self.is_closed:
            self.go_on()

    def is_slow(self, seconds: float) -> bool:
        """See Unfinished: no answer has begun."""
        return False

    def go_on(self) -> None:
        """Read and write as far as the socket allows."""
        try:
            if self.has_failed:
                self.drain()
            elif self.channel.flush(self.fd):
                self.receive()
            else:
                self.watch(WRITE)
        except OSError:  # reset by the client
            self.leave()
        except Exception as error:
            log.error("a handshake of %s is given up: %r", format_ip(self.address), error, exc_info=error)
            self.leave()

    def receive(self) -> None:
        """Read the client's next records, and answer them."""
        try:
            data = os.read(self.fd, READ_SIZE)
        except BlockingIOError:
            self.watch(READ)
            return
        self.server.answers.counters.tcp_received += len(data)
        if not data:
            self.leave()
            return
        if WANT_PROXY_PROTOCOL and self.head_is_due:
            data = self.take_head(data)
            if not data or self.has_failed:
                return
        if not self.has_begun and data[:1].isalpha():
            self.refuse_plain(data)
        else:
            self.has_begun = True
            self.channel.feed(data)
            self.shake()

    def take_head(self, data: bytes) -> bytes:
        """Read the head of the PROXY protocol; returns the bytes behind it, none until it has come."""
        if WANT_PROXY_PROTOCOL and self.server.proxy_heads is not None:
            self.head += data
            try:
                head = self.server.proxy_heads.read(self.head, self.address)
            except HttpError:
                self.counts.failed(INVALID, self.address, "a malformed head of the PROXY protocol")
                self.refuse()
                return b""
            if head is None or len(self.head) == head.size:
                self.watch(READ)
            if head is None:
                return b""
            data = self.head[head.size :]
            self.client = head.client or self.address
            self.head_is_due = False
        return data

    def shake(self) -> None:
        """Let the session answer, and begin the connection when the handshake is complete."""
        try:
            is_complete = self.channel.shake()
        except ssl.SSLError as error:
            self.counts.failed(kind_of(error), self.address, error.reason or "")
            self.channel.flush(self.fd)  # the alert
            self.refuse()
            return
        if is_complete:
            self.counts.completed(self.channel.session.session_reused or False)
            self.become()
            return
        self.watch(READ if self.channel.flush(self.fd) else WRITE)

    def become(self) -> None:
        """Hand over to a connection, together with the text that came with the end of the handshake."""
        connection = TlsConnection(self.fd, self.address, self.server, self.channel)
        connection.deadline = self.deadline
        connection.watched = self.watched
        if WANT_PROXY_PROTOCOL:
            connection.client = self.client
        self.is_closed = True
        if self.watched != NOTHING:
            self.server.replace(connection, self.watched)
        text, is_over = self.channel.decrypt()
        if text:
            connection.received = text
            connection.state = ANSWERING
        elif is_over:
            connection.close()
            return
        else:
            self.channel.flush(self.fd)  # the session tickets, which otherwise leave with the answer
        connection.go_on()

    def refuse_plain(self, data: bytes) -> None:
        """Answer a client that speaks another protocol than TLS, which nearly always is HTTP."""
        self.counts.failed(PLAIN_HTTP, self.address, "")
        self.server.answers.counters.count_status(400, False)
        os.write(self.fd, write_error(400, begins_head(data), PLAIN_TEXT))
        self.refuse()

    def refuse(self) -> None:
        """Half-close and drain: unread bytes would make the close reset the connection."""
        self.has_failed = True
        self.server.half_close(self.fd)
        self.drain()

    def drain(self) -> None:
        """Read and discard."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            self.watch(READ)
            return
        self.drained += len(data)
        if not data or self.drained > MOST_DRAINED:
            self.close()
        else:
            self.watch(READ)

    def leave(self) -> None:
        """Close after the client has left."""
        if not self.has_failed:
            self.counts.failed(GONE, self.address, "")
        self.has_failed = True
        self.close()

    def watch(self, events: int) -> None:
        """Register with the selector, and with the server's sweep."""
        if self.watched == NOTHING:
            self.server.selector.register(self.fd, events, self)
            self.server.remember(self)
        elif self.watched != events:
            self.server.selector.modify(self.fd, events, self)
        self.watched = events

    def close(self) -> None:
        """See Unfinished; a handshake that is closed before its end was too slow."""
        if self.is_closed:
            return
        self.is_closed = True
        if not self.has_failed:
            self.counts.failed(TIMEOUT, self.address, "")
        if self.watched != NOTHING:
            self.server.selector.unregister(self.fd)
        self.server.forget(self)
        os.close(self.fd)
