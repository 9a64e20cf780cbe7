"""The door between a connection and its socket: reads and writes of bare descriptors, as of Python's `os`.

A plain connection's channel is the module `os` itself, so that the door costs nothing. Another channel translates, and
keeps the contract of `os`: a call that would block raises BlockingIOError, and a call on a connection that is over
raises OSError or returns b"".
"""

import os
from typing import Final, Protocol


class Channel(Protocol):
    """Reads and writes the bytes of requests and answers."""

    def read(self, fd: int, size: int, /) -> bytes:
        """The bytes that have come, about `size` at most; b"" at their end."""

    def write(self, fd: int, data: bytes, /) -> int:
        """Send the beginning of `data`; returns the number of its bytes that have been taken.

        After BlockingIOError the next call has the same beginning.
        """


PLAIN: Final[Channel] = os
