"""The tracker as its command starts it, which recounts its store when asked.

A wheel's own python runs it for bench/soak, with the command's arguments. A line on standard input asks for a recount;
the answer is a line of JSON on standard output. A recount takes one iteration of the loop, so nothing comes or goes
meanwhile; it is for moments without load.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any, Final

from opentracker import cli, daemon
from opentracker.errors import InvariantError
from opentracker.server import wiring
from opentracker.swarm.invariants import OLDEST, Checker
from opentracker.swarm.tracker import Tracker

STDIN: Final = 0
LOOK_SECONDS: Final = 0.02


def recounted(tracker: Tracker) -> dict[str, int]:
    """Torrents, peers and bytes of the store, each torrent looked at anew."""
    store = tracker.store
    found = {"torrents": 0, "peers": 0, "bytes": 0, "downloaded": 0}
    for shard in range(store.shards):
        totals = store.weigh(shard)
        found["torrents"] += totals.torrents
        found["peers"] += totals.peers
        found["bytes"] += totals.bytes
        found["downloaded"] += sum(store.downloads(each) for each in store.info_hashes(shard))
    return found


def fault_of(checker: Checker, minute: int) -> str:
    """The first fault of the store; empty if there is none."""
    try:
        for _ in range(checker.tracker.store.shards):
            for _ in checker.check_next(minute, OLDEST):
                pass
    except InvariantError as error:
        return str(error)
    return ""


class RecountedServer(wiring.Server):
    """A tracker with a look at standard input now and then."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.checker = Checker(self.tracker)
        self.has_recounted = False
        self.loop.every(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Answer a line. It is a timer's action, since what the loop watches is of a class compiled with it."""
        if self.has_recounted:  # in the turn before this one, which is no turn of the command's
            self.has_recounted = False
            self.loop.longest_turn = 0.0
        if select.select([STDIN], [], [], 0)[0] and os.read(STDIN, 64):
            print(json.dumps(self.report()), flush=True)
            self.has_recounted = True

    def report(self) -> dict[str, Any]:
        """The store's counts as they are kept and as they are found, and what else has to agree."""
        totals, gate = self.tracker.store.totals, self.http.gate
        return {
            "kept": {"torrents": totals.torrents, "peers": totals.peers, "bytes": totals.bytes},
            "found": recounted(self.tracker),
            "fault": fault_of(self.checker, self.now.minute),
            "connections": len(self.http.connections),
            "connections_counted": gate.open,
            "connections_by_address": sum(gate.of_host.values()),
            "longest_turn": self.loop.longest_turn,
            "counters": self.counters.values(),
        }


def serve(settings: Any) -> int:
    return daemon.serve(settings, make=RecountedServer)


if __name__ == "__main__":
    sys.exit(cli.main(serve=serve))
