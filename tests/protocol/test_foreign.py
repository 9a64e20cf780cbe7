import ssl

import pytest

from opentracker.protocol.foreign import PROXY, TLS, TLS_ALERT, foreign_protocol
from opentracker.protocol.http import parse_request
from tests.protocol.http_cases import CASES, Case

V1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 6969\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)


def client_hello() -> bytes:
    """The first bytes that Python's TLS sends."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="tracker.example.org"
    )
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(("data", "name"), [(client_hello(), TLS), (V1, PROXY), (V2, PROXY)])
def test_beginnings_are_known_as_soon_as_they_are_whole(data: bytes, name: str) -> None:
    assert foreign_protocol(data) == name
    known = [foreign_protocol(data[:size]) for size in range(len(data) + 1)]
    assert set(known) == {"", name}
    assert known == sorted(known)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_requests_are_none(case: Case) -> None:
    assert foreign_protocol(case.request) == ""


def test_a_tls_client_understands_the_alert() -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="tracker.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    incoming.write(TLS_ALERT)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert handshake failure"):
        client.do_handshake()


def test_half_a_hello_is_no_request_to_wait_for() -> None:
    """No input shorter than a beginning is refused; other refusals are tested with parse_request."""
    for beginning in (b"\x16", b"PROXY", V2[:11]):
        assert parse_request(beginning) is None
