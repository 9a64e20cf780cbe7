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
from opentracker.swarm.policy.limits import SWARM, TORRENT, peers_of, weight_of, weight_of_family
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.tracker import SHARDS, Tracker

STDIN: Final = 0
LOOK_SECONDS: Final = 0.02


def recounted(tracker: Tracker) -> dict[str, int]:
    """Torrents, peers and bytes of the store, each torrent looked at anew."""
    torrents = peers = size = downloaded = 0
    for shard in tracker.shards:
        for info_hash, entry in shard.items():
            torrents += 1
            downloaded += tracker.scrape(info_hash)[1]
            if isinstance(entry, Swarm):
                tables = [
                    table for family in (entry.v4, entry.v6) for table in (family.leechers, family.seeders)
                ]
                peers += sum(sum(map(len, table.blocks)) // (table.stride + 2) for table in tables)
                size += TORRENT + SWARM
                size += weight_of_family(entry.v4, STRIDE4) + weight_of_family(entry.v6, STRIDE6)
            else:
                peers += peers_of(entry)
                size += TORRENT + weight_of(entry)
    return {"torrents": torrents, "peers": peers, "bytes": size, "downloaded": downloaded}


def fault_of(checker: Checker, minute: int) -> str:
    """The first fault of the store; empty if there is none."""
    try:
        for _ in range(SHARDS):
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
        limits, gate = self.tracker.limits, self.http.gate
        return {
            "kept": {"torrents": limits.torrents, "peers": limits.peers, "bytes": limits.bytes},
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
