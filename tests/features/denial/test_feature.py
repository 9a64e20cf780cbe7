"""Networks that are not served: over UDP and HTTP, at the start, at a reload, in the figures and in the log."""

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from opentracker import cli
from opentracker._features import WANT_V6
from opentracker.config.settings import Settings
from opentracker.errors import UsageError
from opentracker.features.denial.feature import DenialSettings
from opentracker.protocol.addresses import parse_ip
from opentracker.server.refusals import TellingUdpResponder
from opentracker.server.turned_away import TurnedAway
from opentracker.swarm.policy.denial import NOT_SERVED, NetworkTable
from opentracker.swarm.policy.permissions import MAY_PROXY
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.protocol.http_cases import announce, failure_body, get, is_like, scrape
from tests.server.live import HOME, Live, announce_packet, connect_packet, packed, scrape_packet, sections
from tests.server.process import Tracker, run

ELSEWHERE = "2001:db8:f::/48" if WANT_V6 else "192.0.2.0/24"
PAGES = [b"/stats", b"/health", pytest.param(b"/scrape", marks=pytest.mark.needs("WANT_FULLSCRAPE"))]


def live_with(*networks: str) -> Live:
    """A tracker that does not serve these networks."""
    asked = DenialSettings()
    for network in networks:
        asked.networks.add(*cli_network(network))
    return Live(Settings(sections=sections(asked)))


def cli_network(network: str) -> tuple[bytes, int]:
    host, _, bits = network.partition("/")
    return packed(host), int(bits or 8 * len(packed(host)))


# ---- Requests ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fast", [True, False])
def test_n01_datagrams_of_a_denied_network_are_met_with_silence(fast: bool) -> None:
    """A connect too: the address may be forged."""
    live = Live(fast=fast)
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    denied = NetworkTable()
    denied.add(packed(HOME), 8 * len(packed(HOME)))
    live.server.tracker.denial.deny(denied, NetworkTable())
    packets = [
        connect_packet(),
        announce_packet(connection_id),
        scrape_packet(connection_id, bytes(20)),
        b"x",
    ]
    for packet in packets:
        client.send(packet)
    live.until(lambda: live.counters.value("denied_udp") == len(packets), "the packets")
    assert live.counters.udp_invalid == live.counters.udp_announces == 0
    live.server.tracker.denial.deny(NetworkTable(), NetworkTable())
    assert len(client.ask(announce_packet(connection_id))) == 20, "the first answer of all"
    live.close()


@pytest.mark.parametrize("request_", [announce(6881), scrape(bytes(20)), get(b"/"), get(b"/nowhere")])
def test_n02_http_requests_of_a_denied_network_fail_with_the_reason(request_: bytes) -> None:
    live = live_with(HOME)
    answer = live.ask(live.listen_tcp(), request_)
    assert answer.status == 200
    assert is_like(answer.body, failure_body(NOT_SERVED))
    assert (live.counters.value("denied_http"), live.counters.tcp_failures) == (1, 1)
    assert live.server.tracker.store.totals.torrents == 0
    live.close()


@pytest.mark.parametrize("path", PAGES)
def test_n03_pages_are_refused_with_their_status(path: bytes) -> None:
    """Programs that read statistics would take a failure reason for them."""
    live = live_with(HOME)
    assert live.ask(live.listen_tcp(), get(path)).status == 403
    assert live.counters.value("denied_http") == 1
    live.close()


def test_n04_others_are_served() -> None:
    live = live_with(ELSEWHERE)
    assert live.ask(live.listen_tcp(), announce(6881)).status == 200
    assert len(live.udp(live.listen_udp()).connect()) == 8
    assert live.counters.value("denied_http") == live.counters.value("denied_udp") == 0
    live.close()


@pytest.mark.needs("WANT_IP_FROM_PROXY")
def test_n05_behind_a_proxy_the_client_counts_and_not_the_proxy() -> None:
    asked = DenialSettings()
    asked.networks.add(*cli_network(ELSEWHERE))
    settings = Settings(sections=sections(asked))
    settings.permissions.bless(*cli_network(HOME), MAY_PROXY)
    live = Live(settings)
    to = live.listen_tcp()
    for client, is_served in ((ELSEWHERE.partition("/")[0], False), (HOME, True)):
        request = announce(6881).replace(
            b"Host: x\r\n", b"Host: x\r\nX-Forwarded-For: %b\r\n" % client.encode()
        )
        assert (b"failure reason" not in live.ask(to, request).body) is is_served
    live.close()


def test_n06_a_line_a_minute_for_each_protocol(caplog: pytest.LogCaptureFixture) -> None:
    live = live_with(HOME)
    turned_away = TurnedAway(live.counters)
    to = live.listen_tcp()
    for _ in range(3):
        live.ask(to, announce(6881))
    turned_away.look()
    turned_away.look()
    assert [line for line in caplog.messages if "access.deny" in line] == [
        "in the last minute 3 HTTP requests were of networks that access.deny names, and were refused"
    ]
    live.close()


# ---- The start, and reloads --------------------------------------------------------------------------------


class Denying:
    """A tracker in this process with a config file and a file of networks."""

    def __init__(self, folder: Path, config: str, denied: str) -> None:
        self.config, self.denied = folder / "conf", folder / "denied"
        self.denied.write_text(denied)
        self.write(config)
        settings = self.parse()
        settings.reread = self.parse
        self.live = Live(settings)

    def write(self, config: str) -> None:
        self.config.write_text(config.format(denied=self.denied))

    def parse(self) -> Settings:
        settings = cli.parse(["-f", str(self.config)])
        assert isinstance(settings, Settings)
        own = sections()
        for kind, section in own.by_class.items():
            settings.sections.by_class.setdefault(kind, section)
        return settings

    def reload(self) -> None:
        self.live.server.signal_actions()[signal.SIGHUP]()
        self.live.until(lambda: not self.live.server.loop.work, "the reload")

    def figures(self) -> dict[str, float]:
        snapshot = StatsSnapshot("opentracker 1", 7, 1, self.live.counters.rows)
        self.live.server.complete(snapshot)
        return {name: reading.value for (name, _), reading in snapshot.readings.items()}


