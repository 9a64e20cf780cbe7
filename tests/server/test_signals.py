"""Signals at every moment: before there is a tracker, as it starts, serves and ends."""

import signal
from collections.abc import Iterator

import pytest

from opentracker.server import signals as module
from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.signals import Signals
from tests.server.live import Clock

IN_HAND = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1)
ENDING = (signal.SIGINT, signal.SIGTERM)
ASKING = (signal.SIGHUP, signal.SIGUSR1)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop(Now(Clock()))
    yield loop
    loop.close()


@pytest.fixture
def as_before() -> Iterator[None]:
    """Handlers and mask are as they were afterwards."""
    before = {number: signal.getsignal(number) for number in IN_HAND}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.fixture
def signals(as_before: None) -> Iterator[Signals]:
    """Installed, before there is a loop."""
    signals = Signals()
    signals.install()
    yield signals
    signals.close()


def send(*numbers: int) -> None:
    """Send signals to this thread: under xdist there are others, which block none."""
    for number in numbers:
        signal.raise_signal(number)


@pytest.mark.parametrize("number", ENDING)
def test_before_there_is_a_tracker_the_command_ends_as_a_shell_expects(number: int, as_before: None) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, *ASKING))
    send(number)
    with pytest.raises(SystemExit) as caught:
        module.begin()
    assert caught.value.code == 128 + number


@pytest.mark.parametrize("number", ENDING)
def test_as_it_starts_a_signal_gives_the_start_up(number: int, signals: Signals) -> None:
    with pytest.raises(SystemExit) as caught:
        send(number)
    assert caught.value.code == 0


@pytest.mark.parametrize("first", ENDING)
@pytest.mark.parametrize("second", IN_HAND)
def test_the_first_signal_ends_the_loop_and_no_other_ends_the_process(
    first: int, second: int, loop: Loop, signals: Signals
) -> None:
    signals.serve(loop, {})
    send(first)
    loop.run()
    assert loop.stopping
    send(second, second)  # while the tracker ends


def test_after_the_end_signals_are_ignored(as_before: None) -> None:
    signals = Signals()
    signals.install()
    signals.close()
    send(*IN_HAND)


def test_a_signal_wakes_a_loop_that_sleeps(loop: Loop, signals: Signals) -> None:
    """An alarm comes while nothing is ready; without the byte that it writes the loop would sleep on."""
    signals.serve(loop, {})
    signal.signal(signal.SIGALRM, signals.caught)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    loop.run()
    assert loop.stopping
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_a_signal_with_an_action_has_it_done_once_by_the_loop(loop: Loop, signals: Signals) -> None:
    done: list[str] = []
    signals.serve(
        loop, {signal.SIGHUP: lambda: done.append("reload"), signal.SIGUSR1: lambda: done.append("dump")}
    )
    send(signal.SIGHUP, signal.SIGHUP, signal.SIGUSR1)
    assert done == []
    loop.iterate(1.0)
    assert done == ["reload", "dump"]
    send(signal.SIGHUP)
    loop.iterate(1.0)
    assert done == ["reload", "dump", "reload"]


def test_what_was_asked_for_during_the_start_is_done_first_thing(loop: Loop, as_before: None) -> None:
    """Signals that came while the program was loaded, and while the lists were."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING, *ASKING))
    send(signal.SIGUSR1)
    module.begin()
    signals = Signals()
    signals.install()
    send(signal.SIGHUP)
    done: list[str] = []
    signals.serve(
        loop, {signal.SIGHUP: lambda: done.append("reload"), signal.SIGUSR1: lambda: done.append("dump")}
    )
    loop.iterate(1.0)
    assert sorted(done) == ["dump", "reload"]
    signals.close()


def test_l14_signals_that_change_nothing(loop: Loop, signals: Signals) -> None:
    signals.serve(loop, {})
    send(signal.SIGPIPE, *ASKING)
    loop.iterate(0.0)
    assert not loop.stopping


def test_waking_bytes_never_block_who_sends_them(loop: Loop, signals: Signals) -> None:
    signals.serve(loop, {})
    room = True
    while room:
        try:
            signals.outbox.send(bytes(65536))
        except BlockingIOError:
            room = False
    send(signal.SIGINT)
    loop.run()
    assert loop.stopping


def test_a_signal_that_python_tells_late_is_no_less_served() -> None:
    """The wake-up byte may be read before Python calls the handler."""
    signals, loop = Signals(), Loop(Now(Clock()))
    done: list[int] = []
    signals.serve(loop, {int(signal.SIGHUP): lambda: done.append(1)})
    signals.noted(signal.SIGHUP, None)
    loop.iterate(0.0)
    assert done == [1]
    loop.close()
    signals.inbox.close()
    signals.outbox.close()
