"""A torrent of a state is stored once, or skipped and counted by its reason."""

from opentracker.features.state.taking import KNOWN, TOO_OLD, take
from opentracker.features.state.tally import Tally
from opentracker.swarm.store.door import Contents
from tests.swarm.filled import open_tracker

INFO_HASH = bytes(range(20))


def test_a_torrent_is_stored_once_and_not_when_it_is_too_old() -> None:
    tracker, tally = open_tracker(), Tally()
    take(tracker, INFO_HASH, Contents(3, 0), True, tally)
    assert not tracker.store.has(INFO_HASH)
    take(tracker, INFO_HASH, Contents(3, 0), False, tally)
    take(tracker, INFO_HASH, Contents(4, 0), False, tally)
    assert tracker.store.downloads(INFO_HASH) == 3
    assert (tally.loaded, tally.reasons) == (1, {TOO_OLD: 1, KNOWN: 1})
