"""The upgrade of a tracker of several workers, as its supervisor sees it: its two ends."""

import logging
import signal
import socket
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Final

from opentracker.config.settings import Bind
from opentracker.errors import EXIT_START
from opentracker.server import binding
from opentracker.server.upgrade.alone import tell_ready
from opentracker.server.upgrade.bequest import LOCK, OTHER, OWN, PASSED, TORRENTS, Named
from opentracker.server.upgrade.departure import LINGER
from opentracker.server.upgrade.succession import Succession
from opentracker.server.upgrade.upgrade import Giver, Upgrade
from opentracker.server.workers.channel import Channel, pair
from opentracker.server.workers.frames import FINISH, GONE, NEAR, QUIET, REOPEN, RETIRE, SHUT, Frame
from opentracker.server.workers.sockets import Group
from opentracker.server.workers.supervisor import Process, Supervisor

log = logging.getLogger("opentracker")

LOOK: Final = 0.2
GRACE: Final = 5.0  # seconds for a worker to tell that it has lingered long enough


class CrewGiver(Giver):
    """Hands over the workers of a supervisor; `ends` are those of the channels by which they give, for the others."""

    def __init__(
        self,
        supervisor: Supervisor,
        groups: Sequence[Group],
        succession: Succession,
        ends: Sequence[socket.socket],
    ) -> None:
        keys = list(supervisor.seats[0].keys)
        identity = replace(succession.identity, keys=keys, origin=supervisor.now.start)
        super().__init__(identity, len(supervisor.seats))
        self.supervisor = supervisor
        self.groups = groups
        self.passed = succession.passed
        self.ends = ends
        self.steered = [number for number, group in enumerate(groups) if group.is_steered]
        self.gone: set[int] = set()

    def join(self, upgrade: Upgrade) -> None:
        """See Giver."""
        orders = self.supervisor.orders
        orders[NEAR] = lambda number, process, frame: upgrade.near(number)
        orders[QUIET] = lambda number, process, frame: upgrade.quiet(number)
        orders[GONE] = self.has_gone
        self.supervisor.losses.append(lambda: upgrade.fail("a worker of this version has died"))

    def named(self) -> Sequence[Named]:
        """See Giver."""
        left = self.supervisor.settings.left
        named: list[Named] = []
        for number, group in enumerate(self.groups):
            if group.sockets[0] in self.passed:
                named.append((f"{PASSED} {number}", group.sockets[0].fileno()))
            else:
                named += [
                    (f"{OWN} {number} {worker}", sock.fileno()) for worker, sock in enumerate(group.sockets)
                ]
        named += [(f"{TORRENTS} {worker}", end.fileno()) for worker, end in enumerate(self.ends)]
        named += [(OTHER, sock.fileno()) for sock in left.others]
        if left.lock >= 0:
            named.append((LOCK, left.lock))
        return named

    def shut(self) -> None:
        """See Giver."""
        self.supervisor.tell_all(SHUT)

    def finish(self) -> None:
        """See Giver."""
        self.supervisor.tell_all(FINISH)

    def reopen(self) -> None:
        """See Giver."""
        self.supervisor.tell_all(REOPEN)

    def retire(self) -> None:
        """See Giver."""
        supervisor = self.supervisor
        supervisor.is_ending = True
        supervisor.endings.clear()
        for work in supervisor.loop.work:
            if isinstance(work, Generator):
                work.close()
        supervisor.loop.work.clear()
        supervisor.loop.timers.clear()
        supervisor.tell_all(RETIRE)
        latest = supervisor.now.seconds + LINGER + GRACE

        def look() -> None:
            if self.gone >= set(supervisor.processes) or supervisor.now.seconds >= latest:
                supervisor.loop.stopping = True

        supervisor.loop.every(LOOK, look)

    def has_gone(self, number: int, process: Process, frame: Frame) -> None:
        """The clients of a worker have gone."""
        self.gone.add(number)


def left_groups(succession: Succession, binds: Sequence[Bind]) -> tuple[list[Group], list[Bind]]:
    """The groups of sockets that the tracker before has left for these binds, and the binds without one."""
    if succession.bequest is None:
        return [], list(binds)
    own = succession.bequest.own
    groups: list[Group] = []
    others: list[Bind] = []
    for bind in binds:
        firsts = {number: group[0] for number, group in own.items()}
        found = binding.bound_to(bind, list(firsts.values()))
        if found is None:
            others.append(bind)
            continue
        number = next(number for number, first in firsts.items() if first is found)
        sockets = own.pop(number)
        groups.append(
            Group([sockets[worker] for worker in sorted(sockets)], number in succession.bequest.steered)
        )
    return groups, others


def join(supervisor: Supervisor, groups: Sequence[Group], succession: Succession) -> list[socket.socket]:
    """Let a supervisor take over from the tracker before, and be upgraded itself; returns sockets to close."""
    ends: list[socket.socket] = []
    for seat in supervisor.seats:
        seat.secret, seat.seed = succession.identity.secret, succession.identity.seed
    succession.close_unused()
    if succession.bequest is not None:
        take_over(supervisor, succession)
    if succession.launcher is None:
        return ends
    launcher = succession.launcher
    supervisor.leavings.append(launcher.close)
    others: list[socket.socket] = []
    for seat in supervisor.seats:
        seat.giving, end = pair()
        others.append(end)
        ends += (seat.giving, end)
        supervisor.leavings.append(end.close)
    giver = CrewGiver(supervisor, groups, succession, others)
    upgrade = Upgrade(launcher, supervisor.loop, giver, supervisor.manager)
    supervisor.leavings.append(lambda: upgrade.channel.sock.close() if upgrade.channel is not None else None)
    supervisor.actions[int(signal.SIGUSR2)] = upgrade.start
    return ends


def take_over(supervisor: Supervisor, succession: Succession) -> None:
    """Let the workers take the torrents of those of the tracker before."""
    bequest = succession.bequest
    assert bequest is not None
    for seat in supervisor.seats:
        seat.taking = bequest.torrents[seat.number]

    def lost(channel: Channel) -> None:
        supervisor.reason = "the running tracker has ended in the middle"
        supervisor.status = EXIT_START
        supervisor.loop.stopping = True

    channel = Channel(bequest.channel, supervisor.loop, lambda channel, frame: None, lost)

    def begin() -> None:
        tell_ready(bequest.channel)
        supervisor.tell_all(REOPEN)
        channel.close()
        for sock in bequest.torrents.values():
            sock.close()
        for seat in supervisor.seats:
            seat.taking = None

    supervisor.beginnings.insert(0, begin)
    supervisor.leavings.append(bequest.channel.close)