@pytest.fixture
def denying(tmp_path: Path) -> "Callable[[str, str], Denying]":
    return lambda config, denied: Denying(tmp_path, config, denied)


def test_n10_keys_and_file_change_at_a_reload(denying: "Callable[[str, str], Denying]") -> None:
    tracker = denying("access.deny 192.0.2.0/24\naccess.deny_file {denied}\n", "198.51.100.0/24\n")
    denial = tracker.live.server.tracker.denial
    seen = [parse_ip(address) for address in ("192.0.2.1", "198.51.100.1", "203.0.113.1")]
    assert [denial.holds(address) for address in seen] == [True, True, False]
    tracker.denied.write_text("203.0.113.0/24\n")
    tracker.reload()
    assert [denial.holds(address) for address in seen] == [True, False, True]
    assert tracker.figures()["opentracker_denied_networks"] == 2
    tracker.write("")
    tracker.reload()
    assert [denial.holds(address) for address in seen] == [False, False, False]
    assert not denial.in_force
    tracker.live.close()


def test_n11_a_refused_file_leaves_the_networks_before(
    denying: "Callable[[str, str], Denying]", caplog: pytest.LogCaptureFixture
) -> None:
    tracker = denying("access.deny_file {denied}\n", "198.51.100.0/24\n")
    denial = tracker.live.server.tracker.denial
    for broken in ("<html>\n", "203.0.113.0/2", None):
        tracker.denied.unlink()
        if broken is not None:
            tracker.denied.write_text(broken)
        else:
            tracker.denied.mkdir()
        tracker.reload()
        assert denial.holds(parse_ip("198.51.100.1"))
        assert not denial.holds(parse_ip("203.0.113.1"))
        assert tracker.figures()["opentracker_denied_networks_last_reload_success"] == 0
        assert "the list of networks that are not served stays as it was" in caplog.text
        caplog.clear()
        assert len([worry for worry in tracker.live.server.worries() if "denied" in worry]) == 1
    tracker.denied.rmdir()
    tracker.denied.write_text("203.0.113.0/24\n")
    tracker.reload()
    assert tracker.figures()["opentracker_denied_networks_last_reload_success"] == 1
    assert not [worry for worry in tracker.live.server.worries() if "denied" in worry]
    tracker.live.close()


def test_n12_of_two_reloads_the_later_one_counts(denying: "Callable[[str, str], Denying]") -> None:
    tracker = denying("access.deny_file {denied}\n", "198.51.100.0/24\n" * 5000)
    tracker.live.server.signal_actions()[signal.SIGHUP]()
    tracker.live.iterate()
    new = tracker.denied.with_suffix(".new")
    new.write_text("203.0.113.0/24\n")
    new.replace(tracker.denied)
    tracker.reload()
    denial = tracker.live.server.tracker.denial
    assert denial.holds(parse_ip("203.0.113.1"))
    assert not denial.holds(parse_ip("198.51.100.1"))
    tracker.live.close()


def test_n13_a_tracker_does_not_start_with_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    """It would serve those that the operator has shut out."""
    config = tmp_path / "conf"
    config.write_text(
        f"tracker.rootdir {tmp_path}\naccess.deny {ELSEWHERE}\naccess.deny_file {tmp_path}/denied\n"
    )
    for arguments in (["-t", "-f", str(config)], ["-f", str(config), "-P", "0"]):
        status, _, err = run(*arguments)
        assert status == 1
        assert "cannot read the networks that are not served" in err
    (tmp_path / "denied").write_text("192.0.2.0/24\n")
    status, out, _ = run("-t", "-f", str(config))
    assert status == 0
    assert f"would not serve {ELSEWHERE}" in out.splitlines()
    assert f"would load networks that are not served from {tmp_path}/denied" in out


def test_n14_a_running_tracker_reads_its_file_again(tmp_path: Path) -> None:
    path = tmp_path / "denied"
    path.write_text("198.51.100.0/24\n")
    config = tmp_path / "conf"
    config.write_text(f"access.deny_file {path}\ntracker.rootdir {tmp_path}\n")
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1) as tracker:
        path.write_text("198.51.100.0/24\n203.0.113.0/24\n")
        tracker.signal(signal.SIGHUP)
        seen = Path("/", path.name) if os.geteuid() == 0 else path
        tracker.line_with(f"{seen}: 2 networks that are not served")


@pytest.mark.parametrize("value", ["", "nowhere", "192.0.2.0/33", "192.0.2.1-192.0.2.9"])
def test_values_of_the_key_that_are_refused(tmp_path: Path, value: str) -> None:
    config = tmp_path / "conf"
    config.write_text(f"access.deny {value}\n")
    with pytest.raises(UsageError, match="conf:1"):
        cli.parse(["-f", str(config)])


def test_the_debug_command_gives_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    live = live_with(HOME)
    caplog.set_level(logging.DEBUG, "opentracker")
    live.server.udp = TellingUdpResponder(live.server.tracker, live.server.ids, live.counters)
    live.udp(live.listen_udp()).send(connect_packet())
    live.until(lambda: live.counters.value("denied_udp") == 1, "the packet")
    assert "with silence (its network is not served)" in caplog.text
    live.close()
