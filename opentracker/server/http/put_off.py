"""A connection of one plain announce that waits for the answer of another worker."""

import os
from typing import Final

from opentracker._features import OT_CLIENT_TIMEOUT
from opentracker.server.http.at_once import AtOnce
from opentracker.server.http.connection import Connection
from opentracker.server.http.server import Unfinished
from opentracker.server.http.settling import settle

CLOSED: Final = -1


class PutOff(Unfinished):
    """A connection whose last answer another worker gives. Its client has sent all of the request, and is not heard."""

    __slots__ = ("at_once",)

    def __init__(self, fd: int, address: bytes, at_once: AtOnce) -> None:
        server = at_once.server
        super().__init__(fd, address, server.now.seconds + OT_CLIENT_TIMEOUT)
        self.at_once = at_once
        server.remember(self)
        server.answers.put_off_to(self)

    def is_slow(self, seconds: float) -> bool:
        """See Unfinished: no answer has begun."""
        return False

    def answered(self, answer: bytes) -> None:
        """See Waiting."""
        fd = self.fd
        if fd == CLOSED:
            return
        at_once = self.at_once
        self.leave()
        try:
            outcome = at_once.send_last(fd, answer)
        except Exception as error:
            Connection(fd, self.address, at_once.server).fail(error)
            return
        settle(at_once, fd, self.address, outcome)

    def close(self) -> None:
        """See Unfinished."""
        if self.fd != CLOSED:
            fd = self.fd
            self.leave()
            os.close(fd)

    def leave(self) -> None:
        """Give the descriptor away."""
        self.at_once.server.forget(self)
        self.fd = CLOSED
