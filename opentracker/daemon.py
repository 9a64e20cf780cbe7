"""The tracker as a process: the start, serving until a signal, and the end."""

import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Final

from opentracker import build_info, plan
from opentracker._features import WANT_UPGRADE, WANT_WORKERS
from opentracker.config.settings import Settings
from opentracker.errors import (
    EXIT_END,
    EXIT_FAULT,
    EXIT_USAGE,
    EndError,
    InvariantError,
    OpentrackerError,
    StartError,
)
from opentracker.server import wiring
from opentracker.server.signals import Signals
from opentracker.server.system import descriptors, privileges
from opentracker.server.system.log_lines import LineLimiter
from opentracker.server.system.log_output import lost_lines, set_up
from opentracker.server.system.systemd import Notifier, Reload, passed_sockets
from opentracker.swarm.counting.core_gauges import LOST_LINES

if WANT_WORKERS:
    from opentracker.server.workers import service
    from opentracker.server.workers.worker import Worker
if WANT_UPGRADE:
    from opentracker.server.upgrade import alone
    from opentracker.server.upgrade.succession import Succession

log = logging.getLogger("opentracker")

# Seconds between two looks whether a reload is done, if a service manager waits for it.
LOOK: Final = 0.5


def show(text: str) -> None:
    """Print a text; a reader that closes the pipe early is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # `opentracker -v | head -1`: the buffered rest must not fail at the exit either. It goes into a pipe without a
        # reader, since /dev/null may be outside of the root directory.
        os.dup2(os.pipe()[1], sys.stdout.fileno())


def check(settings: Settings) -> int:
    """Print the sockets and files that a start would open, without binding any socket; returns the exit status."""
    try:
        words = plan.describe(settings, privileges.is_root())
        wiring.check(settings, privileges.confine)
    except StartError as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_USAGE
    show("\n".join(words))
    return 0


def serve(
    settings: Settings,
    confine: wiring.Confine = privileges.confine,
    make: type[wiring.Server] = wiring.Server,
    make_worker: "type[Worker] | None" = None,
) -> int:
    """Run a tracker until a signal ends it; returns the exit status.

    `make` makes its server, and `make_worker` each of several workers; the usual ones without it.
    """
    signals = Signals()
    signals.install()
    if sys.stderr is not None:
        faulthandler.enable(sys.stderr)  # a watchdog's SIGABRT prints a traceback
    log.info(build_info.one_line())
    for taken in settings.taken:
        log.debug("taken: %s", taken)
    succession: Succession | None = None
    line: alone.Alone | None = None
    with ExitStack() as opened:
        opened.callback(signals.close)
        try:
            if WANT_UPGRADE:  # before anything else is opened
                succession = opened.enter_context(closing(Succession(settings, os.environ)))
                passed = succession.passed
            else:
                passed = passed_sockets(os.environ, os.getpid())
            descriptors.raise_limit()
            manager = opened.enter_context(closing(Notifier(os.environ, os.getpid())))
            if WANT_WORKERS and settings.workers > 1:
                return service.serve(settings, passed, manager, signals, succession, make_worker or Worker)
            if WANT_UPGRADE and succession is not None:
                line = alone.Alone(succession, manager)
                server = line.start(confine, make)
            else:
                server = wiring.start(settings, confine, passed, make)
        except SystemExit:
            log.info("the start is given up: a signal asked for the end")
            raise
        except OpentrackerError:
            raise
        except Exception as error:
            log.critical("the start ended in a fault: %r", error, exc_info=error)
            return EXIT_FAULT
        return run(server, manager, signals, line)


def run(server: wiring.Server, manager: Notifier, signals: Signals, line: "alone.Alone | None" = None) -> int:
    """Serve until a signal, then end; returns the exit status.

    A broken store (InvariantError) ends the tracker too; it is not written to the state file.
    """
    server.renewals.append(lambda new: set_up(new.log_level, new.log_format))
    server.sources.append(lambda snapshot: snapshot.tell(LOST_LINES, lost_lines()))
    actions = server.signal_actions()
    if manager.sock is not None:
        actions[signal.SIGHUP] = reported(server, manager, actions[signal.SIGHUP])
    if WANT_UPGRADE and line is not None:
        actions |= line.join(server)
    signals.serve(server.loop, actions)
    for words in server.sockets_in_words():  # a reader of these lines may send signals from now on
        log.info("%s", words)
    manager.is_ready(f"Listening on {len(server.sockets)} sockets")
    limits = LineLimiter()
    log.addFilter(limits)
    server.loop.every(60.0, limits.next_minute)
    for handler in logging.getLogger().handlers:
        server.loop.every(1.0, handler.flush)
    collect_no_garbage()
    try:
        if WANT_UPGRADE and line is not None:
            line.begin()
        server.loop.run()
        if WANT_UPGRADE and line is not None and line.is_over():
            return 0
        return end(server, manager)
    except InvariantError:
        raise
    except Exception as error:
        log.critical("the loop ended in a fault: %r", error, exc_info=error)
        end(server, manager)
        return EXIT_FAULT
    finally:
        log.removeFilter(limits)
        limits.next_minute()
        log.info("%s", server.losses_in_words())
        server.close()


def end(server: wiring.Server, manager: Notifier) -> int:
    """Call all endings, also after one has failed; returns the exit status."""
    status = EXIT_FAULT if server.loop.is_broken() else 0
    manager.is_stopping()
    for ending in server.endings:
        try:
            ending()
        except EndError as error:
            log.error("%s", error)
            status = EXIT_END
        except Exception as error:
            log.critical("the end is not complete: %r", error, exc_info=error)
            status = EXIT_FAULT
    return status


def reported(server: wiring.Server, manager: Notifier, action: Callable[[], None]) -> Callable[[], None]:
    """Report the status to a service manager at intervals; returns a reload action that reports itself too."""
    reload = Reload(manager, action, server.loop.work, lambda: describe(server))
    server.loop.every(LOOK, reload.look)
    server.loop.every(60.0, lambda: manager.tell(f"STATUS={describe(server)}"))
    if manager.watchdog_interval > 0:
        server.loop.every(manager.watchdog_interval, manager.is_alive)
    return reload.start


def describe(server: wiring.Server) -> str:
    """The status line of a running tracker for a service manager."""
    torrents = server.tracker.store.totals.torrents
    announces = server.counters.tcp_announces + server.counters.udp_announces
    return "; ".join([f"{torrents} torrents, {announces} announces since the start", *server.worries()])


def collect_no_garbage() -> None:
    """Stop the garbage collector, which would walk over every swarm and stall the loop.

    A running tracker makes no reference cycles, so reference counting frees every unused object at once.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
