"""An upgrade, as the running tracker sees it, from SIGUSR2 to the moment in which the other one serves.

::

    SIGUSR2 -> the installed version is started; it is given identity and sockets, and reads the torrents
    NEAR    -> all workers have given nearly all: they serve no more clients, who wait in the kernel from now on
    QUIET   -> no request is under way any more: the last torrents are given
    READY   -> from the other tracker, which serves now: this one ends

If the other one ends before that, or takes too long, it is killed, and this one serves on as if nothing had been.
"""

import logging
from collections.abc import Sequence
from typing import Final

from opentracker.config.settings import Left
from opentracker.server.loop import Loop
from opentracker.server.system.systemd import Notifier
from opentracker.server.upgrade import bequest
from opentracker.server.upgrade.bequest import Identity, Named
from opentracker.server.upgrade.launcher import Launcher
from opentracker.server.workers.channel import Channel, pair
from opentracker.server.workers.frames import READY, Frame

log = logging.getLogger("opentracker")

MOST_SECONDS: Final = 300.0  # from the signal until nearly all torrents are given
MOST_PAUSE: Final = 10.0  # seconds in which nobody is served
GRACE: Final = 5.0  # seconds for the end of a process that has given up
LOOK: Final = 0.5


class Giver:
    """The processes that hand over, by numbers: one process alone is worker 0."""

    def __init__(self, identity: Identity, workers: int, left: Left) -> None:
        self.identity = identity
        self.workers = workers
        self.left = left
        self.steered: list[int] = []  # groups of sockets that the kernel steers

    def join(self, upgrade: "Upgrade") -> None:
        """Tell `upgrade` which workers are `near` and `quiet`."""
        raise NotImplementedError

    def named(self) -> Sequence[Named]:
        """Everything with a descriptor; called once for each upgrade, when torrents may be asked for."""
        raise NotImplementedError

    def shut(self) -> None:
        """Serve no more clients; `quiet` follows from each worker."""
        raise NotImplementedError

    def finish(self) -> None:
        """Give the last torrents."""
        raise NotImplementedError

    def reopen(self) -> None:
        """Serve on: the upgrade has failed."""
        raise NotImplementedError

    def retire(self) -> None:
        """Send the answers that are under way, write nothing, and end."""
        raise NotImplementedError


class Upgrade:
    """Hands over to the version that the launcher starts."""

    def __init__(self, launcher: Launcher, loop: Loop, giver: Giver, manager: Notifier) -> None:
        self.launcher = launcher
        self.loop = loop
        self.giver = giver
        self.manager = manager
        self.channel: Channel | None = None  # to the other tracker; none: there is no upgrade
        self.pid = 0  # of the other tracker, while it lives
        self.waiting_for: set[int] = set()  # workers that are not near, and then those that are not quiet
        self.is_shut = False
        self.is_failed = False
        self.is_over = False  # whether the other tracker serves
        self.deadline = 0.0
        self.shut_at = 0.0
        launcher.started = self.started
        launcher.ended = self.ended
        launcher.join(loop)
        giver.join(self)
        loop.every(LOOK, self.look)

    def start(self) -> None:
        """Begin, in answer to SIGUSR2."""
        if self.channel is not None or self.is_over:
            log.warning("SIGUSR2: an upgrade is under way")
            return
        log.info("upgrade: starting the installed version")
        self.manager.tell("STATUS=Upgrading")
        ours, its = pair()
        try:
            self.launcher.start(its)
            bequest.send(
                ours, self.giver.identity, self.giver.workers, self.giver.steered, self.giver.named()
            )
        except OSError as error:
            log.error("the upgrade has failed: %s; this version serves on", error.strerror)
            ours.close()
            self.giver.reopen()
            return
        finally:
            its.close()
        self.channel = Channel(ours, self.loop, self.take, self.closed)
        self.is_shut = self.is_failed = False
        self.waiting_for = set(range(self.giver.workers))
        self.deadline = self.loop.now.seconds + MOST_SECONDS

    # ---- What the other processes tell -------------------------------------------------------------------------

    def started(self, pid: int) -> None:
        """The launcher has started a process."""
        self.pid = pid
        log.info("upgrade: process %d is started", pid)

    def ended(self, status: int) -> None:
        """That process has ended."""
        self.pid = 0
        self.fail(f"it has ended with status {status}")
        self.settle()

    def closed(self, channel: Channel) -> None:
        """The other tracker has closed the channel; its end, with the reason in its status, follows at once."""
        channel.close()
        self.deadline = min(self.deadline, self.loop.now.seconds + GRACE)

    def take(self, channel: Channel, frame: Frame) -> None:
        """Take a frame of the other tracker."""
        if frame.kind == READY and self.is_shut and not self.is_failed:
            self.succeed(channel, frame.payload)

    def near(self, worker: int) -> None:
        """A worker has given nearly all torrents."""
        self.waiting_for.discard(worker)
        if self.channel is not None and not self.waiting_for and not self.is_shut and not self.is_failed:
            self.is_shut = True
            self.shut_at = self.loop.now.seconds
            self.deadline = self.shut_at + MOST_PAUSE
            self.waiting_for = set(range(self.giver.workers))
            self.giver.shut()

    def quiet(self, worker: int) -> None:
        """A worker carries out no more requests."""
        self.waiting_for.discard(worker)
        if self.channel is not None and not self.waiting_for and self.is_shut and not self.is_failed:
            self.giver.finish()

    def look(self) -> None:
        """Give an upgrade up that takes too long; called at intervals."""
        if self.channel is not None and self.loop.now.seconds >= self.deadline:
            self.fail("it takes too long")

    # ---- The outcome ---------------------------------------------------------------------------------------------

    def succeed(self, channel: Channel, served: bytes) -> None:
        """End, since the other tracker serves; `served` are the names of the named sockets among its own, by line."""
        pause = self.loop.now.seconds - self.shut_at
        log.info("upgrade: process %d serves, after a pause of %.2f s; this one ends", self.pid, pause)
        self.is_over = True
        self.channel = None
        self.giver.left.passed_on += served.decode().splitlines()
        self.launcher.keep()
        self.manager.tell(f"MAINPID={self.pid}")
        channel.close()
        self.giver.retire()

    def fail(self, reason: str) -> None:
        """Kill the other tracker, and serve on once it has ended."""
        if self.channel is None or self.is_failed:
            return
        self.is_failed = True
        log.error("the upgrade has failed: %s; this version serves on", reason)
        if self.pid:
            self.launcher.kill()
        else:
            self.settle()

    def settle(self) -> None:
        """Serve on, as the other tracker is gone."""
        channel, self.channel = self.channel, None
        if channel is None:
            return
        if channel.sock.fileno() >= 0:
            channel.close()
        self.giver.reopen()
        self.manager.tell("STATUS=The upgrade has failed")
