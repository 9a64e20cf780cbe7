"""The end of a new connection that `at_once` has served: most are closed, the others go on as a Connection."""

import os

from mypy_extensions import i64

from opentracker.server.http.at_once import ANSWERED, GONE, AtOnce
from opentracker.server.http.connection import Connection
from opentracker.server.sockets import CORKED


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
