"""The signals of a tracker, from its first moment to its last.

========= =================================== =====================================
when      SIGINT, SIGTERM                     SIGHUP, SIGUSR1
========= =================================== =====================================
starting  the start is given up, status 0     kept until the tracker serves
serving   the end begins                      their action, by the loop, once
ending    change nothing                      change nothing
========= =================================== =====================================

A service manager may send two signals in a row, such as SIGINT and SIGTERM: nothing interrupts an end that has begun,
or the state would be lost. SIGPIPE is ignored all the time.
"""

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

from opentracker.server.loop import READ, Handler, Loop

ENDING: Final = (signal.SIGINT, signal.SIGTERM)
ASKING: Final = (signal.SIGHUP, signal.SIGUSR1)


def begin() -> None:
    """Let signals end the command before there is a tracker, and keep those that ask for something until there is one.

    The command has had all of them wait so far.
    """
    for number in ENDING:
        signal.signal(number, give_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def give_up(number: int, frame: FrameType | None) -> None:
    """End the command with the status that a shell gives to one that a signal has ended."""
    raise SystemExit(128 + number)


class Signals(Handler):
    """Takes the signals of this process; `actions` are called by the loop, not in the middle of something else."""

    def __init__(self) -> None:
        self.loop: Loop | None = None  # none while the tracker starts
        self.actions: dict[int, Callable[[], None]] = {}
        self.asked: list[int] = []
        self.inbox, self.outbox = socket.socketpair()
        self.inbox.setblocking(False)
        self.outbox.setblocking(False)

    def install(self) -> None:
        """Take over the signals of this process, whose main thread this is."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        for number in ENDING:
            signal.signal(number, self.caught)
        for number in ASKING:
            signal.signal(number, self.noted)
        # A select that a signal interrupts is taken up again by Python: only a byte to read ends it.
        signal.set_wakeup_fd(self.outbox.fileno(), warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*ENDING, *ASKING))

    def serve(self, loop: Loop, actions: dict[int, Callable[[], None]]) -> None:
        """Let signals end a loop from now on, or have actions done; those that have come already are first."""
        self.loop = loop
        self.actions = actions
        loop.watch(self.inbox.fileno(), self, READ)

    def caught(self, number: int, frame: FrameType | None) -> None:
        """Note a signal to end. Raises SystemExit while the tracker starts."""
        if self.loop is None:
            raise SystemExit(0)
        self.loop.stopping = True

    def noted(self, number: int, frame: FrameType | None) -> None:
        """Note a signal that has an action."""
        if number not in self.asked:
            self.asked.append(number)

    def ready(self, events: int) -> None:
        """Take the wake-up bytes away, and do what was asked for."""
        try:
            self.inbox.recv(64)
        except BlockingIOError:  # another byte's turn took this one too
            pass
        while self.asked:
            number = self.asked.pop(0)
            if number in self.actions:
                self.actions[number]()

    def close(self) -> None:
        """Take no more signals: those that still come are ignored, to the very end of the process."""
        for number in (*ENDING, *ASKING):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self.inbox.close()
        self.outbox.close()
