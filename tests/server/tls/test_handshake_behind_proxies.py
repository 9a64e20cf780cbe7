"""Handshakes behind a proxy that passes TLS through, with a head of the PROXY protocol before the hello."""

from collections.abc import Iterator

import pytest

from opentracker._features import WANT_PROXY_PROTOCOL
from opentracker.server.tls.certificates import Certificates
from tests.protocol.http_cases import announce
from tests.server.live import HOME, Live
from tests.server.tls.authority import Authority, TlsClient, listen_tls

if WANT_PROXY_PROTOCOL:
    from tests.server.http.test_proxy_heads import NAME, PORT, V1_HEAD, V2_HEAD, live_with, peers
else:
    V1_HEAD = V2_HEAD = b""

pytestmark = pytest.mark.needs("WANT_PROXY_PROTOCOL")


@pytest.fixture
def live() -> Iterator[Live]:
    """A tracker that trusts the address of all clients here."""
    tracker = live_with(HOME)
    yield tracker
    tracker.close()


@pytest.mark.parametrize("head", [V1_HEAD, V2_HEAD])
def test_the_head_comes_before_the_hello(
    live: Live, certificates: Certificates, authority: Authority, head: bytes
) -> None:
    client = TlsClient(live, listen_tls(live, certificates), authority.client_context())
    for byte in head:
        client.tcp.send(bytes([byte]))
        live.iterate()
    client.shake()
    assert client.ask(announce(6881)).status == 200
    assert NAME + PORT in peers(live)


def test_a_hello_without_a_head_is_refused(
    live: Live, certificates: Certificates, authority: Authority
) -> None:
    client = live.tcp(listen_tls(live, certificates))
    client.send(b"\x16\x03\x01\0\x05hello")
    assert client.read_to_end() == b""
    assert live.counters.value("tls_failed_invalid") == 1
