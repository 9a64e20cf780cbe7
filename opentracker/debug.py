"""`opentracker.debug`: the same tracker, in Python's development mode, with more logging and checks.

The log has every option taken, every socket, every step of giving up rights, and every refused request with its bytes.
Every torrent is checked in each clean cycle, in slices of the loop, by the worker that owns it; the first broken one
ends the tracker, with status 70. The normal command runs none of this: its responders are other classes.
"""

import logging
import os
import sys
from typing import Final

from opentracker import cli, daemon
from opentracker._features import WANT_WORKERS
from opentracker.config.settings import Settings
from opentracker.errors import EXIT_FAULT, InvariantError
from opentracker.server import signals, wiring
from opentracker.server.refusals import TellingHttpResponder, TellingUdpResponder
from opentracker.server.store_check import CheckedServer

if WANT_WORKERS:
    from opentracker.server.workers.debug_worker import DebugWorker

log = logging.getLogger("opentracker")


class DebugServer(CheckedServer, wiring.Server):
    """A tracker that logs refused requests and checks its store."""

    def new_http_answers(self, redirect_url: bytes) -> TellingHttpResponder:
        """See Server."""
        return TellingHttpResponder(self.tracker, self.counters, redirect_url)

    def new_udp_responder(self) -> TellingUdpResponder:
        """See Server."""
        return TellingUdpResponder(self.tracker, self.ids, self.counters)


# One of several, if there are.
WORKER: Final = DebugWorker if WANT_WORKERS else None


def serve(
    settings: Settings,
    make: type[wiring.Server] = DebugServer,
    make_worker: "type[DebugWorker] | None" = WORKER,
) -> int:
    """Run a tracker until a signal, or until a check fails; returns the exit status."""
    try:
        return daemon.serve(settings, make=make, make_worker=make_worker)
    except InvariantError as error:
        log.critical("the store is inconsistent: %s", error)
        return EXIT_FAULT


def main() -> int:
    """Run the command; returns the exit status."""
    if not sys.flags.dev_mode:
        os.execv(sys.executable, [sys.executable, "-X", "dev", *sys.orig_argv[1:]])  # noqa: S606 - itself
    signals.begin()
    return cli.main(serve=serve, verbose=True)


if __name__ == "__main__":
    sys.exit(main())
