"""The tracker as a process: started, serving until a signal ends it, and ended."""

import gc
import logging
import os
import sys
from collections.abc import Callable

from opentracker import build_info, plan
from opentracker.errors import EXIT_USAGE, StartError
from opentracker.server import privileges, wiring
from opentracker.server.loop import Signals
from opentracker.server.settings import Settings

log = logging.getLogger("opentracker")


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
    words = plan.in_words(settings, privileges.is_root())
    try:
        wiring.check(settings, privileges.confine)
    except StartError as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_USAGE
    show("\n".join(words))
    return 0


def serve(settings: Settings, confine: Callable[[Settings], None] = privileges.confine) -> int:
    """Run a tracker until a signal ends it."""
    log.info(build_info.one_line())
    server = wiring.start(settings, confine)
    signals = Signals(server.loop, server.signal_actions())
    signals.install()
    for line in server.sockets_in_words():  # whoever reads this may end the tracker from now on
        log.info("%s", line)
    collect_no_garbage()
    try:
        server.loop.run()
        for ending in server.endings:
            ending()
    finally:
        log.info("%s", server.losses_in_words())
        signals.close()
        server.close()
    return 0


def collect_no_garbage() -> None:
    """Stop the garbage collector, which would walk over every swarm and stall the loop.

    A tracker makes no reference cycles as it runs, so what it no longer needs is freed at once without.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
