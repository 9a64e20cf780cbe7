"""The half of a connection that sends: what is unsent, how long a client may take, and the close.

A short answer is in the outbox. A long one comes in pieces, and the loop sends them in slices between its other work.
"""

import logging
import os
from collections.abc import Iterator
from typing import Final

from opentracker._features import OT_CLIENT_TIMEOUT, OT_CLIENT_TIMEOUT_SEND
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.pages import Pieces
from opentracker.server.http.channel import Channel
from opentracker.server.http.outbox import Outbox
from opentracker.server.http.server import HttpServer, Unfinished
from opentracker.server.loop import WRITE
from opentracker.server.sockets import reset_on_close

log = logging.getLogger("opentracker")

NOTHING: Final = 0  # no events


class Sending(Unfinished):
    """Sends answers; `go_on` of the subclass is called when all of one are sent."""

    __slots__ = ("channel", "closed", "outbox", "pieces", "server", "watched")

    def __init__(self, fd: int, address: bytes, server: HttpServer, channel: Channel) -> None:
        super().__init__(fd, address, server.now.seconds + OT_CLIENT_TIMEOUT)
        self.server = server
        self.channel = channel
        self.watched = NOTHING  # events registered with the selector; NOTHING: not registered
        self.outbox = Outbox(fd, channel)
        self.pieces: Pieces | None = None  # the rest of a long answer, behind the outbox
        self.closed = False

    def go_on(self) -> None:
        """Continue with the next request, or close."""
        raise NotImplementedError

    def fail(self, error: Exception) -> None:
        """Close after a fault, and log it."""
        raise NotImplementedError

    def is_slow(self, seconds: float) -> bool:
        """See Unfinished."""
        return self.outbox.is_slow(seconds)

    def send_some(self) -> bool:
        """Send the outbox; False if bytes are left, which wait for the selector, or if the client is gone."""
        taken = self.outbox.taken
        try:
            progresses = self.outbox.send()
        except OSError:  # reset by the client
            self.close()
            return False
        self.server.answers.counters.tcp_sent += self.outbox.taken - taken
        if self.outbox.unsent:
            self.wait(progresses)
            return False
        return True

    def wait(self, progresses: bool) -> None:
        """Wait until the socket is writable; sets a new deadline if it took bytes, or at the first time."""
        seconds = self.server.now.seconds
        self.outbox.wait(seconds)
        if progresses or self.watched != WRITE:
            self.deadline = seconds + OT_CLIENT_TIMEOUT_SEND
        self.watch(WRITE)

    def stream(self, pieces: Pieces) -> Iterator[None]:
        """Send piece after piece, in slices, until the socket is full or the answer ends."""
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
        """Send the next piece; False if there was none, or if bytes of it are unsent."""
        piece = next(pieces, None)
        if piece is None:
            self.pieces = None
            self.go_on()
            return False
        if not piece:
            return True
        self.deadline = self.server.now.seconds + OT_CLIENT_TIMEOUT_SEND
        self.outbox.unsent = piece
        return self.send_some()

    def watch(self, events: int) -> None:
        """Register for `events` with the selector, and with the server's sweep."""
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
        """Close once: another connection may soon have the same descriptor.

        The connection is reset if the response was cut short: for close-delimited responses a FIN would look like
        success.
        """
        if self.closed:
            return
        self.closed = True
        if self.watched != NOTHING:
            self.server.selector.unregister(self.fd)
        self.server.forget(self)
        if self.outbox.unsent or self.pieces is not None:
            reset_on_close(self.fd)
        os.close(self.fd)
        if self.pieces is not None:
            try:
                self.pieces.close()
            except Exception as error:
                log.error("an answer to %s: %r", format_ip(self.address), error, exc_info=error)
