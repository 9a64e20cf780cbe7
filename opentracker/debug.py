"""`opentracker.debug`: the same tracker, in Python's development mode, with more logging and checks.

The log has every option taken, every socket, every step of giving up rights, and every refused request with its bytes.
Every torrent is checked in each clean cycle, in slices of the loop; the first broken one ends the process, with status
70. The normal command runs none of this: its responders are other classes.
"""

import logging
import os
import sys
from typing import Any, Final

from opentracker import cli, daemon
from opentracker._features import OT_CLEAN_CYCLE
from opentracker.config.settings import Settings
from opentracker.errors import EXIT_FAULT, InvariantError
from opentracker.server import signals, wiring
from opentracker.server.refusals import TellingHttpResponder, TellingUdpResponder
from opentracker.swarm.invariants import ANY_AGE, OLDEST, Checker

log = logging.getLogger("opentracker")

# Seconds without an iteration of the loop that mean that the process was stopped, and nothing was cleaned meanwhile.
GAP: Final = 30.0


class DebugServer(wiring.Server):
    """A tracker that logs refused requests and checks its store."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.checker = Checker(self.tracker)
        self.checked_at = self.now.seconds
        self.sure_from = 0.0  # seconds of the loop's clock; before this, stamps may be older than OLDEST
        self.loop.every(OT_CLEAN_CYCLE * 60 / self.tracker.store.shards, self.check_next)

    def new_http_answers(self, redirect_url: bytes) -> TellingHttpResponder:
        """See Server."""
        return TellingHttpResponder(self.tracker, self.counters, redirect_url)

    def new_udp_responder(self) -> TellingUdpResponder:
        """See Server."""
        return TellingUdpResponder(self.tracker, self.ids, self.counters)

    def check_next(self) -> None:
        """Start to check the next shard; the loop's `run` raises InvariantError if it is broken."""
        seconds = self.now.seconds
        if seconds - self.checked_at > GAP:
            self.sure_from = seconds + 2 * OT_CLEAN_CYCLE * 60
        self.checked_at = seconds
        oldest = OLDEST if seconds >= self.sure_from else ANY_AGE
        self.loop.start(self.checker.check_next(self.now.minute, oldest))


def serve(settings: Settings, make: type[wiring.Server] = DebugServer) -> int:
    """Run a tracker until a signal, or until a check fails; returns the exit status."""
    try:
        return daemon.serve(settings, make=make)
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
