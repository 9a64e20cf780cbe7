"""The tracker with a clock that can be put forward: run by a wheel's own python for `run.py stall`.

usage: stall_server.py HOST PORT DIRECTORY

Commands are single bytes on standard input: f (freeze the cleaner), j (put the clock forward until every peer is too
old, and let the cleaner go on), r (forget the longest turn), p (print a line of JSON).
"""

from __future__ import annotations

import json
import math
import os
import select
import sys
import time
from pathlib import Path
from typing import Final

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT
from opentracker.config.settings import Bind, Settings
from opentracker.protocol.addresses import parse_ip
from opentracker.server import binding, wiring
from opentracker.server.signals import Signals
from opentracker.server.system.privileges import enter
from opentracker.swarm.connection_ids import SECRET_SIZE

STDIN: Final = 0
LOOK_SECONDS: Final = 0.02


class Clock:
    """The monotonic clock, and what it was put forward by, in seconds."""

    def __init__(self) -> None:
        self.forward = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.forward


class Control:
    """Looks for a command now and then; carries out one a turn, so that r forgets what j made of its turn.

    It is a timer's action, since what the loop watches must be of a class that is compiled where the loop is.
    """

    def __init__(self, server: wiring.Server, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self.timers = {timer.action: timer for timer in server.loop.timers}

    def look(self) -> None:
        if not select.select([STDIN], [], [], 0)[0]:
            return
        match os.read(STDIN, 1):
            case b"f":
                self.cleaner_due(math.inf)
            case b"j":
                self.clock.forward += (OT_PEER_TIMEOUT + 1) * 60
                self.cleaner_due(0.0)
            case b"r":
                self.server.loop.longest_turn = 0.0
            case b"p":
                self.report()

    def cleaner_due(self, when: float) -> None:
        self.timers[self.server.clean].due = when

    def report(self) -> None:
        torrents = sum(len(shard) for shard in self.server.tracker.shards)
        longest = self.server.loop.longest_turn
        cycle = OT_CLEAN_CYCLE * 60
        print(json.dumps({"torrents": torrents, "longest_turn": longest, "cycle": cycle}), flush=True)


def main(host: str, port: str, directory: str) -> None:
    address = parse_ip(host)
    settings = Settings(
        binds=[Bind(udp, address, int(port)) for udp in (False, True)], directory=Path(directory)
    )
    enter(settings.directory)
    clock = Clock()
    sockets = binding.open_sockets(settings.binds)
    server = wiring.Server(settings, sockets, os.urandom(SECRET_SIZE), 1, clock)
    signals = Signals()
    signals.install()
    signals.serve(server.loop, {})
    server.loop.every(LOOK_SECONDS, Control(server, clock).look)
    server.loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
