"""The log's line about a loaded state."""

from opentracker.features.state.taking import NO_ROOM, TOO_OLD
from opentracker.features.state.tally import Tally


def test_it_tells_what_was_left_out_and_why() -> None:
    tally = Tally()
    tally.loaded = 266
    assert tally.in_words() == "266 torrents loaded"
    for _ in range(61):
        tally.skip(TOO_OLD)
    tally.skip(NO_ROOM)
    assert tally.skipped() == 62
    assert tally.in_words() == "266 torrents loaded; left out: 1 beyond the limits, 61 whose time is up"
