"""Waiting for file descriptors, by the standard library's selectors: which are ready, and what handles each."""

import selectors
from typing import Final

from mypy_extensions import mypyc_attr

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE


@mypyc_attr(allow_interpreted_subclasses=True)
class Handler:
    """Called by the loop when a file descriptor is ready."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        """Read or write without blocking; `events` is READ, WRITE or both."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Selector:
    """The best selector of this system; `watched` has each descriptor's handler."""

    def __init__(self) -> None:
        self.watched: dict[int, Handler] = {}
        self.selector = selectors.DefaultSelector()

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """Wait for READ, WRITE or both of a descriptor that is not registered. Raises OSError if the kernel refuses."""
        self.selector.register(fd, events, handler)
        self.watched[fd] = handler

    def modify(self, fd: int, events: int, handler: Handler) -> None:
        """Wait for other events of a registered descriptor."""
        self.selector.modify(fd, events, handler)
        self.watched[fd] = handler

    def unregister(self, fd: int) -> None:
        """Stop waiting for a descriptor, which has to be open still."""
        del self.watched[fd]
        self.selector.unregister(fd)

    def select(self, timeout: float | None) -> list[tuple[Handler, int]]:
        """Wait up to `timeout` seconds (None: without end); handlers with their events, READ, WRITE or both.

        An error, or a connection that the client has closed, counts as all the events that are waited for.
        """
        return [(key.data, events) for key, events in self.selector.select(timeout)]

    def fileno(self) -> int:
        """A descriptor that is readable while any registered one is ready.

        Only the selectors of systems that the tracker runs on have one.
        """
        fd: int = self.selector.fileno()
        return fd

    def close(self) -> None:
        """Free the descriptor."""
        self.selector.close()
