"""Connections to a TLS port, with real sockets and a clock of the test's own."""

import ssl
import struct

import pytest

from opentracker._features import OT_CLIENT_TIMEOUT, OT_MAX_REQUEST, WANT_PROXY_PROTOCOL, WANT_V6
from opentracker.server.tls.certificates import Certificates
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions
from tests.protocol.http_cases import ANN, get
from tests.server.http.talk import SWEPT, open_connections
from tests.server.live import HOME, Endpoint, Live, packed
from tests.server.tls.authority import Authority, TlsClient, listen_tls

if WANT_PROXY_PROTOCOL:
    from opentracker.server.http.proxy_heads import ProxyHeads

ASKED = get(b"/announce?" + ANN)
FATAL = 2
PROTOCOL_VERSION, HANDSHAKE_FAILURE, UNKNOWN_CA = 70, 40, 48


@pytest.fixture
def to(live: Live, certificates: Certificates) -> Endpoint:
    return listen_tls(live, certificates)


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    return authority.client_context()


def hello(context: ssl.SSLContext) -> bytes:
    """The first records of a client."""
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="tracker.example")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def failures(live: Live) -> dict[str, int]:
    """The kinds of failed handshakes that were counted."""
    values = live.counters.values()
    return {
        name.removeprefix("tls_failed_"): value
        for name, value in values.items()
        if name.startswith("tls_failed_") and value
    }


