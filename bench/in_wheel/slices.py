"""The longest work that the store does in one go on a shard: run by a wheel's own python for `run.py slices`.

Prints JSON, milliseconds of CPU time. One shard gets its part of TORRENTS torrents with three peers each, side by side,
as swarms grow in the wild; the others stay empty, since no work concerns two shards. Each announce is timed, each
slice of the cleaner, and a snapshot. Every figure is the least of several runs: all that disturbs makes a run slower.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import TYPE_CHECKING, Final

from librt.random import Random

from opentracker.protocol.messages import Announce
from opentracker.swarm.store.door import Evictor
from opentracker.swarm.store.engine import make_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentracker.swarm.store.door import Store

TORRENTS: Final = 10_000_000
PEERS: Final = 3
RUNS: Final = 3
LATER: Final = 100  # minutes: every peer has expired


def members(store: Store, torrents: int) -> list[bytes]:
    """Info_hashes of the first shard: its part of some torrents."""
    chance = random.Random(1)
    found: list[bytes] = []
    while len(found) < torrents // store.shards:
        info_hash = chance.randbytes(20)
        if store.shard_of(info_hash) == 0:
            found.append(info_hash)
    return found


def longest(steps: Iterator[None]) -> float:
    """Milliseconds of the longest step."""
    most = 0
    while True:
        start = time.thread_time_ns()
        done = next(steps, steps) is steps
        most = max(most, time.thread_time_ns() - start)
        if done:
            return most / 1e6


def announcing(store: Store, info_hashes: list[bytes]) -> Iterator[None]:
    a = Announce(both_families=False)
    a.stored, a.numwant = True, 0
    for number in range(PEERS):
        a.peer = bytes([10, 0, 0, number, 26, 225])
        for a.info_hash in info_hashes:
            store.announce(a, 0)
            yield


def picturing(store: Store) -> Iterator[None]:
    store.picture(0)
    yield


def measured(torrents: int) -> dict[str, float]:
    store = make_store(Random(1))
    info_hashes = members(store, torrents)
    return {
        "announce": longest(announcing(store, info_hashes)),
        "snapshot": longest(picturing(store)),
        "clean, nobody has expired": longest(store.clean(0, 1, Evictor())),
        "clean, all have expired": longest(store.clean(0, LATER, Evictor())),
        "clean, all torrents are over": longest(store.clean(0, LATER + LATER, Evictor())),
    }


if __name__ == "__main__":
    runs = [measured(int(sys.argv[1]) if len(sys.argv) > 1 else TORRENTS) for _ in range(RUNS)]
    json.dump({name: min(run[name] for run in runs) for name in runs[0]}, sys.stdout)
