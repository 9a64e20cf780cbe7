"""The counters of WebTorrent."""

from opentracker.features.webtorrent.metrics import COUNTERS, MESSAGES, OF_MESSAGES
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import SERVED, TURNED_DOWN


def test_each_message_is_a_part_of_the_messages() -> None:
    assert MESSAGES.name == OF_MESSAGES
    for row in COUNTERS:
        assert (row.part_of == OF_MESSAGES) == (row.group in (SERVED, TURNED_DOWN))


def test_the_rows_are_those_of_a_build() -> None:
    counters = Counters()
    counters.bring(COUNTERS)
    assert {row.name for row in COUNTERS} <= set(counters.values())
