"""The tracker as a process: started, serving until a signal ends it, and ended."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Final

from opentracker import build_info, plan
from opentracker.config.settings import Settings
from opentracker.errors import EXIT_USAGE, StartError
from opentracker.server import wiring
from opentracker.server.loop import Signals
from opentracker.server.system import descriptors, privileges
from opentracker.server.system.log_lines import LineLimiter
from opentracker.server.system.systemd import Notifier, Reload, passed_sockets

log = logging.getLogger("opentracker")

# Seconds between two looks at whether a reload is done, where a service manager waits for it.
LOOK: Final = 0.5


def show(text: str) -> None:
    """Print, whether or not anybody reads it to its end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # `opentracker -v | head -1`: what is still buffered goes nowhere, at the exit too. Into a pipe that nobody
        # reads: /dev/null may be outside of the root directory.
        os.dup2(os.pipe()[1], sys.stdout.fileno())


def check(settings: Settings) -> int:
    """Tell what would be bound and loaded; bind nothing."""
    words = plan.describe(settings, privileges.is_root())
    try:
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
) -> int:
    """Run a tracker until a signal ends it."""
    log.info(build_info.one_line())
    for taken in settings.taken:
        log.debug("taken: %s", taken)
    descriptors.raise_limit()
    with closing(Notifier(os.environ, os.getpid())) as manager:
        server = wiring.start(settings, confine, passed_sockets(os.environ, os.getpid()), make)
        run(server, manager)
    return 0


def run(server: wiring.Server, manager: Notifier) -> None:
    """Serve until a signal ends it, then end."""
    signals = Signals(server.loop, {**server.signal_actions(), **manager_actions(server, manager)})
    signals.install()
    for line in server.sockets_in_words():  # whoever reads this may end the tracker from now on
        log.info("%s", line)
    manager.is_ready(f"Listening on {len(server.sockets)} sockets")
    limits = LineLimiter()
    log.addFilter(limits)
    server.loop.every(60.0, limits.next_minute)
    collect_no_garbage()
    try:
        server.loop.run()
        manager.is_stopping()
        for ending in server.endings:
            ending()
    finally:
        log.removeFilter(limits)
        limits.next_minute()
        log.info("%s", server.losses_in_words())
        signals.close()
        server.close()


def manager_actions(server: wiring.Server, manager: Notifier) -> dict[int, Callable[[], None]]:
    """What a service manager is told as the tracker runs; gives what SIGHUP has to do for that."""
    if manager.sock is None:
        return {}
    reload = Reload(manager, server.reloads, server.loop.work)
    server.loop.every(LOOK, reload.look)
    server.loop.every(60.0, lambda: manager.tell(f"STATUS={describe(server)}"))
    if manager.watchdog_interval > 0:
        server.loop.every(manager.watchdog_interval, manager.is_alive)
    return {int(signal.SIGHUP): reload.start}


def describe(server: wiring.Server) -> str:
    """What a service manager shows of a tracker that runs."""
    torrents = server.tracker.store.totals.torrents
    announces = server.counters.tcp_announces + server.counters.udp_announces
    return f"{torrents} torrents, {announces} announces since the start"


def collect_no_garbage() -> None:
    """Stop the garbage collector, which would walk over every swarm and stall the loop.

    A tracker makes no reference cycles as it runs, so what it no longer needs is freed at once without.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
