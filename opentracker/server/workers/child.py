"""The life of a worker's process, from the fork to the exit."""

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from librt.strings import BytesWriter

from opentracker._features import WANT_UPGRADE
from opentracker.config.settings import Settings
from opentracker.errors import (
    EXIT_FAULT,
    EXIT_START,
    EXIT_USAGE,
    InvariantError,
    OpentrackerError,
    UsageError,
)
from opentracker.features.feature import Feature
from opentracker.server import wiring
from opentracker.server.core import Core
from opentracker.server.system import sandbox
from opentracker.server.system.log_lines import LineLimiter
from opentracker.server.workers.frames import FAILED, INCONSISTENT, MOST_PAYLOAD, write_frame
from opentracker.server.workers.worker import Seat, Worker

if WANT_UPGRADE:
    from opentracker.server.upgrade.alone import take_torrents

log = logging.getLogger("opentracker")

PR_SET_PDEATHSIG: Final = 1  # Linux


class Named(logging.Filter):
    """Names the worker in each line of the log."""

    def __init__(self, worker: int) -> None:
        super().__init__()
        self.worker = worker

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        record.msg = f"worker {self.worker}: {record.msg}"
        return True


def be_worker(
    make: type[Worker],
    seat: Seat,
    control: socket.socket,
    settings: Settings,
    features: Sequence[Feature[Core]],
    proc: int,
    is_successor: bool,
) -> int:
    """Run a worker in this process, a fork of the supervisor without its descriptors; returns the exit status.

    `make` makes its server.
    """
    die_with_parent()
    log.addFilter(Named(seat.number))
    try:
        server = start(make, seat, control, settings, features, proc, is_successor)
    except OpentrackerError as error:
        control.send(failure(str(error)))
        return EXIT_USAGE if isinstance(error, UsageError) else EXIT_START
    return run(server)


def start(
    make: type[Worker],
    seat: Seat,
    control: socket.socket,
    settings: Settings,
    features: Sequence[Feature[Core]],
    proc: int,
    is_successor: bool,
) -> Worker:
    """Confine this process and put a worker's server behind its sockets. Raises StartError and UsageError."""
    for feature in features:
        feature.inherit(proc, is_successor)
    if proc >= 0:
        os.close(proc)
    sandbox.restrict(settings, wiring.PATHS, sandbox.Kernel())
    divide(settings, features, seat.number)
    if settings.reread is not None:
        settings.reread = partial(reread, settings.reread, features, seat.number)
    for feature in features:
        feature.load()
    server = make(seat, control, settings, features)
    if is_successor:
        server.succeed()
    if WANT_UPGRADE and seat.taking is not None and not is_successor:
        take_torrents(server, seat.taking)
    for feature in features:
        feature.begin(server)
    if WANT_UPGRADE and seat.taking is not None and not is_successor:
        server.departure.take_over()  # until the workers of the other tracker serve no more
    return server


def divide(settings: Settings, features: Sequence[Feature[Core]], worker: int) -> None:
    """Replace limits on the whole tracker by the share of a worker."""
    for feature in features:
        feature.divide(settings, worker)


def reread(first: Callable[[], Settings], features: Sequence[Feature[Core]], worker: int) -> Settings:
    """The settings of a worker, from the current config files. Raises UsageError."""
    new = first()
    divide(new, features, worker)
    return new


def run(server: Worker) -> int:
    """Serve until the supervisor asks for the end; returns the exit status."""
    limits = LineLimiter()
    log.addFilter(limits)
    server.loop.every(60.0, limits.next_minute)
    for handler in logging.getLogger().handlers:
        server.loop.every(1.0, handler.flush)
    gc.collect()
    gc.freeze()
    gc.disable()
    server.tell_ready()
    status = 0
    try:
        server.loop.run()
        server.serve_supervisor()
        for ending in server.endings:
            ending()
        if server.loop.is_broken():
            status = EXIT_FAULT
    except InvariantError as error:
        log.critical("the store is inconsistent: %s", error)
        server.control.put(INCONSISTENT, 0, b"")
        status = EXIT_FAULT
    except Exception as error:
        log.critical("the loop ended in a fault: %r", error, exc_info=error)
        status = EXIT_FAULT
    limits.next_minute()
    log.info("%s", server.losses_in_words())
    server.close()
    return status


def failure(reason: str) -> bytes:
    """The frame that tells the supervisor why this worker cannot start."""
    out = BytesWriter()
    write_frame(out, FAILED, 0, reason.encode("utf-8", "backslashreplace")[:MOST_PAYLOAD])
    return out.getvalue()


def die_with_parent() -> None:
    """Ask the kernel to end this process with the supervisor, also if its loop hangs (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
