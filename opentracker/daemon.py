"""The tracker as a process: started, serving until a signal ends it, and ended."""

import gc
import logging
import os
import sys

from opentracker import build_info, plan
from opentracker.errors import EXIT_USAGE, StartError
from opentracker.server import wiring
from opentracker.server.loop import Signals
from opentracker.server.settings import Settings

log = logging.getLogger("opentracker")


def show(text: str) -> None:
    """Print, whether or not anybody reads it to its end."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # `opentracker -v | head -1`: what is still buffered goes nowhere, at the exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check(settings: Settings) -> int:
    """Tell what would be bound and loaded; bind nothing."""
    try:
        wiring.check(settings)
    except StartError as error:
        print(f"opentracker: {error}", file=sys.stderr)
        return EXIT_USAGE
    show("\n".join(plan.in_words(settings)))
    return 0


def serve(settings: Settings) -> int:
    """Run a tracker until a signal ends it."""
    log.info(build_info.one_line())
    server = wiring.start(settings)
    signals = Signals(server.loop, server.signal_actions())
    signals.install()
    if os.geteuid() == 0:
        log.warning("started as root, and stays root: this version drops no privileges yet")
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
