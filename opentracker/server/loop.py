"""The one loop: it waits for sockets, runs what is due, and advances long work in slices.

Long work is a generator that yields often; each turn gives it about a millisecond, so that announces are answered
meanwhile. There is the tracker's own, such as cleaning, and there are answers to strangers, of which there may be
thousands: each kind has every other slice, or whoever asks for enough would keep the tracker from cleaning. The lengths
of all iterations are counted; the longest one is the longest time that a datagram had to wait for us. Work that is not
finished is closed: a compiled generator that is merely dropped would not run its `finally`.

After a short turn the loop naps for a moment, as network cards do before they interrupt: waking up for one connection
costs as much as serving it. A request that finds the tracker idle is served at once, one that follows on its heels
waits for a fifth of a millisecond at most; a busy loop has long turns and never naps.
"""

import logging
import selectors
import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from typing import Final

from opentracker.errors import InvariantError
from opentracker.server.clock import Now
from opentracker.swarm.counting.core_gauges import ITERATIONS

log = logging.getLogger("opentracker")

NAP: Final = 0.0001  # seconds of rest after a shorter turn: what comes in meanwhile is served in one go
SLICE: Final = 0.001  # seconds of a turn that long work may fill up, behind the sockets
LEAST_SLICE: Final = SLICE / 8  # and what it has of a turn that the sockets have filled
MOST_FAULTS: Final = (
    1000  # turns in a row that end in a fault: nobody is served any more, and a restart may help
)
READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE


class Handler:
    """What the loop calls when a file descriptor is ready."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        """Read or write without blocking; `events` is READ, WRITE or both."""
        raise NotImplementedError


class Timer:
    """Something to be done every `interval` seconds."""

    def __init__(self, due: float, interval: float, action: Callable[[], None]) -> None:
        self.due = due
        self.interval = interval
        self.action = action


class Loop:
    """Sockets, timers and long work of one process."""

    def __init__(self, now: Now, sleep: Callable[[float], None] = time.sleep) -> None:
        self.now = now
        self.sleep = sleep
        self.selector = selectors.DefaultSelector()
        self.timers: list[Timer] = []
        self.work: list[Iterator[None]] = []  # the tracker's own
        self.answers: list[Iterator[None]] = []  # those to strangers that take long
        self.answers_next = False
        self.stopping = False
        self.longest_turn = 0.0
        self.faults = 0  # turns that a fault of ours has ended
        self.faults_in_a_row = 0
        self.busy = 0.0  # seconds in iterations, without the waits for sockets
        self.lengths = [0] * (len(ITERATIONS.bounds) + 1)  # of iterations, by the bounds of the histogram

    def watch(self, fd: int, handler: Handler, events: int) -> None:
        """Call `handler` when `fd` is ready."""
        self.selector.register(fd, events, handler)

    def unwatch(self, fd: int) -> None:
        """Forget an `fd`, before it is closed."""
        self.selector.unregister(fd)

    def every(self, interval: float, action: Callable[[], None]) -> None:
        """Call `action` every `interval` seconds, for the first time after one."""
        self.timers.append(Timer(self.now.seconds + interval, interval, action))

    def start(self, work: Iterator[None]) -> None:
        """Take on long work of the tracker's own."""
        self.work.append(work)

    def start_answer(self, answer: Iterator[None]) -> None:
        """Take on an answer that takes long."""
        self.answers.append(answer)

    def has_work(self) -> bool:
        """Whether there is long work of either kind."""
        return len(self.work) > 0 or len(self.answers) > 0

    def run(self) -> None:
        """Turn until stopped. A fault ends a turn, not the tracker, unless it comes turn after turn."""
        while not self.stopping:
            try:
                self.iterate(None)
                self.faults_in_a_row = 0
            except InvariantError:
                raise
            except Exception as error:
                self.failed(error)

    def failed(self, error: Exception) -> None:
        """Log and count a fault of a turn; others are served on. A socket or a timer that met it has its next turn."""
        log.error("a turn of the loop ended in a fault: %r", error, exc_info=error)
        self.faults += 1
        self.faults_in_a_row += 1
        if self.is_broken():
            log.critical("%d turns in a row ended in a fault: the tracker ends", MOST_FAULTS)
            self.stopping = True

    def is_broken(self) -> bool:
        """Whether no turn is without a fault any more."""
        return self.faults_in_a_row >= MOST_FAULTS

    def iterate(self, longest_wait: float | None) -> None:
        """Wait until there is something to do, `longest_wait` seconds at most, and do it."""
        ready = self.selector.select(self.wait(longest_wait))
        now = self.now
        now.read()
        began = now.seconds
        for key, events in ready:
            handler: Handler = key.data
            handler.ready(events)
        for timer in self.timers:
            if timer.due <= began:
                timer.due = began + timer.interval
                timer.action()
        if self.has_work():
            self.advance(began)
        now.read()
        took = now.seconds - began
        self.busy += took
        self.lengths[bisect_left(ITERATIONS.bounds, took)] += 1
        if took > self.longest_turn:
            self.longest_turn = took
        if ready and took < NAP and not self.has_work():
            self.sleep(NAP)

    def wait(self, longest: float | None) -> float | None:
        """How long to sleep: not at all with work to do, else until a timer is due."""
        if self.has_work():
            return 0.0
        for timer in self.timers:
            until = max(0.0, timer.due - self.now.seconds)
            if longest is None or until < longest:
                longest = until
        return longest

    def advance(self, began: float) -> None:
        """Give the long work whose turn it is its slice; the rest waits its own."""
        now = self.now
        now.read()
        end = max(began + SLICE, now.seconds + LEAST_SLICE)
        self.answers_next = not self.answers_next
        queue = self.answers if len(self.work) == 0 or (self.answers_next and self.answers) else self.work
        work = queue.pop(0)
        while now.seconds < end:
            try:
                next(work)
            except StopIteration:
                return
            now.read()
        queue.append(work)

    def close(self) -> None:
        """Give up the work that is left, and free the selector."""
        for work in [*self.work, *self.answers]:
            if isinstance(work, Generator):
                work.close()
        self.work.clear()
        self.answers.clear()
        self.selector.close()
