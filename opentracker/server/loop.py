"""The event loop: it waits for sockets, runs timers that are due, and advances long work in slices.

Long work is a generator that yields often; each iteration gives it about a millisecond, so that announces are answered
meanwhile. There are two kinds: the tracker's own work, such as cleaning, and long answers to clients, possibly
thousands. The kinds take turns, so that no number of requests keeps the tracker from cleaning. The lengths of all
iterations are counted; the longest one is the longest delay of a datagram. Unfinished work is closed at the end: a
compiled generator that is merely dropped would not run its `finally`.

After a short iteration the loop sleeps for a moment, as network cards coalesce interrupts: waking up for one connection
costs as much as serving it. A request that finds the tracker idle is served at once, and one right after it waits for
a fifth of a millisecond at most. A busy loop has long iterations and never sleeps so. Each of several workers gets a
part of the requests, and sleeps longer, so that as many of them gather.
"""

import logging
import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from typing import Final

from opentracker._features import WANT_WEBTORRENT, WANT_WORKERS
from opentracker.errors import InvariantError
from opentracker.server.clock import Now
from opentracker.server.selector import READ, WRITE, Handler, Selector
from opentracker.swarm.counting.core_gauges import ITERATIONS

# Handlers take the words of the selector from here.
__all__ = ("READ", "WRITE", "Handler", "Loop", "Selector", "Timer")

log = logging.getLogger("opentracker")

NAP: Final = 0.0001  # seconds of sleep after a shorter iteration: requests of that time are served together
MOST_NAP: Final = 4 * NAP  # of one of several workers
SLICE: Final = 0.001  # seconds of an iteration up to which long work runs, after the sockets
LEAST_SLICE: Final = SLICE / 8  # seconds for long work if the sockets have used up SLICE
# Iterations in a row that end in a fault: no client is served any more, and a restart may help.
MOST_FAULTS: Final = 1000
REST: Final = 0.001  # seconds to wait for sockets while the only long work waits for another worker


class Timer:
    """An action that the loop calls every `interval` seconds."""

    def __init__(self, due: float, interval: float, action: Callable[[], None]) -> None:
        self.due = due
        self.interval = interval
        self.action = action


class Loop:
    """Sockets, timers and long work of one process."""

    def __init__(self, now: Now, sleep: Callable[[float], None] = time.sleep) -> None:
        self.now = now
        self.sleep = sleep
        self.selector = Selector()
        self.timers: list[Timer] = []
        self.work: list[Iterator[None]] = []  # the tracker's own long work
        self.answers: list[Iterator[None]] = []  # long answers to clients
        self.answers_next = False
        self.stopping = False
        self.nap = NAP
        self.longest_turn = 0.0
        self.faults = 0  # iterations that a fault of ours has ended
        self.faults_in_a_row = 0
        self.busy = 0.0  # seconds in iterations, without the waits for sockets
        self.lengths = [0] * (len(ITERATIONS.bounds) + 1)  # of iterations, by the bounds of the histogram
        if WANT_WORKERS or WANT_WEBTORRENT:
            # Called once, at the end of this iteration; additions of theirs in the next one, which does not wait.
            self.flushes: list[Callable[[], None]] = []
        if WANT_WORKERS:
            self.resting = False  # whether the latest long work waits for another worker

    def watch(self, fd: int, handler: Handler, events: int) -> None:
        """Call `handler` when `fd` is ready."""
        self.selector.register(fd, events, handler)

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`; called before it is closed."""
        self.selector.unregister(fd)

    def every(self, interval: float, action: Callable[[], None]) -> None:
        """Call `action` every `interval` seconds, first after one interval."""
        self.timers.append(Timer(self.now.seconds + interval, interval, action))

    def start(self, work: Iterator[None]) -> None:
        """Start long work of the tracker's own."""
        self.work.append(work)

    def start_answer(self, answer: Iterator[None]) -> None:
        """Start a long answer to a client."""
        self.answers.append(answer)

    def has_work(self) -> bool:
        """Whether there is long work of either kind."""
        return len(self.work) > 0 or len(self.answers) > 0

    def has_flushes(self) -> bool:
        """Whether an iteration has left something to its next one."""
        if WANT_WORKERS or WANT_WEBTORRENT:
            return len(self.flushes) > 0
        return False

    def run(self) -> None:
        """Iterate until stopped. A fault ends an iteration, and MOST_FAULTS in a row end the tracker."""
        while not self.stopping:
            try:
                self.iterate(None)
                self.faults_in_a_row = 0
            except InvariantError:
                raise
            except Exception as error:
                self.failed(error)

    def failed(self, error: Exception) -> None:
        """Log and count a fault of an iteration; its socket or timer is called again in the next iterations."""
        log.error("an iteration of the loop ended in a fault: %r", error, exc_info=error)
        self.faults += 1
        self.faults_in_a_row += 1
        if self.is_broken():
            log.critical("%d iterations in a row ended in a fault: the tracker ends", MOST_FAULTS)
            self.stopping = True

    def is_broken(self) -> bool:
        """Whether the last MOST_FAULTS iterations all ended in a fault."""
        return self.faults_in_a_row >= MOST_FAULTS

    def iterate(self, longest_wait: float | None) -> None:
        """Wait for sockets and timers, `longest_wait` seconds at most, and serve them."""
        ready = self.selector.select(self.wait(longest_wait))
        now = self.now
        now.read()
        began = now.seconds
        for handler, events in ready:
            handler.ready(events)
        for timer in self.timers:
            if timer.due <= began:
                timer.due = began + timer.interval
                timer.action()
        if self.has_work():
            self.advance(began)
        if (WANT_WORKERS or WANT_WEBTORRENT) and self.flushes:
            flushes, self.flushes = self.flushes, []
            for flush in flushes:
                flush()
        now.read()
        took = now.seconds - began
        self.busy += took
        self.lengths[bisect_left(ITERATIONS.bounds, took)] += 1
        if took > self.longest_turn:
            self.longest_turn = took
        if ready and took < NAP and not self.has_work() and not self.has_flushes():
            self.sleep(self.nap)

    def wait(self, longest: float | None) -> float | None:
        """The seconds to wait for sockets: 0 with long work or flushes, else until a timer is due."""
        if self.has_flushes():
            return 0.0
        if self.has_work():
            if WANT_WORKERS and self.resting and len(self.work) + len(self.answers) == 1:
                return REST
            return 0.0
        for timer in self.timers:
            until = max(0.0, timer.due - self.now.seconds)
            if longest is None or until < longest:
                longest = until
        return longest

    def advance(self, began: float) -> None:
        """Give a slice to the first long work of the kind whose turn it is."""
        now = self.now
        now.read()
        end = max(began + SLICE, now.seconds + LEAST_SLICE)
        self.answers_next = not self.answers_next
        queue = self.answers if len(self.work) == 0 or (self.answers_next and self.answers) else self.work
        work = queue.pop(0)
        while now.seconds < end:
            if WANT_WORKERS:
                self.resting = False
            try:
                next(work)
            except StopIteration:
                return
            if WANT_WORKERS and self.resting:
                break
            now.read()
        queue.append(work)

    def share_out(self, workers: int) -> None:
        """Be the loop of one of several workers."""
        self.nap = min(workers * NAP, MOST_NAP)

    def close(self) -> None:
        """Close the unfinished work, and free the selector."""
        for work in [*self.work, *self.answers]:
            if isinstance(work, Generator):
                work.close()
        self.work.clear()
        self.answers.clear()
        self.selector.close()
