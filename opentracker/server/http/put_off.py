"""The end of a connection of one plain announce: at once, or after the answer of another worker."""

import os
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLIENT_TIMEOUT
from opentracker.server.http.at_once import ANSWERED, GONE, AtOnce
from opentracker.server.http.connection import Connection
from opentracker.server.http.server import Unfinished
from opentracker.server.sockets import CORKED

CLOSED: Final = -1


def settle(at_once: AtOnce, fd: int, address: bytes, outcome: i64) -> None:
    """Close a connection that `at_once` has served to its end; make a Connection of any other."""
    if outcome == GONE:
        os.close(fd)
    elif outcome == ANSWERED and at_once.ends:
        if CORKED:  # answer and FIN leave in one segment
            at_once.server.half_close(fd)
        os.close(fd)
    else:
        Connection(fd, address, at_once.server).take_over(at_once, outcome)


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