def test_e01_an_announce_over_tls(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    client = TlsClient(live, to, context).shake()
    answer = client.ask(ASKED)
    assert answer.status == 200
    assert b"incompletei1e" in answer.body
    assert live.counters.value("tls_full") == 1
    assert failures(live) == {}


def test_e02_http_1_1_is_the_protocol_that_is_agreed_on(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    context.set_alpn_protocols(["h2", "http/1.1"])
    client = TlsClient(live, to, context).shake()
    assert client.session.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_e03_a_session_is_resumed(
    live: Live, to: Endpoint, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    context.minimum_version = context.maximum_version = version
    first = TlsClient(live, to, context).shake()
    assert first.ask(ASKED).status == 200
    again = TlsClient(live, to, context, session=first.session.session).shake()
    assert again.session.session_reused
    assert again.ask(ASKED).status == 200
    assert (live.counters.value("tls_full"), live.counters.value("tls_resumed")) == (1, 1)


def test_e04_each_byte_of_a_client_may_come_alone(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    client = TlsClient(live, to, context)
    with pytest.raises(ssl.SSLWantReadError):
        client.session.do_handshake()
    for byte in client.outgoing.read():
        client.tcp.send(bytes([byte]))
        live.iterate()
    client.shake()
    client.session.write(ASKED)
    for byte in client.outgoing.read():
        client.tcp.send(bytes([byte]))
        live.iterate()
    assert b"200 OK" in client.read_some()


def test_e05_a_request_that_comes_with_the_end_of_the_handshake(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    client = TlsClient(live, to, context)
    with pytest.raises(ssl.SSLWantReadError):
        client.session.do_handshake()
    client.move()

    def flight() -> bool:
        client.tcp.poll()
        client.incoming.write(client.tcp.received)
        client.tcp.received = b""
        try:
            client.session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    live.until(flight, "the server's records")
    client.session.write(ASKED)
    client.move()
    assert b"200 OK" in client.read_some()


@pytest.mark.needs("WANT_KEEPALIVE")
def test_e06_requests_one_after_another(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    client = TlsClient(live, to, context).shake()
    for _ in range(3):
        assert client.ask(ASKED).status == 200
    client.send(3 * ASKED)
    text = b""
    while text.count(b"200 OK") < 3:
        text += client.read_some()
    assert open_connections(live) == 1


def test_e07_a_whole_answer_ends_with_the_record_that_says_so(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    client = TlsClient(live, to, context).shake()
    client.send(b"GET /announce?" + ANN + b" HTTP/1.0\r\n\r\n")
    assert client.read_to_end().endswith(b"5:peers0:e")
    live.until(client.tcp.has_ended, "the FIN")
    assert open_connections(live) == 0


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PROXY TCP4"])
def test_e08_plain_http_is_told_so(live: Live, to: Endpoint, method: bytes) -> None:
    client = live.tcp(to)
    client.send(method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n") == (method == b"HEAD")
    assert (b"this port speaks TLS: use https://" in answer) == (method != b"HEAD")
    client.close()
    live.until(lambda: open_connections(live) == 0, "the end")
    assert failures(live) == {"plain_http": 1}


def test_e09_an_old_version_gets_an_alert(live: Live, to: Endpoint) -> None:
    random = bytes(32)
    body = b"\x03\x02" + random + b"\0" + b"\0\x02\xc0\x13" + b"\x01\0"
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    client = live.tcp(to)
    client.send(b"\x16\x03\x01" + struct.pack(">H", len(message)) + message)
    alert = client.read_to_end()
    assert (alert[0], alert[5:]) == (0x15, bytes([FATAL, PROTOCOL_VERSION]))
    assert failures(live) == {"version": 1}


def test_e10_no_common_cipher_gets_an_alert(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the tracker's key is none of RSA
    client = live.tcp(to)
    client.send(hello(context))
    assert client.read_to_end()[5:] == bytes([FATAL, HANDSHAKE_FAILURE])
    assert failures(live) == {"cipher": 1}


def test_e11_a_client_that_does_not_trust_the_certificate(live: Live, to: Endpoint) -> None:
    client = TlsClient(live, to, ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.shake()
    client.move()
    live.until(lambda: failures(live) == {"alert": 1}, "the alert to be counted")
    live.until(client.tcp.has_ended, "the end")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\0\x05\x02\0\0\0\0",  # a server's hello
        b"\x16\x03\x01\xff\xff" + bytes(300),  # a record that is too long
        b"\x17\x03\x03\0\x05hello",  # text before the handshake
        b"\x80\x2e\x01\0\x02" + bytes(43),  # a hello of SSL 2
        b"\0" * 50,
    ],
)
def test_e12_malformed_records_end_the_connection(live: Live, to: Endpoint, data: bytes) -> None:
    client = live.tcp(to)
    client.send(data)
    client.read_to_end()
    client.close()
    live.until(lambda: open_connections(live) == 0, "the end")
    assert sum(failures(live).values()) == 1


def test_e13_a_client_that_leaves_in_its_handshake(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    for sent in (b"", hello(context)[:20], hello(context)):
        client = live.tcp(to)
        client.send(sent)
        live.settle()
        client.close()
    live.until(lambda: open_connections(live) == 0, "the end")
    live.settle()
    assert set(failures(live)) == {"gone"}


def test_e14_a_handshake_has_the_time_of_a_plain_request(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    """Bytes that dribble in do not extend it, nor does the end of the handshake."""
    slow = live.tcp(to)
    records = hello(context)
    slow.send(records[:1])
    live.until(lambda: open_connections(live) == 1, "the connection")
    client = TlsClient(live, to, context).shake()
    live.advance(OT_CLIENT_TIMEOUT - 1)
    slow.send(records[1:2])
    live.settle()
    assert open_connections(live) == 2
    live.advance(SWEPT)
    live.until(slow.has_ended, "the end of the handshake")
    live.until(client.tcp.has_ended, "the end of the connection")
    assert failures(live) == {"timeout": 1}


def test_e16_renegotiation_is_refused(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    """In TLS 1.2 an encrypted hello would begin another handshake: a byte of type 22 in a record is never text."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = TlsClient(live, to, context).shake()
    assert client.session.version() == "TLSv1.2"
    client.tcp.send(b"\x16\x03\x03\0\x20" + bytes(32))
    live.until(client.tcp.has_ended, "the end")


def test_e17_a_request_that_is_too_long(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    client = TlsClient(live, to, context).shake()
    client.send(b"GET /" + b"a" * (3 * OT_MAX_REQUEST))
    assert client.read_to_end().startswith(b"HTTP/1.1 414 ")


def test_e18_a_tls_hello_on_a_plain_port_gets_an_alert(live: Live, context: ssl.SSLContext) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(hello(context))
    assert client.read_to_end() == b"\x15\x03\x01\0\x02" + bytes([FATAL, HANDSHAKE_FAILURE])


def test_e19_an_answer_that_is_cut_does_not_look_whole(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    client = TlsClient(live, to, context).shake()
    client.send(b"GET /announce HTTP/1.1\r\nHost: x")
    live.settle()
    live.advance(SWEPT)
    live.until(client.tcp.has_ended, "the end")
    client.incoming.write_eof()
    with pytest.raises(ssl.SSLError, match="UNEXPECTED_EOF"):
        client.session.read(100)


# ---- Behind the PROXY protocol -------------------------------------------------------------------------------


V1_HEAD = b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n" if WANT_V6 else b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n"


def behind_a_proxy(live: Live) -> None:
    """Trust the address of all clients here, and read heads of the PROXY protocol."""
    permissions = Permissions()
    permissions.bless(packed(HOME), len(packed(HOME)) * 8, MAY_PROXY)
    live.server.http.proxy_heads = ProxyHeads(permissions, live.counters)


@pytest.mark.needs("WANT_PROXY_PROTOCOL")
@pytest.mark.parametrize("size", [1, 1000])
def test_x01_a_head_before_the_handshake_names_the_client(
    live: Live, to: Endpoint, context: ssl.SSLContext, size: int
) -> None:
    behind_a_proxy(live)
    client = TlsClient(live, to, context)
    for at in range(0, len(V1_HEAD), size):
        client.tcp.send(V1_HEAD[at : at + size])
        live.settle()
    assert client.shake().ask(ASKED).status == 200
    body = live.server.http_answers.announce(ANN.replace(b"port=6881", b"port=9"), True, packed(HOME), 0)
    assert packed("2001:db8::7" if WANT_V6 else "192.0.2.7") + (6881).to_bytes(2, "big") in body


@pytest.mark.needs("WANT_PROXY_PROTOCOL")
def test_x04_a_handshake_of_a_trusted_proxy_without_a_head_is_refused(
    live: Live, to: Endpoint, context: ssl.SSLContext
) -> None:
    behind_a_proxy(live)
    client = live.tcp(to)
    client.send(hello(context))
    assert client.read_to_end() == b""
    assert live.counters.value("proxy_head_invalid") == 1


@pytest.mark.needs("WANT_PROXY_PROTOCOL")
def test_x06_a_forged_head_is_no_handshake(live: Live, to: Endpoint, context: ssl.SSLContext) -> None:
    client = live.tcp(to)
    client.send(V1_HEAD + hello(context))
    assert client.read_to_end().startswith(b"HTTP/1.1 400 ")
    assert live.server.tracker.store.totals.torrents == 0
