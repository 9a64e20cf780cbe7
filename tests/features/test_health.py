"""`/health`: when the tracker is well, and the reason when it is not."""

from collections.abc import Iterator

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.features.health import LATE_SECONDS, LOOK_SECONDS, Health, HealthSettings
from opentracker.features.statistics.feature import StatisticsSettings
from opentracker.swarm.counting.counters import Counters
from tests.server.live import Live


def live_with(settings: Settings) -> Live:
    """A tracker that has loaded everything."""
    live = Live(settings)
    live.server.part(Health).begin(0.0)
    return live


@pytest.fixture
def live() -> Iterator[Live]:
    tracker = live_with(Settings())
    yield tracker
    tracker.close()


def request(path: bytes = b"/health", method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: x\r\n\r\n" % (method, path)


def test_a_tracker_that_is_well(live: Live) -> None:
    """In builds with restricted statistics too, and not only to blessed addresses."""
    answer = live.ask(live.listen_tcp(), request())
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_a_tracker_that_ends(live: Live) -> None:
    for ending in live.server.endings:
        ending()
    answer = live.ask(live.listen_tcp(), request())
    assert answer.status == 503
    assert b"ending" in answer.body


def test_a_tracker_that_cannot_keep_up_says_why(live: Live) -> None:
    live.counters.udp_dropped += 100
    live.server.part(Health).look(LOOK_SECONDS)
    answer = live.ask(live.listen_tcp(), request())
    assert answer.status == 503
    assert b"the kernel drops datagrams" in answer.body


@pytest.mark.parametrize(("lost", "is_well"), [(0, True), (1, True), (100, False)])
def test_datagrams_that_the_kernel_drops(lost: int, is_well: bool) -> None:
    counters = Counters()
    health = Health(counters)
    health.begin(0.0)
    counters.udp_datagrams += 1000
    counters.udp_dropped += lost
    health.look(LOOK_SECONDS)
    assert (health.reason() == b"") == is_well
    health.look(2 * LOOK_SECONDS)
    assert health.reason() == b""  # as of the latest look


def test_a_loop_that_is_late() -> None:
    health = Health(Counters())
    assert health.reason() == b"loading"
    health.begin(3.0)
    assert health.reason() == b""
    health.look(3.0 + LOOK_SECONDS + LATE_SECONDS)
    assert health.reason() == b""
    health.look(3.0 + 2 * LOOK_SECONDS + 2 * LATE_SECONDS + 0.1)
    assert b"the loop is late" in health.reason()


def test_another_path() -> None:
    live = live_with(Settings(sections=Sections(HealthSettings("up"))))
    to = live.listen_tcp()
    assert live.ask(to, request(b"/up")).body == b"ok\n"
    assert live.ask(to, request()).status == 404
    live.close()


def test_statistics_at_the_same_path_come_first() -> None:
    live = live_with(Settings(sections=Sections(StatisticsSettings("health"))))
    assert live.ask(live.listen_tcp(), request()).body != b"ok\n"
    live.close()
