"""Approval of clients on real sockets, over HTTP and UDP."""

import pytest

from opentracker.config.settings import Settings
from opentracker.features.client_approval import ApprovalFeature, ApprovalSettings, allow, deny
from opentracker.swarm.policy.approval import Rule, reason
from tests.protocol.http_cases import STOP, announce, announced, failure_body, is_like
from tests.server.live import PEER_ID, TRANSACTION, Live, announce_packet, sections

REASON = reason("others", PEER_ID)


def live_with(allowed: list[Rule], denied: list[Rule]) -> Live:
    return Live(Settings(sections=sections(ApprovalSettings(allowed, denied))))


@pytest.mark.parametrize("more", [b"", STOP])
def test_v02_a_client_that_is_not_allowed_over_http(more: bytes) -> None:
    live = live_with([Rule(b"-TR", b"3000", b"499z")], [])
    to = live.listen_tcp()
    assert is_like(live.ask(to, announce(6881, more=more)).body, failure_body(REASON))
    assert live.counters.value("tcp_failures") == live.counters.value("refused_client") == 1
    good = announce(6882, more=b"&peer_id=-TR4050-abcdefghijkl")
    assert is_like(live.ask(to, good).body, announced(0, 0, 1, []))
    live.close()


def test_v03_a_client_that_is_denied_over_udp() -> None:
    live = live_with([], [Rule(PEER_ID[:3])])
    client = live.udp(live.listen_udp())
    packet = announce_packet(client.connect())
    assert client.ask(packet) == bytes.fromhex("00000003") + TRANSACTION + REASON
    assert live.counters.value("udp_failures") == live.counters.value("refused_client") == 1
    other = packet.replace(PEER_ID, b"-TR4050-abcdefghijkl")
    assert client.ask(other)[:4] == bytes.fromhex("00000001")
    live.close()


@pytest.mark.needs("WANT_STATS_PROMETHEUS")
def test_v05_refusals_are_counted_by_client() -> None:
    live = live_with([Rule(b"M7-")], [])
    to = live.listen_tcp()
    for peer_id in (b"-TR4050-abcdefghijkl", b"-TR2940-abcdefghijkl", PEER_ID):
        live.ask(to, announce(6881, more=b"&peer_id=" + peer_id))
    snapshot = live.server.tracker.approval.by_client
    assert snapshot == {"Transmission": 2, "others": 1}
    live.close()


def test_rules_come_from_keys_and_sighup_reads_them_again() -> None:
    settings = Settings()
    allow(settings, "-TR 3.00..4.99")
    deny(settings, "-XX")
    feature = ApprovalFeature(settings)
    assert list(feature.plan()) == [
        "would serve only clients under one of 1 rules",
        "would refuse clients under one of 1 rules",
    ]
    feature.renew(settings)  # before it has joined: without an effect
    live = Live()
    feature.join(live.server)
    assert not live.server.tracker.approval.approves(PEER_ID)
    feature.renew(Settings())
    assert live.server.tracker.approval.approves(PEER_ID)
    live.close()
