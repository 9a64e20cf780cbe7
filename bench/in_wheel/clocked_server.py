"""The tracker as its command starts it, with a clock that the bench sets: run by a wheel's own python.

usage: clocked_server.py ANNOUNCES_A_MINUTE [option of the command ...]

A minute of the tracker's clock passes with each ANNOUNCES_A_MINUTE announces, beside the usual ones; 0 leaves the
clock as it is. Timers keep their pace meanwhile: with one for each such minute their work would be a part of the
figures. Commands are single bytes on standard input: f (freeze the cleaner), j (put the clock forward until every peer
is too old, and let the cleaner go on), r (forget the longest iteration), p (print a line of JSON).

Only modules that every revision of the package has are imported here, so one script serves all of them.
"""

from __future__ import annotations

import json
import math
import os
import select
import sys
import time
from typing import Any, Final

from opentracker import cli, daemon
from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT
from opentracker.server import wiring

STDIN: Final = 0
LOOK_SECONDS: Final = 0.02
COUNT_SECONDS: Final = 0.001
MINUTE: Final = 60.0  # seconds


class Clock:
    """Seconds of the monotonic clock, and those by which it was put forward."""

    def __init__(self) -> None:
        self.forward = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward


class ClockedServer(wiring.Server):
    """A tracker that carries out commands, one an iteration, so that r forgets the iteration of a j before it.

    The look for commands is a timer's action, since what the loop watches must be of a class compiled with the loop.
    """

    announces_a_minute = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.clock = Clock()
        super().__init__(*arguments, **{**named, "clock": self.clock})
        self.cleaning = next(timer for timer in self.loop.timers if timer.action == self.clean)
        self.due = self.announces_a_minute
        self.loop.every(LOOK_SECONDS, self.look)
        self.loop.every(COUNT_SECONDS, self.count)

    def count(self) -> None:
        """Let a minute pass if enough announces have come."""
        if self.announces_a_minute and self.counters.udp_announces >= self.due:
            self.due += self.announces_a_minute
            self.clock.forward += MINUTE
            for timer in self.loop.timers:
                timer.due += MINUTE

    def look(self) -> None:
        """Carry out a command, if there is one."""
        if not select.select([STDIN], [], [], 0)[0]:
            return
        match os.read(STDIN, 1):
            case b"f":
                self.cleaning.due = math.inf
            case b"j":
                self.clock.forward += (OT_PEER_TIMEOUT + 1) * MINUTE
                self.cleaning.due = 0.0
            case b"r":
                self.loop.longest_turn = 0.0
            case b"p":
                print(json.dumps(self.report()), flush=True)

    def report(self) -> dict[str, float]:
        return {
            "torrents": int(self.tracker.store.totals.torrents),
            "longest_turn": self.loop.longest_turn,
            "cycle": OT_CLEAN_CYCLE * MINUTE,
        }


def serve(settings: Any) -> int:
    return daemon.serve(settings, make=ClockedServer)


if __name__ == "__main__":
    ClockedServer.announces_a_minute = int(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:], serve=serve))
