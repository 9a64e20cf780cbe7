"""Waiting for file descriptors: which of them are ready, and what handles each.

The Selector is the kernel's epoll (see `epoll`), or the standard library's selectors on systems without it. On the
others their loop over ready descriptors would cost a twentieth of an announce over a kept connection.
"""

import select
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
    """Descriptors with the events that are waited for, and the handler of each. `watched` has both."""

    def __init__(self) -> None:
        self.watched: dict[int, tuple[Handler, int]] = {}

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """Wait for READ, WRITE or both of a descriptor that is not registered. Raises OSError if the kernel refuses."""
        raise NotImplementedError

    def modify(self, fd: int, events: int, handler: Handler) -> None:
        """Wait for other events of a registered descriptor."""
        raise NotImplementedError

    def unregister(self, fd: int) -> None:
        """Stop waiting for a descriptor, which has to be open still."""
        raise NotImplementedError

    def select(self, timeout: float | None) -> list[tuple[Handler, int]]:
        """Wait up to `timeout` seconds (None: without end); handlers with their events, READ, WRITE or both.

        An error, or a connection that the client has closed, counts as all the events that are waited for.
        """
        raise NotImplementedError

    def fileno(self) -> int:
        """A descriptor that is readable while any registered one is ready."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the descriptor."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class PlainSelector(Selector):
    """Waits by the standard library's selectors."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = selectors.DefaultSelector()

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """See Selector."""
        self.plain.register(fd, events)
        self.watched[fd] = (handler, events)

    def modify(self, fd: int, events: int, handler: Handler) -> None:
        """See Selector."""
        self.plain.modify(fd, events)
        self.watched[fd] = (handler, events)

    def unregister(self, fd: int) -> None:
        """See Selector."""
        del self.watched[fd]
        self.plain.unregister(fd)

    def select(self, timeout: float | None) -> list[tuple[Handler, int]]:
        """See Selector."""
        return [(self.watched[key.fd][0], events) for key, events in self.plain.select(timeout)]

    def fileno(self) -> int:
        """See Selector. Only the selectors of systems that the tracker runs on have one."""
        fd: int = self.plain.fileno()
        return fd

    def close(self) -> None:
        """See Selector."""
        self.plain.close()


def has_epoll() -> bool:
    """Whether this system has epoll."""
    return hasattr(select, "epoll")
