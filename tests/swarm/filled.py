"""A tracker with torrents in it whose counts are known."""

import random as python_random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from librt.random import Random

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE, WANT_V4_ONLY, WANT_V6
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.store.door import Store
from opentracker.swarm.store.engine import make_store
from opentracker.swarm.tracker import Tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission

HOME4 = bytes([127, 0, 0, 1])
HOME6 = bytes(15) + b"\1"
HOMES = ([] if WANT_V6 else [HOME4]) + ([] if WANT_V4_ONLY else [HOME6])

Counts = tuple[int, int, int]  # complete, downloaded, incomplete


stores: list[Callable[[Random], Store]] = [make_store]  # the last one makes the stores of trackers


@contextmanager
def stored_by(make: Callable[[Random], Store]) -> Iterator[None]:
    """Have trackers use this kind of store."""
    stores.append(make)
    yield
    stores.pop()


def open_tracker() -> Tracker:
    """A tracker that serves every torrent."""
    tracker = Tracker(Random(1), stores[-1](Random(1)))
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        tracker.admission = Admission()
    return tracker


def add(tracker: Tracker, info_hash: bytes, counts: Counts, minute: int = 0) -> None:
    """Announce peers into a torrent until it has these counts; with fewer seeders than downloads, some have stopped."""
    complete, downloaded, incomplete = counts
    port = 1000
    for number in range(max(complete, downloaded)):
        event = EVENT_COMPLETED if number < downloaded else EVENT_NONE
        announce(tracker, info_hash, port + number, minute, event=event, seeding=True)
        if number >= complete:
            announce(tracker, info_hash, port + number, minute, event=EVENT_STOPPED, seeding=True)
    for number in range(incomplete):
        announce(tracker, info_hash, 30000 + number, minute)


def announce(
    tracker: Tracker,
    info_hash: bytes,
    port: int,
    minute: int,
    event: int = EVENT_NONE,
    *,
    seeding: bool = False,
) -> None:
    """One announce, the family of its peer told by its port."""
    a = Announce(both_families=True)
    a.info_hash = info_hash
    a.peer = HOMES[port % len(HOMES)] + port.to_bytes(2, "big")
    a.stored = True
    a.seeding = seeding
    a.event = event
    tracker.announce(a, minute)


def known(torrents: int, seed: int = 1) -> dict[bytes, Counts]:
    """Random info_hashes, with counts of all sizes."""
    chance = python_random.Random(seed)
    most = [3, 3, 3, 3, 20, 300]
    found: dict[bytes, Counts] = {}
    for number in range(torrents):
        size = most[number % len(most)]
        counts = chance.randrange(size), chance.randrange(size), chance.randrange(1, size + 1)
        found[chance.randbytes(20)] = counts
    return found


def filled(torrents: dict[bytes, Counts]) -> Tracker:
    """A tracker with these torrents."""
    tracker = open_tracker()
    for info_hash, counts in torrents.items():
        add(tracker, info_hash, counts)
    return tracker
