"""The cost of an announce inside the tracker, by the size of its swarm: run by a wheel's own python, prints JSON.

`run.py micro` runs it. Nanoseconds an announce (seeder or leecher in turn, numwant 50) of a peer that is in the
swarm already, chosen at random, without what setting the request's fields costs. "After an attack": where ports are
counted, and a stranger with more than a thousand of them has come and gone.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Final

from librt.random import Random

from opentracker.protocol.messages import EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.policy.limits import Limits
from opentracker.swarm.tracker import Tracker, limit_by

SIZES: Final = (1, 10, 100, 1_000, 10_000, 100_000)
ATTACKED: Final = (1_000, 10_000)
PORTS: Final = 1_100  # of the stranger
ANNOUNCES: Final = 20_000
REPEATS: Final = 5
INFO_HASH: Final = bytes(range(20))


def peer_address(number: int) -> bytes:
    """A compact peer, 6 bytes; two numbers below 2^24 never give the same."""
    return bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255]) + (
        1024 + number % 60_000
    ).to_bytes(2)


def prepared(a: Announce) -> Announce:
    a.info_hash = INFO_HASH
    a.peer_id = bytes(20)
    a.stored = True
    a.numwant = 50
    return a


def fill(tracker: Tracker, size: int) -> list[tuple[bytes, bool]]:
    a = prepared(Announce(False))
    peers = [(peer_address(number), number % 3 == 0) for number in range(size)]
    for a.peer, a.seeding in peers:
        tracker.announce(a, 0)
    assert a.complete + a.incomplete == size
    return peers


def announce_all(tracker: Tracker, requests: list[tuple[bytes, bool]], minute: int) -> None:
    a = prepared(Announce(False))
    for a.peer, a.seeding in requests:
        tracker.announce(a, minute)


def prepare_all(requests: list[tuple[bytes, bool]]) -> None:
    a = prepared(Announce(False))
    for a.peer, a.seeding in requests:
        pass


def copies(requests: list[tuple[bytes, bool]]) -> list[tuple[bytes, bool]]:
    """The same of new objects in the order of use, so that reading them costs the same for every size."""
    return [(peer[:3] + peer[3:], seeding) for peer, seeding in requests]


def attack(tracker: Tracker) -> None:
    """A stranger with many ports joins, and leaves but for one of them."""
    a = prepared(Announce(False))
    host = bytes([11, 1, 1, 1])
    for event in (EVENT_NONE, EVENT_STOPPED):
        a.event = event
        for port in range(PORTS if event == EVENT_NONE else PORTS - 1):
            a.peer = host + (2000 + port).to_bytes(2)
            tracker.announce(a, 0)


def nanoseconds(size: int, counts_ports: bool = False, after_attack: bool = False) -> float:
    """Of one announce in a swarm of `size`: the best of several runs, since all that disturbs makes it slower."""
    tracker = Tracker(Random(1))
    if counts_ports:
        limit_by(tracker, Limits(ports_per_address=PORTS))
    peers = fill(tracker, size)
    if after_attack:
        attack(tracker)
    requests = copies(random.Random(size).choices(peers, k=ANNOUNCES))
    best = float("inf")
    for repeat in range(REPEATS):
        start = time.perf_counter_ns()
        announce_all(tracker, requests, 1 + repeat)
        middle = time.perf_counter_ns()
        prepare_all(requests)
        end = time.perf_counter_ns()
        best = min(best, (2 * middle - start - end) / ANNOUNCES)
    return best


if __name__ == "__main__":
    found = {str(size): nanoseconds(size) for size in SIZES}
    for size in ATTACKED:
        found[f"{size}, ports counted"] = nanoseconds(size, counts_ports=True)
        found[f"{size} after an attack"] = nanoseconds(size, counts_ports=True, after_attack=True)
    json.dump(found, sys.stdout)
