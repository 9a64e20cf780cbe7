"""The cost of an access list, to read, to hold and to ask: run by a wheel's own python, prints JSON.

usage: list_figures.py FILE

`run.py lists` runs it. `known_ns` and `unknown_ns` are CPU time of look-ups of info_hashes whose hash has not been
computed before, without what the same call costs where there is no list. `turn_ms` is the CPU time of the longest turn
of a server's loop in a reload.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Final

from opentracker.config.settings import Sections, Settings
from opentracker.features.accesslist.accesslist import AccessList, read
from opentracker.features.accesslist.feature import AccessListSettings
from opentracker.server.wiring import Server
from opentracker.swarm.connection_ids import SECRET_SIZE
from opentracker.swarm.policy.admission import Admission

ASKED: Final = 100_000
REPEATS: Final = 3


def resident() -> int:
    """Bytes of the resident set."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sample(path: Path, number: int) -> list[bytes]:
    """Some of a file's info_hashes, chosen at random."""
    with path.open("rb") as file:
        lines = path.stat().st_size // 41
        found = []
        for _ in range(number):
            file.seek(41 * random.randrange(lines))
            found.append(bytes.fromhex(file.read(40).decode()))
    return found


def ask_ns(admission: Admission, info_hashes: list[bytes], allowed: bool) -> float:
    """Nanoseconds of CPU time of a look-up: the best of several runs, since all that disturbs makes it slower."""
    best = float("inf")
    for _ in range(REPEATS):
        fresh = [bytes(bytearray(info_hash)) for info_hash in info_hashes]
        start = time.process_time_ns()
        for info_hash in fresh:
            if admission.allows(info_hash) is not allowed:
                raise SystemExit("the list is not what was read")
        best = min(best, (time.process_time_ns() - start) / len(fresh))
    return best


def longest_turn(path: Path) -> float:
    """Seconds of CPU time of the longest turn in a reload, the swap and the end of the old list included."""
    server = Server(
        Settings(sections=Sections(AccessListSettings(path))), [], bytes(SECRET_SIZE), 1, time.process_time
    )
    server.loop.longest_turn = 0.0
    for reload in server.reloads:
        reload()
    while server.loop.work:
        server.loop.iterate(0.0)
    return server.loop.longest_turn


def main(name: str) -> None:
    path = Path(name)
    accesslist = AccessList()
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in read(path, accesslist):
        pass
    report = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "torrents": accesslist.info_hashes.size,
        "growth_bytes": resident() - before,
    }
    report["bytes_each"] = report["growth_bytes"] / report["torrents"]
    known, unknown = sample(path, ASKED), [os.urandom(20) for _ in range(ASKED)]
    call_ns = ask_ns(Admission(), known, True)
    report["known_ns"] = ask_ns(accesslist, known, True) - call_ns
    report["unknown_ns"] = ask_ns(accesslist, unknown, False) - call_ns
    report["turn_ms"] = longest_turn(path) * 1000
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
