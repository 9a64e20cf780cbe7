"""Write a state file with a million peers and read it again: run by a wheel's own python for `run.py state`."""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Final

from librt.random import Random

from opentracker.features.state import full as full_state
from opentracker.features.state.state import open_state
from opentracker.protocol.messages import Announce
from opentracker.swarm.tracker import Tracker

PEERS: Final = 1_000_000
EPOCH: Final = 29_000_000


def filled() -> Tracker:
    """Half of the peers alone in their torrents, the others in swarms of ten and of a thousand."""
    tracker = Tracker(Random(1))
    a = Announce(both_families=False)
    a.stored, a.numwant = True, 0
    for size in (1, 1, 10, 1000):
        for number in range(PEERS // 4):
            if number % size == 0:
                info_hash = random.randbytes(20)
            a.info_hash = info_hash
            a.peer = random.randbytes(4) + b"\x1a\xe1"
            a.seeding = number % 3 == 0
            tracker.announce(a, 0)
    return tracker


def main() -> None:
    tracker = filled()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "state"
        longest = 0.0
        began = latest = time.perf_counter()
        with path.open("wb") as file:
            for piece in full_state.write(tracker, 0, EPOCH):
                file.write(piece)
                now = time.perf_counter()
                longest, latest = max(longest, now - latest), now
        wrote = time.perf_counter() - began
        size = path.stat().st_size
        again = Tracker(Random(2))
        loading = full_state.Loading(again, 0, EPOCH)
        began = time.perf_counter()
        with open_state(path) as opened:
            loading.load(opened, "state")
        read = time.perf_counter() - began
    assert loading.tally.loaded == tracker.store.totals.torrents
    report = {"write": wrote, "read": read, "longest_ms": longest * 1000, "mib": size / (1 << 20)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
