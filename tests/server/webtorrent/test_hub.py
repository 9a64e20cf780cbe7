"""The shared part of all open WebSockets."""

from opentracker.features.webtorrent.metrics import COUNTERS
from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.server.webtorrent.hub import Hub
from opentracker.swarm.browsers import Link
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.server.live import Live


def test_the_gauges_and_the_limit() -> None:
    live = Live()
    counters, tracker = live.counters, live.server.tracker
    counters.bring(COUNTERS)
    hub = Hub(live.server.http, Rendezvous(tracker, tracker.random), counters, 2)
    links = [Link(), Link()]
    for link in links:
        assert not hub.is_full()
        hub.opened(link)
    assert hub.is_full()
    browsers = tracker.browsers
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
    live.close()
