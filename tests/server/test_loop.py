import logging
import socket
from collections.abc import Iterator

import pytest

from opentracker.errors import InvariantError
from opentracker.server.clock import Now
from opentracker.server.loop import MOST_FAULTS, NAP, READ, SLICE, Handler, Loop
from tests.server.live import Clock


class Inbox(Handler):
    """One end of a pair of sockets, from which the loop reads; `outbox` is the other."""

    def __init__(self) -> None:
        self.inbox, self.outbox = socket.socketpair()
        self.inbox.setblocking(False)
        self.fd = self.inbox.fileno()
        self.received = b""

    def ready(self, events: int) -> None:
        self.received += self.inbox.recv(64)

    def close(self) -> None:
        self.inbox.close()
        self.outbox.close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    yield inbox
    inbox.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(clock: Clock) -> Iterator[Loop]:
    loop = Loop(Now(clock))
    yield loop
    loop.close()


def test_timers_are_called_when_they_are_due(loop: Loop, clock: Clock) -> None:
    calls: list[float] = []
    loop.every(10.0, lambda: calls.append(clock.seconds))
    start = clock.seconds
    for _ in range(35):
        clock.seconds += 1.0
        loop.iterate(0.0)
    assert calls == [start + 10, start + 20, start + 30]


def test_a_timer_that_was_missed_is_called_once(loop: Loop, clock: Clock) -> None:
    calls: list[None] = []
    loop.every(10.0, lambda: calls.append(None))
    clock.seconds += 95
    loop.iterate(0.0)
    loop.iterate(0.0)
    assert len(calls) == 1
    clock.seconds += 10
    loop.iterate(0.0)
    assert len(calls) == 2


def test_how_long_it_may_sleep(loop: Loop, clock: Clock) -> None:
    assert loop.wait(None) is None
    assert loop.wait(3.0) == 3.0
    loop.every(2.0, lambda: None)
    loop.every(7.0, lambda: None)
    assert loop.wait(None) == loop.wait(3.0) == 2.0
    assert loop.wait(1.0) == 1.0
    clock.seconds += 5.0
    loop.now.read()
    assert loop.wait(None) == 0.0


def test_with_work_it_does_not_sleep(loop: Loop) -> None:
    loop.start(iter([None]))
    assert loop.wait(None) == 0.0


def test_work_is_done_in_slices(loop: Loop, clock: Clock) -> None:
    steps: list[int] = []

    def work() -> Iterator[None]:
        for step in range(10):
            steps.append(step)
            clock.seconds += SLICE / 2.5
            yield

    loop.start(work())
    loop.iterate(0.0)
    assert steps == [0, 1, 2]
    for _ in range(3):
        loop.iterate(0.0)
    assert steps == list(range(10))
    loop.iterate(0.0)
    assert loop.wait(None) is None


def test_works_are_done_one_after_the_other(loop: Loop) -> None:
    done: list[str] = []

    def work(name: str) -> Iterator[None]:
        yield
        done.append(name)

    for name in "abc":
        loop.start(work(name))
    for _ in range(3):
        loop.iterate(0.0)
    assert done == ["a", "b", "c"]


def test_answers_do_not_keep_the_trackers_own_work_from_being_done(loop: Loop, clock: Clock) -> None:
    done: list[str] = []

    def work(name: str) -> Iterator[None]:
        while True:
            done.append(name)
            clock.seconds += SLICE
            yield

    for _ in range(100):
        loop.start_answer(work("answer"))
    loop.start(work("own"))
    loop.start(work("own too"))
    for _ in range(80):
        loop.iterate(0)
    assert [done.count(name) for name in ("answer", "own", "own too")] == [40, 20, 20]


def test_each_kind_of_work_has_all_slices_where_there_is_no_other(loop: Loop, clock: Clock) -> None:
    def work(slices: int) -> Iterator[None]:
        for _ in range(slices):
            clock.seconds += SLICE
            yield

    for start in (loop.start, loop.start_answer):
        start(work(10))
        assert loop.wait(None) == 0
        for _ in range(11):
            assert loop.has_work()
            loop.iterate(0)
        assert not loop.has_work()


def test_sockets_and_timers_have_their_turn_while_there_is_work(loop: Loop, clock: Clock) -> None:
    calls: list[None] = []

    def work() -> Iterator[None]:
        while True:
            clock.seconds += SLICE
            yield

    loop.every(SLICE, lambda: calls.append(None))
    loop.start(work())
    for _ in range(5):
        loop.iterate(0.0)
    assert len(calls) == 4


def test_the_longest_turn_is_kept(loop: Loop, clock: Clock) -> None:
    def work() -> Iterator[None]:
        for seconds in (0.25, 0.5, 0.125):
            clock.seconds += seconds
            yield

    loop.start(work())
    for _ in range(4):
        loop.iterate(0.0)
    assert loop.longest_turn == 0.5


