from opentracker.features.statistics.html.history import INTERVAL, SHOWN, History
from opentracker.features.statistics.page import Sources
from opentracker.swarm.counting.core_gauges import BUSY
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker
from tests.swarm.crowd import known


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def nothing_more(snapshot: StatsSnapshot) -> None:
    pass


def history_of(tracker: Tracker, clock: Clock) -> History:
    return History(Sources(tracker, clock, "opentracker", 1, nothing_more))


def test_samples_minute_by_minute() -> None:
    tracker, clock = known(), Clock()
    history = history_of(tracker, clock)
    for announces in (60, 120, 0):
        clock.seconds += INTERVAL
        tracker.counters.udp_announces += announces
        for _ in history.take():
            pass
    assert history.rates("udp_announces") == [1.0, 2.0, 0.0]
    assert history.rates("udp_announces", "tcp_announces") == [1.0, 2.0, 0.0]
    latest = history.samples[-1]
    assert (latest.torrents, latest.seeders, latest.leechers) == (11, 4, 11)


def test_an_hour_is_kept_and_no_more() -> None:
    tracker, clock = known(), Clock()
    history = history_of(tracker, clock)
    for _ in range(SHOWN + 30):
        clock.seconds += INTERVAL
        tracker.counters.completed += 2
        for _ in history.take():
            pass
    assert len(history.samples) == SHOWN + 1
    assert len(history.rates("completed")) == SHOWN
    assert history.gained(tracker.counters.values(), "completed", clock.seconds, 1e9) == 2 * SHOWN
    assert history.gained(tracker.counters.values(), "completed", clock.seconds, 5 * INTERVAL) == 10


def test_what_goes_on_now() -> None:
    tracker, clock = known(), Clock()
    history = history_of(tracker, clock)
    tracker.counters.udp_announces = 10
    clock.seconds = 5.0
    assert history.recent(tracker.counters.values(), clock.seconds, "udp_announces") == 2.0
    clock.seconds = 60.0
    for _ in history.take():
        pass
    tracker.counters.udp_announces = 190
    clock.seconds = 70.0  # too soon after the sample: since the one before
    assert round(history.recent(tracker.counters.values(), clock.seconds, "udp_announces"), 3) == round(
        190 / 70, 3
    )
    clock.seconds = 90.0
    assert history.recent(tracker.counters.values(), clock.seconds, "udp_announces") == 6.0


def test_how_busy_the_loop_was() -> None:
    tracker, clock = known(), Clock()
    history = History(Sources(tracker, clock, "opentracker", 1, lambda snapshot: snapshot.tell(BUSY, 30.0)))
    clock.seconds = 60.0
    for _ in history.take():
        pass
    clock.seconds = 100.0
    assert history.recent_busy(30.0 + 20.0, clock.seconds) == 0.5
