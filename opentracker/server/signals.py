"""The signals of a tracker, from its start to its end.

========= =================================== =====================================
when      SIGINT, SIGTERM                     SIGHUP, SIGUSR1, SIGUSR2
========= =================================== =====================================
starting  the start is abandoned, status 0    kept until the tracker serves
serving   the end begins                      the loop calls their action once
ending    ignored                             ignored
========= =================================== =====================================

A service manager may send two signals in a row, such as SIGINT and SIGTERM. No signal interrupts an end that has begun,
since the state would be lost. SIGPIPE is always ignored.
"""

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

from opentracker.server.loop import READ, Handler, Loop

ENDING: Final = (signal.SIGINT, signal.SIGTERM)
ASKING: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def begin() -> None:
    """Let SIGINT and SIGTERM end the command before there is a tracker; the others stay blocked until then.

    The command has blocked all of them before.
    """
    for number in ENDING:
        signal.signal(number, give_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def give_up(number: int, frame: FrameType | None) -> None:
    """End the command with a shell's status for a command that was ended by a signal."""
    raise SystemExit(128 + number)


class Signals(Handler):
    """Handles the signals of this process; the loop calls `actions`, so they never interrupt other code."""

    def __init__(self) -> None:
        self.loop: Loop | None = None  # none while the tracker starts
        self.actions: dict[int, Callable[[], None]] = {}
        self.asked: list[int] = []
        self.inbox, self.outbox = socket.socketpair()
        self.inbox.setblocking(False)
        self.outbox.setblocking(False)

    def install(self) -> None:
        """Install the handlers; called in the main thread."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in ENDING:
            signal.signal(number, self.caught)
        for number in ASKING:
            signal.signal(number, self.noted)
        # Python retries a select that a signal has interrupted, so a byte to read has to end it.
        signal.set_wakeup_fd(self.outbox.fileno(), warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *ASKING))

    def serve(self, loop: Loop, actions: dict[int, Callable[[], None]]) -> None:
        """Let signals end a loop, or call actions; signals that have come already are handled first."""
        self.loop = loop
        self.actions = actions
        loop.watch(self.inbox.fileno(), self, READ)

    def caught(self, number: int, frame: FrameType | None) -> None:
        """Stop the loop. Raises SystemExit while the tracker starts."""
        if self.loop is None:
            raise SystemExit(0)
        self.loop.stopping = True

    def noted(self, number: int, frame: FrameType | None) -> None:
        """Remember a signal that has an action."""
        if number not in self.asked:
            self.asked.append(number)
        # In compiled builds Python may call this after `ready` has read the wake-up byte.
        try:
            self.outbox.send(b"\0")
        except BlockingIOError:  # there are bytes enough
            pass

    def ready(self, events: int) -> None:
        """Read the wake-up bytes, and call the actions of the signals that came."""
        try:
            self.inbox.recv(64)
        except BlockingIOError:  # an earlier call read this byte too
            pass
        while self.asked:
            number = self.asked.pop(0)
            if number in self.actions:
                self.actions[number]()

    def close(self) -> None:
        """Ignore all signals until the end of the process."""
        for number in (*ENDING, *ASKING):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self.inbox.close()
        self.outbox.close()
