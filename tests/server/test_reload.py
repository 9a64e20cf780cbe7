"""The config read again at SIGHUP: what changes, what takes a restart, and what a wrong file does."""

import logging
import signal
import socket
from pathlib import Path

import pytest

from opentracker import cli
from opentracker._features import WANT_MAX_PEER, WANT_SYNC_LIVE, WANT_V6
from opentracker.config.settings import Settings
from opentracker.server import wiring
from opentracker.server.reload import OWN_KEYS, changed_keys
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.protocol.http_cases import get
from tests.server.live import HOME, Live, packed
from tests.server.process import PATIENCE, Tracker

NETWORK = "2001:db8::/32" if WANT_V6 else "192.0.2.0/24"
MEMBER = packed("2001:db8::7" if WANT_V6 else "192.0.2.7")
# A build with live sync has to be in a cluster.
OWN_CLUSTER = ["-i", HOME, "-s", "0"] if WANT_SYNC_LIVE else []


class Configured:
    """A tracker in this process, with a config file that the test writes."""

    def __init__(self, path: Path, *lines: str) -> None:
        self.path = path
        self.write(*lines)
        settings = self.parse()
        settings.reread = self.parse
        self.live = Live(settings)
        self.settings = settings

    def write(self, *lines: str) -> None:
        self.path.write_text("".join(f"{line}\n" for line in lines))

    def parse(self) -> Settings:
        settings = cli.parse([*OWN_CLUSTER, "-f", str(self.path)])
        assert isinstance(settings, Settings)
        return settings

    def reload(self, *lines: str) -> None:
        self.write(*lines)
        self.live.server.signal_actions()[signal.SIGHUP]()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conf"


def test_a_redirect_is_another_one_at_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    configured = Configured(path, "tracker.redirect_url http://first/")
    to = configured.live.listen_tcp()
    assert (
        configured.live.ask(to, get(b"/", b"Host: x\r\nConnection: close\r\n")).headers["Location"]
        == "http://first/"
    )
    configured.reload("tracker.redirect_url http://second/")
    assert "the config was read again; changed: tracker.redirect_url" in caplog.messages
    assert (
        configured.live.ask(to, get(b"/", b"Host: x\r\nConnection: close\r\n")).headers["Location"]
        == "http://second/"
    )
    configured.reload()
    assert configured.live.ask(to, get(b"/", b"Host: x\r\nConnection: close\r\n")).status == 404
    caplog.clear()
    configured.reload()
    assert "the config was read again; changed: nothing" in caplog.messages
    configured.live.close()


