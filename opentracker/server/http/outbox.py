"""The unsent bytes of a connection's answers, and the rate at which the client takes them."""

from typing import Final

from opentracker._features import OT_CLIENT_TIMEOUT
from opentracker.server.http.channel import PLAIN, Channel

LEAST_RATE: Final = 1 << 14  # bytes a second that a client has to take of long answers when slots are scarce
NOT_WAITING: Final = -1.0


class Outbox:
    """The bytes of answers that a connection's socket has not taken yet.

    `taken` counts the bytes that the socket took. `waited` are the seconds for which it was full, without the current
    wait, which began at `waiting_since`.
    """

    __slots__ = ("channel", "fd", "taken", "unsent", "waited", "waiting_since")

    def __init__(self, fd: int, channel: Channel = PLAIN) -> None:
        self.fd = fd
        self.channel = channel
        self.unsent = b""
        self.taken = 0
        self.waited = 0.0
        self.waiting_since = NOT_WAITING

    def send(self) -> bool:
        """Send unsent bytes; returns whether the socket took any. Raises OSError for a client that is gone."""
        try:
            sent = self.channel.write(self.fd, self.unsent)
        except BlockingIOError:
            return False
        self.taken += sent
        self.unsent = self.unsent[sent:]
        return sent > 0

    def wait(self, seconds: float) -> None:
        """Record that the socket is full."""
        self.waiting_since = seconds

    def go_on(self, seconds: float) -> None:
        """Record that the socket is writable again."""
        self.waited += seconds - self.waiting_since
        self.waiting_since = NOT_WAITING

    def is_slow(self, seconds: float) -> bool:
        """Whether the client takes its answer at less than LEAST_RATE, or has taken nothing for a while.

        Only the time with a full socket counts, not the time in which the tracker served other clients.
        """
        if self.waiting_since == NOT_WAITING:
            return False
        waiting = seconds - self.waiting_since
        bearable = OT_CLIENT_TIMEOUT + self.taken / LEAST_RATE
        return waiting >= OT_CLIENT_TIMEOUT or self.waited + waiting >= bearable
