"""`listen.stats`: statistics at addresses of their own, and nowhere else."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opentracker._features import WANT_STATS_PROMETHEUS
from opentracker.config.settings import Bind, Settings
from opentracker.errors import StartError, UsageError
from opentracker.features.health import Health
from opentracker.server import wiring
from opentracker.server.core import Core
from opentracker.server.http.stats_address import (
    MOST_CONNECTIONS,
    STATS_PORT,
    StatsAddressFeature,
    StatsAddressSettings,
)
from opentracker.server.wiring import FEATURES, Server
from opentracker.swarm.policy.permissions import EVERYTHING
from tests.config.parsing import settings_of_file
from tests.protocol.http_cases import announce, get, scrape
from tests.server.live import HOME, SECRET, Endpoint, Live, TcpClient, endpoint, packed, sections
from tests.server.process import Tracker, run
from tests.server.workers import several as crews

STATS = b"/stats?mode=conn"
SHOWN = f"[{HOME}]" if ":" in HOME else HOME


class Apart(Live):
    """A tracker with an address for statistics; `theirs` is that address, `ours` the tracker's."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings(sections=sections())
        settings.permissions.bless(packed(HOME), 8 * len(packed(HOME)), EVERYTHING & ~8)
        settings.of(StatsAddressSettings).binds.append(Bind(False, packed(HOME), 0))
        self.features = [feature(settings) for feature in FEATURES]
        self.opened = next(each for each in self.features if isinstance(each, StatsAddressFeature))
        self.opened.open()
        super().__init__(settings, features=self.features)
        self.server.part(Health).begin(0.0)
        self.theirs: Endpoint = endpoint(self.opened.sockets[0])
        self.ours = self.listen_tcp()


@pytest.fixture
def live() -> Iterator[Apart]:
    tracker = Apart()
    yield tracker
    tracker.close()


def test_statistics_are_there_and_no_longer_at_the_tracker(live: Apart) -> None:
    assert live.ask(live.theirs, get(STATS)).status == 200
    assert live.ask(live.ours, get(STATS)).status == 404
    assert live.counters.tcp_statistics == 1


@pytest.mark.needs("WANT_STATS_PROMETHEUS")
def test_metrics_go_with_them(live: Apart) -> None:
    assert WANT_STATS_PROMETHEUS
    assert b"opentracker_uptime_seconds" in live.ask(live.theirs, get(b"/stats?mode=prometheus")).body
    assert live.ask(live.ours, get(b"/stats?mode=prometheus")).status == 404


@pytest.mark.needs("WANT_FULLSCRAPE", WANT_MODEST_FULLSCRAPES=False)
def test_dumps_go_with_them_and_full_scrapes_stay(live: Apart) -> None:
    assert live.ask(live.theirs, get(b"/stats?mode=statedump")).status == 200
    assert live.ask(live.ours, get(b"/stats?mode=statedump")).status == 404
    assert live.ask(live.theirs, get(b"/scrape")).status == 404
    assert live.ask(live.ours, get(b"/scrape")).status == 200


def test_health_is_at_both(live: Apart) -> None:
    """Load balancers ask the address that they send clients to."""
    for to in (live.ours, live.theirs):
        assert live.ask(to, get(b"/health")).body == b"ok\n"


@pytest.mark.parametrize("request_", [announce(6881), scrape(bytes(20)), get(b"/"), get(b"/nowhere")])
def test_nothing_else_is_there(live: Apart, request_: bytes) -> None:
    assert live.ask(live.theirs, request_).status == 404
    assert live.server.tracker.store.totals.torrents == 0


def test_announces_stay_where_they_are(live: Apart) -> None:
    assert live.ask(live.ours, announce(6881)).status == 200
    assert live.server.tracker.store.totals.torrents == 1


@pytest.mark.needs("WANT_RESTRICT_STATS")
def test_rights_are_asked_for_there_too() -> None:
    live = Apart()
    live.server.config.settings.permissions.networks = {4: {}, 16: {}}
    assert live.ask(live.theirs, get(STATS)).status == 403
    live.close()