def test_what_is_no_longer_watched_is_not_called(loop: Loop, inbox: Inbox) -> None:
    loop.watch(inbox.fd, inbox, READ)
    inbox.outbox.send(b"x")
    loop.iterate(0.0)
    assert inbox.received == b"x"
    loop.unwatch(inbox.fd)
    inbox.outbox.send(b"y")
    loop.iterate(0.0)
    assert inbox.received == b"x"
    loop.watch(inbox.fd, inbox, READ)
    loop.iterate(0.0)
    assert inbox.received == b"xy"


def endless(clock: Clock) -> Iterator[None]:
    while True:
        clock.seconds += SLICE
        yield


def test_it_naps_after_short_turns_that_had_something_to_do(clock: Clock, inbox: Inbox) -> None:
    naps: list[float] = []
    costs = [0.0]  # seconds that a turn takes

    def take_time() -> None:
        clock.seconds += costs[0]

    loop = Loop(Now(clock), naps.append)
    loop.watch(inbox.fd, inbox, READ)
    loop.every(0.0, take_time)
    try:
        loop.iterate(0.0)
        assert naps == [], "nothing to do"
        inbox.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP]
        costs[0] = 2 * NAP
        inbox.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP], "a busy loop has no time for it"
        costs[0] = 0.0
        loop.start(endless(clock))
        inbox.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP], "long work goes on"
    finally:
        loop.close()


@pytest.mark.parametrize(("workers", "times"), [(1, 1), (2, 2), (4, 4), (64, 4)])
def test_one_of_several_workers_naps_longer(clock: Clock, inbox: Inbox, workers: int, times: int) -> None:
    naps: list[float] = []
    loop = Loop(Now(clock), naps.append)
    loop.share_out(workers)
    loop.watch(inbox.fd, inbox, READ)
    try:
        inbox.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [times * NAP]
    finally:
        loop.close()


# ---- Faults ------------------------------------------------------------------------------------------------


class Faulty(Inbox):
    """Fails a number of times before it reads; stops the loop when it has read."""

    def __init__(self, loop: Loop, faults: int) -> None:
        super().__init__()
        self.loop = loop
        self.faults = faults
        loop.watch(self.fd, self, READ)
        self.outbox.send(b"x")

    def ready(self, events: int) -> None:
        if self.faults > 0:
            self.faults -= 1
            raise MemoryError
        super().ready(events)
        self.loop.stopping = True


@pytest.mark.needs("WANT_WEBTORRENT")
def test_flushes_are_called_once_and_what_they_add_in_the_next_turn_without_a_wait(loop: Loop) -> None:
    calls: list[str] = []

    def flush() -> None:
        calls.append("first")
        loop.flushes.append(lambda: calls.append("second"))

    loop.flushes.append(flush)
    assert loop.wait(5.0) == 0.0
    loop.iterate(0.0)
    assert calls == ["first"]
    assert loop.wait(5.0) == 0.0
    loop.iterate(5.0)
    assert calls == ["first", "second"]
    assert loop.wait(5.0) == 5.0


def test_a_fault_ends_a_turn_and_not_the_loop(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    socket_ = Faulty(loop, 3)
    loop.run()
    assert socket_.received == b"x"
    assert loop.faults == 3
    assert not loop.is_broken()
    assert caplog.text.count("an iteration of the loop ended in a fault: MemoryError()") == 3
    socket_.close()


def test_a_timer_that_fails_is_due_again_and_others_are_not_forgotten(loop: Loop, clock: Clock) -> None:
    calls: list[str] = []

    def fail() -> None:
        calls.append("failing")
        raise RuntimeError("can't start new thread")

    def succeed() -> None:
        calls.append("good")
        loop.stopping = len(calls) >= 4

    loop.every(10 * SLICE, fail)
    loop.every(10 * SLICE, succeed)
    loop.start(endless(clock))
    loop.run()
    assert calls == ["failing", "good"] * 2


def test_work_that_fails_is_dropped_and_the_rest_goes_on(loop: Loop) -> None:
    def failing() -> Iterator[None]:
        yield
        raise ValueError

    def good() -> Iterator[None]:
        yield
        loop.stopping = True

    loop.start(failing())
    loop.start(good())
    loop.run()
    assert not loop.has_work()
    assert loop.faults == 1


def test_a_loop_that_can_only_fail_ends(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    socket_ = Faulty(loop, MOST_FAULTS + 1)
    with caplog.at_level(logging.CRITICAL):
        loop.run()
    assert loop.is_broken()
    assert f"{MOST_FAULTS} iterations in a row ended in a fault" in caplog.text
    socket_.close()


def test_a_broken_store_ends_it_at_once(loop: Loop) -> None:
    def check() -> Iterator[None]:
        yield
        raise InvariantError("broken")

    loop.start(check())
    with pytest.raises(InvariantError):
        loop.run()


def test_work_that_is_left_at_the_end_is_closed(clock: Clock) -> None:
    closed: list[str] = []

    def work(name: str) -> Iterator[None]:
        try:
            while True:
                clock.seconds += SLICE
                yield
        finally:
            closed.append(name)

    loop = Loop(Now(clock))
    loop.start(work("own"))
    loop.start_answer(work("answer"))
    loop.start(iter([None]))  # which has nothing to be closed
    for _ in range(2):
        loop.iterate(0.0)
    loop.close()
    assert sorted(closed) == ["answer", "own"]
