"""The upgrade of a tracker of several workers, as its supervisor sees it: its two ends."""

import logging
import signal
import socket
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Final

from opentracker.config.settings import Bind
from opentracker.errors import EXIT_START
from opentracker.features.feature import Overseer
from opentracker.server import binding
from opentracker.server.upgrade.alone import tell_ready
from opentracker.server.upgrade.bequest import OWN, PASSED, TORRENTS, Named, of_features
from opentracker.server.upgrade.departure import LINGER
from opentracker.server.upgrade.door import MOMENT
from opentracker.server.upgrade.succession import Succession
from opentracker.server.upgrade.upgrade import Giver, Upgrade
from opentracker.server.workers.channel import Channel, pair
from opentracker.server.workers.frames import FINISH, GONE, NEAR, QUIET, REOPEN, RETIRE, SHUT, TELL, Frame
from opentracker.server.workers.sockets import Group
from opentracker.server.workers.supervisor import Process, Supervisor

log = logging.getLogger("opentracker")

LOOK: Final = 0.2
LAST_MESSAGE: Final = "the last message of the tracker before"
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
        super().__init__(identity, len(supervisor.seats), supervisor.settings.left)
        self.supervisor = supervisor
        self.groups = groups
        self.passed = succession.passed
        self.ends = ends
        self.steered = [number for number, group in enumerate(groups) if group.is_steered]
        self.gone: set[int] = set()
        self.is_shut = False

    def join(self, upgrade: Upgrade) -> None:
        """See Giver."""
        self.upgrade = upgrade
        orders = self.supervisor.orders
        orders[NEAR] = lambda number, process, frame: upgrade.near(number)
        orders[QUIET] = lambda number, process, frame: upgrade.quiet(number)
        orders[GONE] = self.has_gone
        self.supervisor.losses.append(lambda: upgrade.fail("a worker of this version has died"))

    def named(self) -> Sequence[Named]:
        """See Giver."""
        named: list[Named] = []
        for number, group in enumerate(self.groups):
            if group.sockets[0] in self.passed:
                named.append((f"{PASSED} {number}", group.sockets[0].fileno()))
            else:
                named += [
                    (f"{OWN} {number} {worker}", sock.fileno()) for worker, sock in enumerate(group.sockets)
                ]
        named += [(f"{TORRENTS} {worker}", end.fileno()) for worker, end in enumerate(self.ends)]
        return named + of_features(self.left)

    def shut(self) -> None:
        """See Giver: first the inlets, whose changes workers carry out."""
        self.is_shut = True
        for inlet in self.supervisor.inlets:
            inlet.shut()
        self.supervisor.loop.start(self.wait())

    def wait(self) -> Iterator[None]:
        """Wait until the workers have carried all changes out."""
        supervisor = self.supervisor
        latest = supervisor.now.seconds + MOMENT
        while not all(inlet.is_quiet() for inlet in supervisor.inlets) and supervisor.now.seconds < latest:
            supervisor.loop.resting = True
            yield
        if self.is_shut:
            supervisor.tell_all(SHUT)

    def finish(self) -> None:
        """See Giver."""
        channel = self.upgrade.channel
        assert channel is not None
        for payload in self.supervisor.telling.payloads:
            channel.put(TELL, 0, payload)
        for inlet in self.supervisor.inlets:
            for payload in inlet.last_words():
                channel.put(TELL, 0, payload)
        channel.put(FINISH, 0, b"")
        self.supervisor.tell_all(FINISH)

    def reopen(self) -> None:
        """See Giver."""
        if self.is_shut:
            self.is_shut = False
            for inlet in self.supervisor.inlets:
                inlet.open()
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

    messages: list[bytes] = []

    def take(channel: Channel, frame: Frame) -> None:
        if frame.kind == TELL:
            messages.append(frame.payload)
        elif frame.kind == FINISH:
            supervisor.waits_for.discard(LAST_MESSAGE)
            supervisor.begin()

    channel = Channel(bequest.channel, supervisor.loop, take, lost)

    def begin() -> None:
        for message in messages:
            repeat(supervisor, message)
        tell_ready(bequest.channel, supervisor.settings.left)
        supervisor.tell_all(REOPEN)
        channel.close()
        for sock in bequest.torrents.values():
            sock.close()
        for seat in supervisor.seats:
            seat.taking = None

    supervisor.waits_for.add(LAST_MESSAGE)
    supervisor.beginnings.insert(0, begin)
    supervisor.leavings.append(bequest.channel.close)


def repeat(supervisor: Overseer, payload: bytes) -> None:
    """Give a message of the supervisor before to its hearer, or to all workers and their successors."""
    name, _, message = payload.partition(b" ")
    hearer = supervisor.hearers.get(name)
    if hearer is None:
        supervisor.tell(name, message)
    else:
        hearer(message)
