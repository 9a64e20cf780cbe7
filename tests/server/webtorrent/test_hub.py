"""The shared part of all open WebSockets."""

import pytest

from opentracker.features.webtorrent.metrics import COUNTERS
from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.server.http.server import BUDGET
from opentracker.server.loop import READ, Handler
from opentracker.server.webtorrent.hub import MOST_QUEUED, Hub
from opentracker.swarm.browsers import Link
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.server.live import Live


@pytest.fixture
def hub(live: Live) -> Hub:
    """The shared part of WebSockets of a tracker without any."""
    live.counters.bring(COUNTERS)
    tracker = live.server.tracker
    return Hub(live.server.http, Rendezvous(tracker, tracker.random), live.counters, 2)


def test_the_gauges_and_the_limit(live: Live, hub: Hub) -> None:
    links = [Link(), Link()]
    for link in links:
        assert not hub.is_full()
        hub.opened(link)
    assert hub.is_full()
    browsers = live.server.tracker.browsers
    browsers.set_seeder(browsers.announce(b"a" * 20, "one", links[0]), True)
    browsers.announce(b"a" * 20, "two", links[0])
    browsers.announce(b"b" * 20, "two", links[1])
    snapshot = StatsSnapshot("", 0, 0)
    hub.left(links[1])
    hub.tell(snapshot)
    assert {
        (each.gauge.name.partition("_")[2], each.labels): each.value for each in snapshot.readings.values()
    } == {
        ("websocket_open", ""): 1,
        ("webtorrent_torrents", ""): 1,
        ("webtorrent_peers", 'role="seeder"'): 1,
        ("webtorrent_peers", 'role="leecher"'): 1,
    }
    hub.most = 0
    assert not hub.is_full()


def test_messages_leave_at_the_end_of_an_iteration(live: Live, hub: Hub) -> None:
    sent: list[int] = []
    for number in range(3):
        hub.queue(lambda number=number: sent.append(number))  # type: ignore[misc]
    assert sent == []
    live.iterate()
    assert sent == [0, 1, 2]
    live.iterate()
    assert sent == [0, 1, 2]


def test_messages_wait_for_ready_connections_up_to_a_limit(live: Live, hub: Hub) -> None:
    sent: list[None] = []
    live.server.http.late = [(Handler(), READ)] * 2
    for _ in range(MOST_QUEUED):
        hub.queue(lambda: sent.append(None))
    live.iterate()
    assert sent == []
    live.server.http.late.pop()
    hub.queue(lambda: sent.append(None))
    live.iterate()
    assert len(sent) == MOST_QUEUED + 1
    live.server.http.late.clear()


def test_messages_do_not_wait_for_connections_that_were_closed_before_they_were_read(
    live: Live, hub: Hub
) -> None:
    sent: list[None] = []
    live.server.http.late = [(Handler(), READ)]
    hub.queue(lambda: sent.append(None))
    live.iterate()
    assert sent == []
    live.iterate()
    assert sent == [None]
    live.server.http.late = []


def test_sends_have_the_budget_of_an_iteration(live: Live, hub: Hub) -> None:
    sent: list[None] = []

    def send() -> None:
        sent.append(None)
        live.clock.seconds += BUDGET

    for _ in range(5):
        hub.queue(send)
    for expected in range(1, 6):
        live.iterate()
        assert len(sent) == expected


def test_a_fault_in_a_send_leaves_the_others_to_the_next_iteration(live: Live, hub: Hub) -> None:
    sent: list[None] = []

    def fail() -> None:
        raise ZeroDivisionError

    hub.queue(fail)
    hub.queue(lambda: sent.append(None))
    with pytest.raises(ZeroDivisionError):
        live.iterate()
    live.iterate()
    assert sent == [None]
