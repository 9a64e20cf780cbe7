"""An upgrade as the running tracker sees it: what it does at which message, and what when it fails."""

import socket
from collections.abc import Iterator, Sequence

import pytest
from librt.strings import BytesWriter

from opentracker.config.settings import Left
from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.system.systemd import Notifier
from opentracker.server.upgrade.bequest import Identity, Named
from opentracker.server.upgrade.launcher import Launcher
from opentracker.server.upgrade.upgrade import LOOK, MOST_PAUSE, MOST_SECONDS, Giver, Upgrade
from opentracker.server.workers.frames import READY, write_frame
from tests.server.live import Clock


class ToldGiver(Giver):
    """Two workers; keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(Identity(bytes(32), 1, 0.0), 2, Left())
        self.told: list[str] = []

    def join(self, upgrade: Upgrade) -> None:
        """See Giver."""

    def named(self) -> Sequence[Named]:
        """See Giver."""
        self.told.append("named")
        return []

    def shut(self) -> None:
        """See Giver."""
        self.told.append("shut")

    def finish(self) -> None:
        """See Giver."""
        self.told.append("finish")

    def reopen(self) -> None:
        """See Giver."""
        self.told.append("reopen")

    def retire(self) -> None:
        """See Giver."""
        self.told.append("retire")


class Played:
    """An upgrade whose launcher and other tracker are played by the test."""

    def __init__(self) -> None:
        ours, self.launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.launcher.setblocking(False)
        self.clock = Clock()
        self.loop = Loop(Now(self.clock), lambda _: None)
        self.giver = ToldGiver()
        self.near_side = Launcher(ours)
        self.upgrade = Upgrade(self.near_side, self.loop, self.giver, Notifier({}, 1))
        self.other: socket.socket | None = None

    def start(self) -> None:
        """Begin; the launcher starts process 77."""
        self.upgrade.start()
        order, fds, _, _ = socket.recv_fds(self.launcher, 16, 1)
        assert order == b"s"
        self.other = socket.socket(fileno=fds[0])
        self.launcher.send(b"s77")
        self.loop.iterate(0.0)

    def shut(self) -> None:
        """Come to the point where nobody is served."""
        self.start()
        for worker in range(2):
            self.upgrade.near(worker)

    def tell_ready(self, *named: str) -> None:
        """The other tracker serves, and these named sockets."""
        out = BytesWriter()
        write_frame(out, READY, 0, "\n".join(named).encode())
        assert self.other is not None
        self.other.send(out.getvalue())
        self.loop.iterate(0.0)

    def orders(self) -> list[bytes]:
        """The orders that the launcher has got."""
        found = []
        while True:
            try:
                found.append(self.launcher.recv(16))
            except BlockingIOError:
                return found

    def end(self, status: bytes) -> None:
        """The other process ends."""
        assert self.other is not None
        self.other.close()
        self.launcher.send(b"e" + status)
        for _ in range(2):
            self.loop.iterate(0.0)


@pytest.fixture
def played() -> Iterator[Played]:
    """See Played."""
    tested = Played()
    yield tested
    if tested.upgrade.channel is not None:
        tested.upgrade.channel.close()
    if tested.other is not None:
        tested.other.close()
    tested.near_side.close()
    tested.launcher.close()
    tested.loop.close()


def test_the_steps_of_an_upgrade(played: Played) -> None:
    upgrade, told = played.upgrade, played.giver.told
    played.start()
    upgrade.near(1)
    assert told == ["named"]
    upgrade.near(0)
    upgrade.quiet(0)
    assert told == ["named", "shut"]
    upgrade.quiet(1)
    assert told == ["named", "shut", "finish"]
    assert not upgrade.is_over
    played.tell_ready("control /a b", "sync")
    assert told == ["named", "shut", "finish", "retire"]
    assert played.giver.left.passed_on == ["control /a b", "sync"]
    assert upgrade.is_over
    assert played.orders() == [b"r"]


def test_a_second_signal_is_without_effect(played: Played) -> None:
    played.start()
    played.upgrade.start()
    assert played.orders() == []
    assert played.giver.told == ["named"]


@pytest.mark.parametrize("shut", [False, True])
def test_a_process_that_ends_leaves_this_one_serving(played: Played, shut: bool) -> None:
    (played.shut if shut else played.start)()
    played.end(b"111")
    assert played.giver.told[-1] == "reopen"
    assert not played.upgrade.is_over
    played.start()  # and may be tried again
    assert played.giver.told[-1] == "named"


@pytest.mark.parametrize(("shut", "seconds"), [(False, MOST_SECONDS), (True, MOST_PAUSE)])
def test_one_that_takes_too_long_is_killed_first(played: Played, shut: bool, seconds: float) -> None:
    (played.shut if shut else played.start)()
    played.clock.seconds += seconds + LOOK
    played.loop.iterate(0.0)
    assert played.orders() == [b"k"]
    assert "reopen" not in played.giver.told
    played.tell_ready()  # too late
    assert not played.upgrade.is_over
    played.end(b"-9")
    assert played.giver.told[-1] == "reopen"


def test_one_that_serves_before_it_may_is_not_believed(played: Played) -> None:
    played.start()
    played.tell_ready()
    assert not played.upgrade.is_over


def test_a_launcher_that_is_gone_is_told(played: Played) -> None:
    played.launcher.close()
    played.upgrade.start()
    assert played.giver.told == ["reopen"]
    assert not played.upgrade.is_over
