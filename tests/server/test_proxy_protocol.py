"""The choice of the PROXY protocol by its key, and the simple one on datagrams."""

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Settings
from opentracker.features.proxy import FORWARDED, PROXY_PROTOCOL, ProxySettings, proxy_header
from opentracker.protocol.addresses import parse_network
from opentracker.server.proxy_protocol import ProxyProtocolFeature
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions
from tests.server.live import HOME, MISMATCH, Live, announce_packet, connect_packet, packed, sections

CLIENT, OTHER = ("2001:db8::7", "2001:db8::8") if WANT_V6 else ("192.0.2.7", "192.0.2.8")


def head(client: str) -> bytes:
    """The simple head: magic, client, proxy, both ports."""
    address = packed(client)
    address = address if len(address) == 16 else bytes(10) + b"\xff\xff" + address
    return b"\x56\xec" + address + bytes(16) + (56324).to_bytes(2, "big") + (6969).to_bytes(2, "big")


def live_with(proxy: str, header: str = PROXY_PROTOCOL) -> Live:
    permissions = Permissions()
    permissions.bless(*parse_network(proxy), MAY_PROXY)
    return Live(Settings(permissions=permissions, sections=sections(ProxySettings(header))))


def test_the_key() -> None:
    settings = Settings()
    for value in ("forwarded", "x-forwarded-for", "proxy-protocol"):
        proxy_header(settings, value)
        assert settings.of(ProxySettings).header == value
    with pytest.raises(ValueError, match="expected one of x-forwarded-for, forwarded, proxy-protocol"):
        proxy_header(settings, "via")


@pytest.mark.parametrize("header", [FORWARDED, PROXY_PROTOCOL])
def test_heads_are_read_only_if_they_were_chosen(header: str) -> None:
    live = live_with(HOME, header)
    assert (live.server.http.proxy_heads is not None) is (header == PROXY_PROTOCOL)
    assert live.server.http.has_head(packed(HOME)) is (header == PROXY_PROTOCOL)
    live.close()


def test_x05_answers_go_back_under_the_head_and_ids_are_the_clients() -> None:
    live = live_with(HOME)
    client = live.udp(live.listen_udp())
    answer = client.ask(head(CLIENT) + connect_packet())
    assert answer[:38] == head(CLIENT)
    connection_id = answer[46:]
    assert len(connection_id) == 8
    announced = client.ask(head(CLIENT) + announce_packet(connection_id))
    assert announced[:42] == head(CLIENT) + bytes.fromhex("00000001")
    assert client.ask(head(OTHER) + announce_packet(connection_id)) == head(OTHER) + MISMATCH
    assert client.ask(announce_packet(connection_id)) == MISMATCH
    own = client.connect()
    answer = client.ask(announce_packet(own, port=7000))
    assert packed(CLIENT) + (6881).to_bytes(2, "big") in answer
    assert client.is_silent_about(head(CLIENT) + b"short", head(CLIENT))
    live.close()


def test_x06_a_forged_simple_head_from_elsewhere_is_no_head() -> None:
    live = live_with("2001:db8:9::1" if WANT_V6 else "192.0.2.99")
    client = live.udp(live.listen_udp())
    assert client.is_silent_about(head(CLIENT) + connect_packet())
    assert live.counters.value("udp_invalid") == 1
    live.close()


@pytest.mark.needs("WANT_V4_ONLY")
def test_a_client_of_another_family_gets_no_answer() -> None:
    live = live_with(HOME)
    client = live.udp(live.listen_udp())
    assert client.is_silent_about(head("2001:db8::7") + connect_packet())
    live.close()


def test_without_a_proxy_nothing_is_read() -> None:
    live = Live()
    ProxyProtocolFeature(Settings()).join(live.server)
    assert live.server.udp.proxy_heads is None
    live.close()