def test_a_wrong_file_changes_nothing_and_is_a_worry_until_it_is_right(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configured = Configured(path, "tracker.redirect_url http://first/")
    to = configured.live.listen_tcp()
    configured.reload("tracker.redirect_url http://second/", "acess.stats_path x", "listen.udp nowhere")
    assert (
        configured.live.ask(to, get(b"/", b"Host: x\r\nConnection: close\r\n")).headers["Location"]
        == "http://first/"
    )
    assert configured.live.server.config.failures == 1
    snapshot = StatsSnapshot("opentracker 1", 7, 1, configured.live.counters.rows)
    configured.live.server.complete(snapshot)
    told = {name: reading.value for (name, _), reading in snapshot.readings.items()}
    assert told["opentracker_config_reload_failures_total"] == told["opentracker_config_reload_failed"] == 1
    (worry,) = configured.live.server.worries()
    assert worry.startswith(f"the config was not read again: {path}:2: 'acess.stats_path x': unknown key")
    assert f"{path}:3: 'listen.udp nowhere'" in worry, "all mistakes at once"
    assert "the config stays as it was" in caplog.text
    path.unlink()
    configured.live.server.config.reload()
    assert configured.live.server.config.failures == 2
    configured.reload("tracker.redirect_url http://third/")
    assert configured.live.server.worries() == []
    assert (
        configured.live.ask(to, get(b"/", b"Host: x\r\nConnection: close\r\n")).headers["Location"]
        == "http://third/"
    )
    configured.live.close()


def test_what_takes_a_restart_is_named(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    configured = Configured(path, "tracker.user nobody", "tracker.redirect_url http://x/")
    address = f"[{HOME}]" if WANT_V6 else HOME
    configured.reload(f"listen.udp {address}:7", "tracker.user other", "tracker.redirect_url http://x/")
    line = "changed in the config, and without effect until a restart: listen.udp, tracker.user"
    assert line in caplog.messages
    assert configured.settings.user == "nobody"
    configured.live.close()


@pytest.mark.needs("WANT_MAX_PEER")
def test_limits_are_other_ones(path: Path) -> None:
    configured = Configured(path, "limits.torrents 5", "limits.connections 40")
    limits, gate = configured.live.server.tracker.limits, configured.live.server.http.gate
    assert (limits.torrents.limit, gate.most) == (5, 40)
    configured.reload("limits.torrents 7", "limits.peers 9", "limits.connections 50", "limits.memory 64M")
    assert (limits.torrents.limit, limits.peers.limit, limits.memory.limit, gate.most) == (7, 9, 64 << 20, 50)
    configured.live.close()


@pytest.mark.needs("WANT_MAX_PEER")
def test_the_limit_on_ports_takes_a_restart(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    configured = Configured(path)
    configured.reload("limits.ports_per_address 4")
    assert "without effect until a restart: limits.ports_per_address" in caplog.text
    assert configured.live.server.tracker.limits.ports_per_address == 0
    configured.live.close()


@pytest.mark.needs("WANT_FULLSCRAPE")
def test_others_get_full_scrapes(path: Path) -> None:
    configured = Configured(path)
    to = configured.live.listen_tcp()
    assert configured.live.ask(to, get(b"/scrape", b"Host: x\r\nConnection: close\r\n")).status == 200
    configured.reload(f"access.fullscrape {NETWORK}")
    assert configured.live.ask(to, get(b"/scrape", b"Host: x\r\nConnection: close\r\n")).status == 403
    configured.reload(f"access.fullscrape {HOME}")
    assert configured.live.ask(to, get(b"/scrape", b"Host: x\r\nConnection: close\r\n")).status in (200, 402)
    configured.live.close()


@pytest.mark.needs("WANT_IP_FROM_PROXY")
def test_rights_are_given_and_taken(path: Path) -> None:
    configured = Configured(path, f"access.proxy {NETWORK}")
    permissions = configured.settings.permissions
    assert permissions.rights(MEMBER) != 0
    configured.reload()
    assert permissions.rights(MEMBER) == 0
    configured.reload(f"access.proxy {NETWORK}")
    assert permissions.rights(MEMBER) != 0
    configured.live.close()


@pytest.mark.needs("WANT_BOGON_FILTER")
def test_other_ports_are_refused(path: Path) -> None:
    configured = Configured(path, "limits.refused_ports 25")
    configured.reload("limits.refused_ports 26")
    assert "limits.refused_ports" in configured.live.server.config.keys
    configured.live.close()


def test_statistics_move(path: Path) -> None:
    configured = Configured(path, "access.stats_path first")
    to = configured.live.listen_tcp()
    assert configured.live.ask(to, get(b"/first", b"Host: x\r\nConnection: close\r\n")).status in (200, 403)
    configured.reload("access.stats_path second")
    assert configured.live.ask(to, get(b"/first", b"Host: x\r\nConnection: close\r\n")).status == 404
    assert configured.live.ask(to, get(b"/second", b"Host: x\r\nConnection: close\r\n")).status in (200, 403)
    configured.live.close()


def test_keys_that_are_renewed_are_keys() -> None:
    renewed = OWN_KEYS.union(*(feature.renewed for feature in wiring.FEATURES))
    assert renewed <= set(wiring.CONFIG.keys)
    assert not any(key.startswith("listen.") for key in renewed)
    assert ("limits.torrents" in renewed) == WANT_MAX_PEER


def test_changed_keys() -> None:
    old, new = Settings(), Settings()
    old.given = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "3")]
    new.given = [("b", "2"), ("b", "1"), ("c", "3"), ("d", "4")]
    assert changed_keys(old, new) == {"a", "b", "d"}


@pytest.mark.needs(WANT_SYNC_LIVE=False)  # whose file of the cluster is outside
def test_a_signal_has_the_file_read_again_from_inside(tmp_path: Path) -> None:
    """Of a tracker that was started as root the file is in its new root directory; its name is that of the start."""
    path = tmp_path / "conf"
    path.write_text("tracker.redirect_url http://first/\n")
    arguments = ["-d", str(tmp_path), "-f", str(path), "-i", HOME, "-p", "0"]
    with Tracker(*arguments, sockets=1) as tracker:
        path.write_text("tracker.redirect_url http://second/\nlog.format logfmt\n")
        tracker.signal(signal.SIGHUP)
        line = ""
        while "the config was read again" not in line:
            line = tracker.read_line()
        assert "changed: log.format, tracker.redirect_url" in line
        assert 'level=info msg="' in line
        with socket.create_connection(tracker.endpoint("TCP"), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"Location: http://second/" in client.recv(65536)
        path.write_text("nonsense\n")
        tracker.signal(signal.SIGHUP)
        while "the config stays as it was" not in line:
            line = tracker.read_line()
        assert f"{path}:1: 'nonsense': unknown key" in line
