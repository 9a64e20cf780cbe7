"""The upgrade of an HTTP connection to a WebSocket."""

import pytest

from opentracker._features import WANT_DENY
from opentracker.config.settings import Settings
from tests.protocol.http_cases import ANN, get
from tests.server.http.talk import SWEPT, open_connections
from tests.server.live import HOME, Live, sections
from tests.server.webtorrent.browser import handshake, masked

if WANT_DENY:
    from opentracker.features.denial import DenialFeature

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
