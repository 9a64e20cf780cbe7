"""The PROXY protocol on real connections: heads of trusted proxies, whole and in pieces, and forged ones."""

import logging
from collections.abc import Iterator

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Settings
from opentracker.features.proxy import PROXY_PROTOCOL, ProxySettings
from opentracker.protocol.addresses import parse_network
from opentracker.protocol.proxied import V2
from opentracker.server.http.proxy_heads import is_served
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions
from tests.protocol.http_cases import announce
from tests.server.live import HOME, Live, packed, sections

CLIENT = "2001:db8::7" if WANT_V6 else "192.0.2.7"
PORT = (6881).to_bytes(2, "big")
NAME = packed(CLIENT)
V1_HEAD = (
    f"PROXY TCP6 {CLIENT} 2001:db8::1 56324 443\r\n"
    if WANT_V6
    else f"PROXY TCP4 {CLIENT} 192.0.2.1 56324 443\r\n"
).encode()
V2_BODY = NAME + NAME + bytes(4)
V2_HEAD = V2 + bytes([0x21, 0x21 if WANT_V6 else 0x11]) + len(V2_BODY).to_bytes(2, "big") + V2_BODY
LOCAL_HEAD = V2 + bytes([0x20, 0, 0, 0])


def live_with(proxy: str) -> Live:
    permissions = Permissions()
    permissions.bless(*parse_network(proxy), MAY_PROXY)
    return Live(Settings(permissions=permissions, sections=sections(ProxySettings(PROXY_PROTOCOL))))


@pytest.fixture
def live() -> Iterator[Live]:
    """A tracker that trusts the address of all clients here."""
    tracker = live_with(HOME)
    yield tracker
    tracker.close()


def peers(live: Live) -> bytes:
    """The answer to an announce that changes nothing, with all peers of the torrent."""
    query = announce(9, 1).partition(b"?")[2].partition(b" ")[0]
    return live.server.http_answers.announce(query, True, packed(HOME), 0)


@pytest.mark.parametrize("head", [V1_HEAD, V2_HEAD])
def test_x01_x02_the_head_names_the_client(live: Live, head: bytes) -> None:
    assert b"failure" not in live.ask(live.listen_tcp(), head + announce(6881)).body
    assert NAME + PORT in peers(live)
    assert packed(HOME) + PORT not in peers(live)


@pytest.mark.parametrize("head", [V1_HEAD, V2_HEAD])
def test_x01_x02_a_head_in_pieces(live: Live, head: bytes) -> None:
    client = live.tcp(live.listen_tcp())
    data = head + announce(6881)
    for at in range(len(data)):
        client.send(data[at : at + 1])
        live.settle()
    assert client.read_answer().status == 200
    assert NAME + PORT in peers(live)


@pytest.mark.needs("WANT_KEEPALIVE")
def test_the_head_holds_for_all_requests_of_a_connection(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    assert client.ask(V2_HEAD + announce(6881)).status == 200
    assert client.ask(announce(6882)).status == 200
    for port in (6881, 6882):
        assert NAME + port.to_bytes(2, "big") in peers(live)


def test_x03_a_check_of_the_proxy_itself_is_its_own(live: Live) -> None:
    assert live.ask(live.listen_tcp(), LOCAL_HEAD + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").status == 404
    assert live.counters.value("proxy_head_invalid") == 0


@pytest.mark.parametrize(
    "data", [announce(6881), b"PROXY TCP4 x\r\n" + announce(6881), V2 + bytes([0x99, 0, 0, 0])]
)
def test_x04_a_trusted_proxy_without_a_usable_head_is_refused(
    live: Live, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        assert live.ask(live.listen_tcp(), data).status == 400
    assert live.server.tracker.store.totals.torrents == 0
    assert live.counters.value("proxy_head_invalid") == 1
    assert f"the proxy {HOME} sends no usable head of the PROXY protocol" in caplog.messages


@pytest.mark.parametrize("head", [V1_HEAD, V2_HEAD])
def test_x06_a_forged_head_from_elsewhere_is_refused(head: bytes) -> None:
    live = live_with("2001:db8:9::1" if WANT_V6 else "192.0.2.99")
    assert live.ask(live.listen_tcp(), head + announce(6881)).status == 400
    assert live.server.tracker.store.totals.torrents == 0
    assert live.counters.value("http_foreign_proxy") == 1
    live.close()


@pytest.mark.needs("WANT_MAX_PEER")
def test_slots_count_the_proxy_and_not_its_clients(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(V2_HEAD)
    live.settle()
    gate = live.server.http.gate
    assert gate.open == 1
    client.close()
    live.until(lambda: gate.open == 0, "the close")


@pytest.mark.needs("WANT_V4_ONLY")
def test_a_family_that_is_not_built_in() -> None:
    assert not is_served(bytes(16))
    assert is_served(b"")
