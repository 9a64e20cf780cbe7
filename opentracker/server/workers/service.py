"""The start of a tracker of several workers: everything is opened, root's rights are given away, the workers start.

A successor of a worker that dies is started with the rights that are left by then: all sockets are open, and `/proc`
is held by a descriptor, for the files about each process.
"""

import gc
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from opentracker._features import WANT_UPGRADE
from opentracker.config.settings import Settings
from opentracker.errors import EXIT_USAGE, ConfigError, StartError, UsageError
from opentracker.server import binding, wiring
from opentracker.server.signals import Signals
from opentracker.server.sockets import RECEIVE_BUFFER, describe, receive_buffer_of
from opentracker.server.system import privileges, sandbox
from opentracker.server.system.libc import has_mmsg
from opentracker.server.system.systemd import Notifier
from opentracker.server.workers.channel import pair
from opentracker.server.workers.sockets import Group, open_groups, passed_groups
from opentracker.server.workers.supervisor import Supervisor
from opentracker.server.workers.worker import Seat, Worker
from opentracker.swarm.connection_ids import SECRET_SIZE
from opentracker.swarm.ownership import WORDS

if WANT_UPGRADE:
    from opentracker.server.upgrade import crew
    from opentracker.server.upgrade.succession import Succession

log = logging.getLogger("opentracker")

PROC: Final = "/proc"


def serve(
    settings: Settings,
    passed: Sequence[socket.socket],
    manager: Notifier,
    signals: Signals,
    succession: "Succession | None" = None,
    make: type[Worker] = Worker,
) -> int:
    """Run a tracker of several workers until a signal ends it; returns the exit status.

    `make` makes each worker.

    Raises StartError and UsageError.
    """
    if not has_mmsg():
        raise ConfigError("listen.workers above 1 is for Linux on 64-bit little-endian machines")
    features = [feature(settings) for feature in wiring.FEATURES]
    with ExitStack() as opened:
        for sock in passed:
            opened.enter_context(sock)
        for feature in features:
            opened.callback(feature.close)
        wiring.check_features(features, settings)
        keys = keys_of(succession)
        groups = all_groups(settings, passed, keys, succession)
        for group in groups:
            opened.callback(group.close)
        for feature in features:
            feature.open()
        proc = open_proc()
        if proc >= 0:
            opened.callback(os.close, proc)
        privileges.give_up(settings, wiring.PATHS)
        sandbox.restrict(settings, wiring.PATHS, sandbox.Kernel(), proc)
        supervisor = Supervisor(settings, features, proc, manager, signals, make)
        supervisor.seats += make_seats(settings.workers, keys, supervisor.now.start, groups)
        for seat in supervisor.seats:
            for end in seat.channels.values():
                opened.callback(end.close)
        if WANT_UPGRADE and succession is not None:
            for sock in crew.join(supervisor, groups, succession):
                opened.callback(sock.close)
        for feature in features:
            feature.oversee(supervisor)
        supervisor.beginnings.append(lambda: begun(groups, supervisor.listening, manager))
        gc.collect()
        gc.freeze()
        status = supervisor.run()
        if supervisor.reason:
            raise (UsageError if status == EXIT_USAGE else StartError)(supervisor.reason)
        return status


def keys_of(succession: "Succession | None") -> list[int]:
    """The keys of the ownership: those of the tracker before, or new ones."""
    if WANT_UPGRADE and succession is not None and succession.identity.keys:
        return succession.identity.keys
    return [secrets.randbits(32) | 1 for _ in range(WORDS)]


def all_groups(
    settings: Settings,
    passed: Sequence[socket.socket],
    keys: Sequence[int],
    succession: "Succession | None",
) -> list[Group]:
    """The sockets of the service manager, those that a tracker before has left, and new ones. Raises StartError."""
    groups = passed_groups(passed, settings.workers)
    if settings.binds or not passed:
        binds = binding.planned_binds(settings)
        if WANT_UPGRADE and succession is not None:
            left, binds = crew.left_groups(succession, binds)
            groups += left
        groups += open_groups(binds, settings.workers, keys)
    return groups


def open_proc() -> int:
    """A descriptor of /proc; -1 where there is none."""
    try:
        return os.open(PROC, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1


def make_seats(workers: int, keys: Sequence[int], origin: float, groups: Sequence[Group]) -> list[Seat]:
    """The seats of all workers, with a channel between each two of them."""
    secret, seed = os.urandom(SECRET_SIZE), int.from_bytes(os.urandom(7), "big")
    channels: list[dict[int, socket.socket]] = [{} for _ in range(workers)]
    for one in range(workers):
        for two in range(one):
            channels[one][two], channels[two][one] = pair()
    return [
        Seat(
            number,
            workers,
            keys,
            secret,
            seed,
            origin,
            [group.sockets[number] for group in groups],
            [group.sockets[number] for group in groups if not group.is_steered],
            channels[number],
        )
        for number in range(workers)
    ]


def begun(groups: Sequence[Group], others: Sequence[str], manager: Notifier) -> None:
    """Tell that all workers serve; a reader of these lines may send signals from now on."""
    listening = [*(describe(group.sockets[0]) for group in groups), *others]
    for words in listening:
        log.info("listening on %s", words)
    granted = [
        receive_buffer_of(sock)
        for group in groups
        for sock in group.sockets
        if sock.type == socket.SOCK_DGRAM
    ]
    if granted and min(granted) < RECEIVE_BUFFER:
        log.info(
            "UDP receive buffers of %d KiB were granted, %d KiB asked for",
            *(min(granted) // 1024, RECEIVE_BUFFER // 1024),
        )
    manager.is_ready(f"Listening on {len(listening)} sockets")