@pytest.mark.needs("WANT_MAX_PEER")
def test_the_slots_are_its_own(live: Apart) -> None:
    """Somebody who opens connections to the tracker does not shut the operator out, and the other way round."""
    live.server.http.gate.limit(1, 0)
    idle = [TcpClient(live, live.ours, None) for _ in range(3)]
    for client in idle:
        client.send(b"GET ")
    live.until(live.server.http.gate.is_full, "a connection")
    assert live.ask(live.theirs, get(STATS)).status == 200
    more = [TcpClient(live, live.theirs, None) for _ in range(MOST_CONNECTIONS + 2)]
    for client in more:
        client.send(b"GET ")
    idle.pop(0).close()
    live.server.http.gate.limit(10, 0)
    for client in idle:
        client.close()
    live.settle()
    assert live.ask(live.ours, announce(6881)).status == 200
    for client in more:
        client.close()


def test_connections_that_send_nothing_are_swept(live: Apart) -> None:
    client = live.tcp(live.theirs)
    client.send(b"GET ")
    live.settle()
    live.advance(60)
    live.until(client.has_ended, "the close")


# ---- The key -----------------------------------------------------------------------------------------------


def test_the_port_that_is_not_named(tmp_path: Path) -> None:
    settings = settings_of_file(tmp_path, f"listen.stats {HOME}", f"listen.stats {SHOWN}:7000")
    binds = settings.of(StatsAddressSettings).binds
    assert binds == [Bind(False, packed(HOME), port) for port in (STATS_PORT, 7000)]
    assert list(StatsAddressFeature(settings).plan()) == [
        f"would answer statistics on TCP {SHOWN}:{port} alone" for port in (STATS_PORT, 7000)
    ]


@pytest.mark.parametrize("value", ["", "nowhere", "7000", f"{SHOWN}:x", f"{SHOWN}:70000"])
def test_values_that_are_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match="conf:1"):
        settings_of_file(tmp_path, f"listen.stats {value}")


@pytest.mark.parametrize("other", [f"listen.tcp {SHOWN}:7000", f"listen.stats {SHOWN}:7000"])
def test_an_address_that_is_named_twice(tmp_path: Path, other: str) -> None:
    settings = settings_of_file(tmp_path, f"listen.stats {SHOWN}:7000", other)
    with pytest.raises(StartError, match=r"7000: Address already in use, it is named twice"):
        StatsAddressFeature(settings).check()


def test_a_running_tracker(tmp_path: Path) -> None:
    """The log says where the statistics are."""
    config = tmp_path / "conf"
    config.write_text(f"tracker.rootdir {tmp_path}\nlisten.stats {SHOWN}:0\n")
    with Tracker("-f", str(config), "-i", HOME, "-p", "0", sockets=1) as tracker:
        (line,) = [line for line in tracker.lines if line.startswith("statistics on TCP ")]
        host, port = line.rpartition(" ")[2].rsplit(":", 1)
        assert (host, int(port) > 0) == (SHOWN, True)


def test_an_address_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    config = tmp_path / "conf"
    with closing(Live()) as other:
        port = other.listen_tcp()[1]
        config.write_text(f"listen.stats {SHOWN}:{port}\n")
        status, _, err = run("-f", str(config), "-i", HOME, "-P", "0")
    assert status == 111
    assert f"cannot bind TCP {SHOWN}:{port}: Address already in use" in err or "cannot listen" in err


def test_a_start_that_fails_closes_its_sockets() -> None:
    settings = Settings()
    settings.of(StatsAddressSettings).binds.append(Bind(False, packed(HOME), 0))
    feature = StatsAddressFeature(settings)
    feature.open()
    feature.close()
    assert [sock.fileno() for sock in feature.sockets] == [-1]


def test_without_the_key_the_pages_are_the_trackers() -> None:
    server = Server(Settings(sections=sections()), [], SECRET, 1)
    assert isinstance(server, Core)
    assert server.stats_answers is server.http_answers
    server.close()
    assert StatsAddressFeature in wiring.FEATURES


@crews.needs_several
@crews.several
def test_all_workers_answer_there_and_tell_of_all(tmp_path: Path, workers: int) -> None:
    (tmp_path / "stats.conf").write_text(f"listen.stats {SHOWN}:0\n")
    given = crews.options(tmp_path, workers, "-f", str(tmp_path / "stats.conf"))
    with Tracker(*given, sockets=2) as tracker:
        line = next(line for line in tracker.lines if line.startswith("statistics on TCP"))
        where = (HOME, int(line.rpartition(":")[2]))
        for number, info_hash in enumerate(crews.INFO_HASHES):
            crews.announce(tracker, info_hash, 7000 + number)
        for _ in range(2 * workers):
            assert b"\nopentracker serving 40 torrents\n" in crews.ask(where, "/stats?mode=peer")
        assert b"404" in crews.ask(tracker.endpoint("TCP"), "/stats?mode=peer")
