"""Takers of the answer of another worker: a client's connection, or a call."""

from collections.abc import Callable

from opentracker.server.selector import Handler


class Waiting(Handler):
    """Takes an answer of another worker."""

    __slots__ = ()

    def answered(self, answer: bytes) -> None:
        """Take the answer."""
        raise NotImplementedError


class WaitingCall(Waiting):
    """Calls `done` with the answer."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[bytes], None]) -> None:
        self.done = done

    def answered(self, answer: bytes) -> None:
        """See Waiting."""
        self.done(answer)
