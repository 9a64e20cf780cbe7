"""What is on its way to a client, and how readily the client takes it."""

import os
from typing import Final

from opentracker._features import OT_CLIENT_TIMEOUT

LEAST_RATE: Final = 1 << 14  # bytes a second that a client has to take of long answers when slots are scarce
NOT_WAITING: Final = -1.0


class Outbox:
    """The bytes of answers that a connection's socket has not taken yet.

    `taken` counts the bytes that the socket took. `waited` are the seconds for which it was full, but for the time
    since `waiting_since`.
    """

    __slots__ = ("fd", "taken", "unsent", "waited", "waiting_since")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.unsent = b""
        self.taken = 0
        self.waited = 0.0
        self.waiting_since = NOT_WAITING

    def send(self) -> bool:
        """Send what is unsent; whether the socket took some of it. Raises OSError for a client that is gone."""
        try:
            sent = os.write(self.fd, self.unsent)
        except BlockingIOError:
            return False
        self.taken += sent
        self.unsent = self.unsent[sent:]
        return sent > 0

    def wait(self, seconds: float) -> None:
        """Note that the socket is full."""
        self.waiting_since = seconds

    def go_on(self, seconds: float) -> None:
        """Note that the socket takes more."""
        self.waited += seconds - self.waiting_since
        self.waiting_since = NOT_WAITING

    def is_slow(self, seconds: float) -> bool:
        """Whether the client takes its answer at less than LEAST_RATE, or has taken nothing for a while.

        Only the time counts for which the socket was full, not the time for which the tracker had others to serve.
        """
        if self.waiting_since == NOT_WAITING:
            return False
        waiting = seconds - self.waiting_since
        bearable = OT_CLIENT_TIMEOUT + self.taken / LEAST_RATE
        return waiting >= OT_CLIENT_TIMEOUT or self.waited + waiting >= bearable
