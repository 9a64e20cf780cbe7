"""The invariants hold in what the tracker makes (see also `model`); what a store looks at is asked beside it."""

import pytest

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.errors import InvariantError
from opentracker.swarm.invariants import ANY_AGE, OLDEST, Checker
from tests.swarm.model import FAMILIES, Pair, peer_of

SIZE = FAMILIES[0]
SMALL_HASH, LARGE_HASH = b"h" * 20, b"l" * 20


def look(pair: Pair, oldest: int = OLDEST) -> None:
    checker = Checker(pair.tracker)
    for _ in range(pair.tracker.store.shards):
        for _ in checker.check_next(pair.minute, oldest):
            pass


@pytest.fixture
def pair() -> Pair:
    """A torrent of five peers, and one of a thousand."""
    pair = Pair()
    for seeding in (False, True):
        pair.crowd(SMALL_HASH, [peer_of(n, SIZE) for n in range(2 + seeding, 4 + 2 * seeding)], seeding)
        first = 10_000 * seeding
        pair.crowd(LARGE_HASH, [peer_of(n, SIZE) for n in range(first, first + 500)], seeding)
    return pair


def test_all_is_well(pair: Pair) -> None:
    look(pair)


def test_totals_that_are_wrong(pair: Pair) -> None:
    pair.tracker.store.totals.torrents += 1
    with pytest.raises(InvariantError, match="3 torrents counted, 2 there"):
        look(pair)


def test_peers_that_the_cleaner_has_forgotten(pair: Pair) -> None:
    pair.minute = OT_PEER_TIMEOUT
    look(pair)
    pair.minute = OLDEST + 1
    if OLDEST + 1 < ANY_AGE - 5:
        with pytest.raises(InvariantError, match=f"a peer not heard of for {OLDEST + 1} minutes"):
            look(pair)
    look(pair, ANY_AGE)
