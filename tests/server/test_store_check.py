"""The check of a store while its server runs: a process that was stopped has cleaned nothing meanwhile."""

from collections.abc import Iterator

import pytest

from opentracker._features import OT_CLEAN_CYCLE
from opentracker.debug import DebugServer
from opentracker.errors import InvariantError
from opentracker.protocol.messages import Announce
from opentracker.server.store_check import GAP, CheckedServer
from opentracker.swarm.invariants import OLDEST
from tests.server.live import HASH_A, HOME, Live, packed


@pytest.fixture
def live() -> Iterator[Live]:
    """A server with a peer that nothing cleans."""
    live = Live(make=DebugServer)
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.stored = HASH_A, packed(HOME) + b"\x1a\xe1", True
    live.server.tracker.announce(a, live.server.now.minute)
    yield live
    live.close()


def check_after(live: Live, seconds: float) -> None:
    """Check all torrents, some seconds after the last check."""
    server = live.server
    assert isinstance(server, CheckedServer)
    live.clock.seconds += seconds
    server.now.read()
    for _ in range(server.tracker.store.shards):
        server.check_next()
        for _ in server.loop.work.pop():
            pass


def test_a_peer_may_not_be_older_than_the_cleaning_lets_it_be(live: Live) -> None:
    for _ in range(int((OLDEST + 1) * 60 // GAP) - 1):
        check_after(live, GAP)
    with pytest.raises(InvariantError, match=f"a peer not heard of for {OLDEST + 1} minutes"):
        check_after(live, GAP)


def test_a_peer_may_be_older_for_two_clean_cycles_after_a_stop(live: Live) -> None:
    check_after(live, (OLDEST + 1) * 60)
    steps = int(2 * OT_CLEAN_CYCLE * 60 // GAP)
    for _ in range(steps - 1):
        check_after(live, GAP)
    with pytest.raises(InvariantError, match="a peer not heard of"):
        check_after(live, GAP)
