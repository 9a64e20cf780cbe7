"""Listening TCP sockets: accepting connections, within the limits."""

import logging
import os
from typing import Final

from opentracker._features import (
    WANT_COMPILED,
    WANT_LOG_NETWORKS,
    WANT_MAX_PEER,
    WANT_PROXY_PROTOCOL,
    WANT_WORKERS,
)
from opentracker.server.http.accepting import Acceptor
from opentracker.server.http.at_once import AtOnce
from opentracker.server.http.connection import Connection
from opentracker.server.http.server import HttpServer
from opentracker.server.http.settling import settle
from opentracker.server.loop import READ, Handler

if WANT_COMPILED:
    from opentracker.server.http.in_one_pass import InOnePass
else:
    from opentracker.server.http.by_known_head import ByKnownHead
if WANT_WORKERS:
    from opentracker.server.http.at_once import PUT_OFF
    from opentracker.server.http.put_off import PutOff

log = logging.getLogger("opentracker")

PAUSE: Final = 1.0  # seconds without accepting when descriptors have run out
NEVER: Final = float("inf")


class Listener(Handler):
    """A listening TCP socket."""

    def __init__(self, acceptor: Acceptor, server: HttpServer) -> None:
        self.acceptor = acceptor
        self.fd = acceptor.sock.fileno()
        self.server = server
        if WANT_COMPILED:
            self.at_once: AtOnce = InOnePass(server)
        else:
            self.at_once = ByKnownHead(server)
        self.resume_at = 0.0
        self.paused = False
        server.loop.watch(self.fd, self, READ)

    def ready(self, events: int) -> None:
        """Accept and serve the waiting connections, until the time of this iteration is used up."""
        self.server.begin()
        for _ in range(self.acceptor.waiting()):
            if WANT_MAX_PEER and self.server.gate.is_full():
                self.pause(NEVER)
                self.server.shut.append(self.go_on)
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
            self.serve(fd, self.acceptor.address)
            if self.server.is_late():
                return

    def serve(self, fd: int, address: bytes) -> None:
        """Read from a new connection, answer and close it at once, if possible."""
        if WANT_PROXY_PROTOCOL and self.server.has_head(address):
            connection = Connection(fd, address, self.server)
            connection.head_is_due = True
            connection.go_on()
            return
        try:
            outcome = self.at_once.serve(fd, address)
        except Exception as error:
            Connection(fd, address, self.server).fail(error)
            return
        if WANT_WORKERS and outcome == PUT_OFF and self.at_once.is_over():
            PutOff(fd, address, self.at_once)
        else:
            settle(self.at_once, fd, address, outcome)

    def pause(self, until: float) -> None:
        """Stop accepting, and leave connections in the backlog: a watched listener would wake the loop all the time."""
        self.server.loop.unwatch(self.fd)
        self.paused = True
        self.resume_at = until

    def resume(self) -> None:
        """Accept again, if the pause is over."""
        if self.paused and self.server.now.seconds >= self.resume_at:
            self.go_on()

    def go_on(self) -> None:
        """Accept again; if the kernel lacks memory for that, try again later."""
        try:
            self.server.loop.watch(self.fd, self, READ)
        except OSError as error:
            log.error("no connections are accepted for a moment: %s", error.strerror)
            self.resume_at = self.server.now.seconds + PAUSE
            return
        self.paused = False
