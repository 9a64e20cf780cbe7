"""The alarms of the page: each fires for what it is of, and is silent otherwise."""

import pytest

from opentracker.features.statistics.html.health import ago, alarms, banner, card_of_health, shown
from opentracker.features.statistics.html.history import INTERVAL, History
from opentracker.features.statistics.page import Sources
from opentracker.swarm.counting.core_gauges import BUSY, LONGEST_ITERATION
from opentracker.swarm.counting.core_metrics import OF_LIMITS
from opentracker.swarm.counting.metric import Gauge, Reading
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.swarm.crowd import tracker

LOADED = Gauge("x_success", "X.", alarm="The list of {} failed.", least=1)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Watched:
    """A tracker with limits, and its history."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tracker = tracker()
        self.tracker.counters.bring(OF_LIMITS)
        self.readings: list[tuple[Gauge, float, str]] = []
        self.sources = Sources(self.tracker, self.clock, "opentracker", 1, self.complete)
        self.history = History(self.sources)

    def complete(self, snapshot: StatsSnapshot) -> None:
        for reading in self.readings:
            snapshot.tell(*reading)

    def minutes(self, number: int) -> None:
        for _ in range(number):
            self.clock.seconds += INTERVAL
            for _ in self.history.take():
                pass

    def alarms(self) -> list[str]:
        return alarms(self.sources.snapshot(), self.history)


def test_nothing_is_wrong_at_first() -> None:
    watched = Watched()
    assert watched.alarms() == []
    assert "Nothing is wrong" in banner([])


def test_a_limit_is_told_for_ten_minutes() -> None:
    watched = Watched()
    watched.minutes(3)
    watched.tracker.counters.refused_memory += 1200
    told = ["A limit is met. Limit of memory: 1,200 in the last 10 minutes."]
    assert watched.alarms() == told
    watched.minutes(9)
    assert watched.alarms() == told
    watched.minutes(3)
    assert watched.alarms() == []


def test_lost_datagrams_and_faults() -> None:
    watched = Watched()
    watched.tracker.counters.udp_dropped = 5
    watched.tracker.counters.count_status(500)
    watched.tracker.counters.count_status(404)
    assert watched.alarms() == [
        "Datagrams are lost. Datagrams dropped by the kernel: 5 in the last 10 minutes.",
        "The tracker has met 1 faults of its own; its log has a line for each.",
    ]


def test_a_gauge_out_of_its_range_with_its_labels() -> None:
    watched = Watched()
    watched.readings = [(LOADED, 1, 'of="a"'), (LOADED, 0, 'of="b"')]
    assert watched.alarms() == ["The list of b failed."]


def test_a_busy_loop() -> None:
    watched = Watched()
    watched.minutes(2)
    watched.clock.seconds += 60
    watched.readings = [(BUSY, 55.0, "")]
    assert watched.alarms() == ["The loop is busy for 92 % of the time."]
    watched.readings = [(BUSY, 30.0, "")]
    assert watched.alarms() == []


def test_the_banner_is_escaped() -> None:
    assert "&lt;b&gt;" in banner(["<b>"])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("a_timestamp_seconds", 0, "not yet"),
        ("a_timestamp_seconds", 86400 * 365, "1 min ago, 1971-01-01 00:00 UTC"),
        ("a_seconds", 0.0123, "12.3 ms"),
        ("a_seconds", 90, "1 min"),
        ("a_bytes", 56_700, "56.7 kB"),
        ("a_bytes", 7, "7 B"),
        ("a_limit_bytes", 0, "none"),
        ("a", 1234, "1,234"),
    ],
)
def test_units(name: str, value: float, text: str) -> None:
    assert shown(Reading(Gauge(name, "A."), "", value), 86400 * 365 + 60) == text


def test_a_clock_that_was_set_back() -> None:
    assert ago(1000, 900).startswith("0 s ago")


def test_gauges_with_a_text_are_in_the_card() -> None:
    watched = Watched()
    watched.readings = [(LONGEST_ITERATION, 0.002, ""), (LOADED, 0, 'of="b"')]
    text = card_of_health(watched.sources.snapshot(), watched.history, 0.0)
    assert '<th scope="row">Longest iteration of the loop</th><td>2.0 ms</td>' in text
    assert "x_success" not in text
