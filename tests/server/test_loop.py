import os
import signal
from collections.abc import Iterator

import pytest

from opentracker.server.clock import Now
from opentracker.server.loop import NAP, READ, SLICE, Loop, Signals
from tests.server.live import Clock

IN_HAND = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(clock: Clock) -> Iterator[Loop]:
    loop = Loop(Now(clock))
    yield loop
    loop.close()


@pytest.fixture
def signals(loop: Loop) -> Iterator[Signals]:
    """Installed, and everything as it was afterwards."""
    before = {number: signal.getsignal(number) for number in IN_HAND}
    signals = Signals(loop, {})
    signals.install()
    yield signals
    signals.close()
    for number, handler in before.items():
        signal.signal(number, handler)


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


def test_the_first_signal_stops_the_loop(loop: Loop, signals: Signals) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    loop.run()
    assert loop.stopping


def test_a_signal_wakes_a_loop_that_sleeps(loop: Loop, signals: Signals) -> None:
    """An alarm comes while nothing is ready; without the byte that it writes the loop would sleep on."""
    signal.signal(signal.SIGALRM, signals.caught)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    loop.run()
    assert loop.stopping
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_l13_the_second_signal_ends_the_process_with_status_1(loop: Loop, signals: Signals) -> None:
    signals.caught(signal.SIGINT, None)
    with pytest.raises(SystemExit) as caught:
        signals.caught(signal.SIGINT, None)
    assert caught.value.code == 1


def test_a_signal_with_an_action_has_it_done_once_by_the_loop(loop: Loop) -> None:
    before = {number: signal.getsignal(number) for number in IN_HAND}
    done: list[str] = []
    signals = Signals(
        loop, {signal.SIGHUP: lambda: done.append("reload"), signal.SIGUSR1: lambda: done.append("dump")}
    )
    signals.install()
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGUSR1):
        os.kill(os.getpid(), number)
    assert done == []
    loop.iterate(1.0)
    assert done == ["reload", "dump"]
    os.kill(os.getpid(), signal.SIGHUP)
    loop.iterate(1.0)
    assert done == ["reload", "dump", "reload"]
    signals.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_l14_signals_that_change_nothing(loop: Loop, signals: Signals) -> None:
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1):
        os.kill(os.getpid(), number)
    loop.iterate(0.0)
    assert not loop.stopping


def test_what_is_no_longer_watched_is_not_called(loop: Loop) -> None:
    signals = Signals(loop, {})  # a handler that takes bytes from its inbox
    try:
        fd = signals.inbox.fileno()
        loop.watch(fd, signals, READ)
        signals.outbox.send(b"x")
        loop.iterate(0.0)
        with pytest.raises(BlockingIOError):
            signals.inbox.recv(1)
        loop.unwatch(fd)
        signals.outbox.send(b"y")
        loop.iterate(0.0)
        assert signals.inbox.recv(10) == b"y"
        loop.watch(fd, signals, READ)
    finally:
        signals.close()


def test_waking_bytes_never_block_who_sends_them(loop: Loop, signals: Signals) -> None:
    room = True
    while room:
        try:
            signals.outbox.send(bytes(65536))
        except BlockingIOError:
            room = False
    os.kill(os.getpid(), signal.SIGINT)
    loop.run()
    assert loop.stopping


def endless(clock: Clock) -> Iterator[None]:
    while True:
        clock.seconds += SLICE
        yield


def test_it_naps_after_short_turns_that_had_something_to_do(clock: Clock) -> None:
    naps: list[float] = []
    costs = [0.0]  # seconds that a turn takes

    def take_time() -> None:
        clock.seconds += costs[0]

    loop = Loop(Now(clock), naps.append)
    handler = Signals(loop, {})  # which takes bytes from its inbox
    loop.watch(handler.inbox.fileno(), handler, READ)
    loop.every(0.0, take_time)
    try:
        loop.iterate(0.0)
        assert naps == [], "nothing to do"
        handler.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP]
        costs[0] = 2 * NAP
        handler.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP], "a busy loop has no time for it"
        costs[0] = 0.0
        loop.start(endless(clock))
        handler.outbox.send(b"x")
        loop.iterate(0.0)
        assert naps == [NAP], "long work goes on"
    finally:
        handler.close()
        loop.close()
