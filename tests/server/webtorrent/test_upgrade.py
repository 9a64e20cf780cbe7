"""The upgrade of an HTTP connection to a WebSocket."""

from pathlib import Path

import pytest

from opentracker._features import WANT_AUTH_KEYS, WANT_DENY, WANT_PROXY_PROTOCOL
from opentracker.config.settings import Settings
from opentracker.swarm.policy.permissions import MAY_PROXY
from tests.protocol.http_cases import ANN, get
from tests.server.http.talk import SWEPT, open_connections
from tests.server.live import HOME, Live, packed, sections
from tests.server.webtorrent.browser import handshake, masked

if WANT_DENY:
    from opentracker.features.denial.feature import DenialFeature

if WANT_AUTH_KEYS:
    from opentracker.features.keys.feature import FILE as NAMED_KEYS
if WANT_PROXY_PROTOCOL:
    from opentracker.features.proxy import ProxySettings

ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3


@pytest.mark.parametrize("path", ["/announce", "/", "/announce?key=1", "http://x/announce"])
def test_w31_both_paths_of_both_kinds_are_upgraded(live: Live, path: str) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(handshake(path))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.read(1)
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert ACCEPT in head


@pytest.mark.parametrize(
    "request_",
    [
        handshake(Connection="keep-alive, Upgrade"),  # Firefox
        handshake(Upgrade="WebSocket"),
        handshake(Origin="https://site.example", Cookie="a=b", User_Agent="x"),
        handshake(Sec_WebSocket_Protocol="any"),
        handshake().replace(b"Upgrade: ", b"upgrade: ").replace(b"Sec-WebSocket-Key", b"sec-websocket-key"),
    ],
)
def test_headers_of_browsers_and_proxies(live: Live, request_: bytes) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(request_)
    assert client.read(13) == b"HTTP/1.1 101 "


def test_w32_compression_is_declined(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(handshake(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.read(1)
    assert b"101 Switching" in head
    assert b"xtensions" not in head


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (handshake("/other"), 404),
        (handshake(Connection="close"), 400),
        (handshake(Sec_WebSocket_Key=None), 400),
        (handshake(Sec_WebSocket_Key="short"), 400),
        (handshake(Sec_WebSocket_Version="8"), 400),
        (handshake(Sec_WebSocket_Version=None), 400),
        (handshake().replace(b"GET", b"HEAD"), 400),
        (handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        (handshake(X="a" * 9000), 431),
    ],
)
def test_w33_other_requests_are_no_websockets(live: Live, request_: bytes, status: int) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(request_)
    assert client.read_to_end().startswith(f"HTTP/1.1 {status} ".encode())
    client.close()
    live.until(lambda: open_connections(live) == 0, "the end")


def test_an_upgrade_to_something_else_is_an_announce_like_any(live: Live) -> None:
    request = get(b"/announce?" + ANN).replace(
        b"\r\n\r\n", b"\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    )
    assert live.ask(live.listen_tcp(), request).status == 200


def test_w34_messages_right_behind_the_request(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(handshake() + 2 * masked(b'{"action":"scrape","info_hash":[]}'))
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.read(1)
    answer = b'{"action":"scrape","files":{}}'
    assert client.read(2 * (2 + len(answer))) == 2 * (bytes([0x81, len(answer)]) + answer)


@pytest.mark.needs("WANT_KEEPALIVE")
def test_w35_an_upgrade_behind_other_requests(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(2 * get(b"/announce?" + ANN) + handshake())
    for _ in range(2):
        assert client.read_answer().status == 200
    assert client.read(13) == b"HTTP/1.1 101 "


def test_each_byte_of_the_request_may_come_alone(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    for byte in handshake():
        client.send(bytes([byte]))
        live.iterate()
    assert client.read(13) == b"HTTP/1.1 101 "


def test_a_request_that_is_not_complete_has_its_deadline(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(handshake()[:-2])
    live.settle()
    live.advance(SWEPT)
    live.until(client.has_ended, "the end")


@pytest.mark.needs("WANT_DENY")
def test_a_network_that_is_not_served_gets_no_websocket() -> None:
    settings = Settings(sections=sections())
    DenialFeature.keys["access.deny"](settings, HOME)
    live = Live(settings)
    client = live.tcp(live.listen_tcp())
    client.send(handshake())
    assert client.read_to_end().startswith(b"HTTP/1.1 403 ")
    assert live.counters.value("denied_http") == 1
    live.close()


@pytest.mark.needs("WANT_AUTH_KEYS")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/0123456789abcdef/announce", b"101"),
        ("/announce/0123456789abcdef", b"101"),
        ("/announce?passkey=0123456789abcdef", b"101"),
        ("/announce", b"403"),
        ("/", b"403"),
        ("/fedcba9876543210/announce", b"403"),
    ],
)
def test_k13_a_websocket_needs_a_key(path: str, status: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("0123456789abcdef\n")
    settings = Settings(sections=sections())
    NAMED_KEYS.put(settings, tmp_path / "keys")
    live = Live(settings)
    client = live.tcp(live.listen_tcp())
    client.send(handshake(path))
    assert client.read(13) == b"HTTP/1.1 %b " % status
    live.close()


@pytest.mark.needs("WANT_PROXY_PROTOCOL", "WANT_MAX_PEER", WANT_V6=False)
def test_a_websocket_behind_the_proxy_protocol_has_the_slot_of_the_proxy() -> None:
    settings = Settings(sections=sections(ProxySettings("proxy-protocol")))
    settings.permissions.bless(packed(HOME), 32, MAY_PROXY)
    live = Live(settings)
    client = live.tcp(live.listen_tcp())
    client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n" + handshake())
    assert client.read(13) == b"HTTP/1.1 101 "
    live.until(lambda: live.server.http.gate.open == 1, "the slot")
    client.close()
    live.until(lambda: live.server.http.gate.open == 0, "the end of the slot")
    assert live.server.http.gate.of_host == {}
    live.close()
