"""Partial seeds (BEP 21): leechers whose last announce has said `paused`, counted alike by both stores."""

import random
from collections.abc import Callable

import pytest
from librt.random import Random
from librt.strings import BytesWriter

from opentracker._features import OT_PEER_TIMEOUT, WANT_SYNC_LIVE
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)
from opentracker.swarm.store.door import NOT_TAKEN, Contents, Store
from opentracker.swarm.store.records import SMALL
from tests.swarm.engines import ENGINES
from tests.swarm.model import FAMILIES, peer_of
from tests.swarm.store.test_door import A, B, announce, datagram, finish, sound

pytestmark = pytest.mark.needs("WANT_EXTENDED_ANSWERS")

WAYS = ("http", "udp", *(("sync",) if WANT_SYNC_LIVE else ()))
EVENTS = (EVENT_NONE, EVENT_PAUSED, EVENT_PAUSED, EVENT_STARTED, EVENT_COMPLETED, EVENT_STOPPED)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> Store:
    make: Callable[[Random], Store] = ENGINES[request.param]
    return make(Random(1))


def tell(store: Store, way: str, peer: bytes, *, seeding: bool, event: int, minute: int = 0) -> None:
    """An announce over HTTP, over UDP, or by live sync."""
    if way == "udp":
        packet = datagram(A, peer, left=0 if seeding else 1, event=event)
        if store.answer_udp(packet, peer[:-2], 50, 77, minute, True, BytesWriter()) != NOT_TAKEN:
            return
    elif way == "sync":
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.seeding, a.event, a.stored, a.sync_age = A, peer, seeding, event, True, 0
        store.sync(a, minute)
        return
    announce(store, A, peer, minute, seeding=seeding, event=event)


@pytest.mark.parametrize("most", [3, SMALL, 3 * SMALL])
@pytest.mark.parametrize("size", FAMILIES)
def test_h56_the_last_announce_of_a_peer_counts(store: Store, most: int, size: int) -> None:
    """As in a naive model, whatever the peers announce, and over whichever protocol."""
    dice = random.Random(most * size)
    partial: set[bytes] = set()
    for minute in range(20):
        for _ in range(most):
            peer = peer_of(dice.randrange(1, most + 1), size)
            seeding, event = dice.random() < 0.3, dice.choice(EVENTS)
            tell(store, dice.choice(WAYS), peer, seeding=seeding, event=event, minute=minute)
            if event == EVENT_PAUSED and not seeding:
                partial.add(peer)
            else:
                partial.discard(peer)
        assert store.partial_seeds(A) == len(partial)
        sound(store, minute)
    finish(store, 19 + OT_PEER_TIMEOUT + 1)
    assert store.partial_seeds(A) == 0


@pytest.mark.parametrize("peers", [3, 3 * SMALL])
def test_h56_they_are_leechers_and_are_handed_out(store: Store, peers: int) -> None:
    for number in range(1, peers + 1):
        announce(store, A, peer_of(number, FAMILIES[0]), event=EVENT_PAUSED)
    assert store.scrape(A) == (0, 0, peers)
    assert store.partial_seeds(A) == peers
    assert len(announce(store, A, peer_of(1, FAMILIES[0])).peers) >= min(50, peers - 1) * FAMILIES[0]
    assert store.partial_seeds(A) == peers - 1
    assert store.partial_seeds(B) == 0


@pytest.mark.parametrize("peers", [3, 3 * SMALL])
def test_h57_a_state_keeps_them(store: Store, peers: int) -> None:
    """In the byte of flags that the peers of a state file have."""
    size = FAMILIES[0]
    contents = Contents(0, 0)
    planes = b"".join(peer_of(number, size) for number in range(1, peers + 1))
    planes += bytes([0x08, *bytes(peers - 1)]) + bytes(peers)
    if size == 6:
        contents.planes4, contents.leechers4 = planes, peers
    else:
        contents.planes6, contents.leechers6 = planes, peers
    store.put(A, contents)
    assert store.partial_seeds(A) == 1
    assert b"".join(store.pack(A)).count(b"\x08\0") >= 1
