from opentracker.features.statistics.html.charts import LOST, NOT_STORED, TURNED_DOWN
from opentracker.features.statistics.html.history import INTERVAL, History
from opentracker.features.statistics.html.pictures import pictures, trouble
from opentracker.features.statistics.page import Sources
from opentracker.swarm.counting.core_metrics import OF_LIMITS
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.swarm.crowd import tracker


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def nothing_more(snapshot: StatsSnapshot) -> None:
    pass


def test_trouble_by_kind() -> None:
    """A build without limits has no newcomers that were not stored."""
    clock, into = Clock(), tracker()
    history = History(Sources(into, clock, "opentracker", 1, nothing_more))
    assert [each.colour for each in trouble(history.sources.snapshot(), history)] == [TURNED_DOWN, LOST]
    into.counters.bring(OF_LIMITS)
    clock.seconds = INTERVAL
    into.counters.tcp_failures, into.counters.refused_peers, into.counters.udp_dropped = 4, 5, 6
    for _ in history.take():
        pass
    found = trouble(history.sources.snapshot(), history)
    assert [(each.colour, each.values) for each in found] == [
        (TURNED_DOWN, [4]),
        (NOT_STORED, [5]),
        (LOST, [6]),
    ]


def test_every_picture_is_a_card() -> None:
    history = History(Sources(tracker(), Clock(), "opentracker", 1, nothing_more))
    drawn = list(pictures(history.sources.snapshot(), history))
    assert len(drawn) == 7
    assert all(each.startswith('<section class="card">') and "</svg>" in each for each in drawn)
