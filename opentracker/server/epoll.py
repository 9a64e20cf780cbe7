"""The Selector of Linux: epoll, without the loop of `selectors` over ready descriptors."""

import select
from typing import Final

from opentracker.server.selector import READ, WRITE, Handler, Selector

# READ, WRITE and both as epoll has them.
_WANTED: Final = [0, select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT]
_IN: Final[int] = select.EPOLLIN
_OUT: Final[int] = select.EPOLLOUT


class EpollSelector(Selector):
    """See Selector."""

    def __init__(self) -> None:
        super().__init__()
        self.epoll = select.epoll()

    def register(self, fd: int, events: int, handler: Handler) -> None:
        """See Selector."""
        self.epoll.register(fd, _WANTED[events])
        self.watched[fd] = (handler, events)

    def modify(self, fd: int, events: int, handler: Handler) -> None:
        """See Selector."""
        self.epoll.modify(fd, _WANTED[events])
        self.watched[fd] = (handler, events)

    def unregister(self, fd: int) -> None:
        """See Selector."""
        del self.watched[fd]
        try:
            self.epoll.unregister(fd)
        except OSError:  # the descriptor was closed before
            pass

    def select(self, timeout: float | None) -> list[tuple[Handler, int]]:
        """See Selector."""
        ready: list[tuple[Handler, int]] = []
        for fd, found in self.epoll.poll(timeout):
            handler, events = self.watched[fd]
            # Any other answer is an error, the end of the connection, or both events.
            if found == _IN:
                events = READ
            elif found == _OUT:
                events = WRITE
            ready.append((handler, events))
        return ready

    def fileno(self) -> int:
        """See Selector."""
        return self.epoll.fileno()

    def close(self) -> None:
        """See Selector."""
        self.epoll.close()
