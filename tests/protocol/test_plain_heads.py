"""A request with cached headers gives the result of `parse_request`, the first time and the second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_MAX_REQUEST, WANT_KEEPALIVE
from opentracker.errors import HttpError
from opentracker.protocol.http import parse_request
from opentracker.protocol.plain_heads import LONGEST_KNOWN, MOST_KNOWN, PlainHeads
from tests.protocol.http_cases import ANN, CASES, LIBTORRENT, Case, get, padded

H_01 = get(b"/announce?" + ANN)


def is_read(data: bytes, heads: PlainHeads) -> bool:
    """Whether `data` is read; it must then be read as by parse_request."""
    if not heads.read(data):
        return False
    request = parse_request(data)
    assert request is not None
    assert (request.method, request.path, request.size) == (b"GET", b"/announce", len(data))
    assert (request.query, request.keep_alive) == (heads.query, heads.keep_alive)
    return True


@pytest.mark.parametrize("query", [ANN, LIBTORRENT, b"", b"?", b"\xff%\x01"])
@pytest.mark.parametrize(
    "headers", [b"", b"Host: x\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"]
)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_ordinary_requests_are_read_each_time(query: bytes, headers: bytes, version: bytes) -> None:
    heads = PlainHeads()
    data = get(b"/announce?" + query, headers).replace(b"HTTP/1.1", b"HTTP/" + version)
    assert is_read(data, heads)
    assert is_read(data, heads)
    assert heads.keep_alive is (
        WANT_KEEPALIVE and b"close" not in data and (version == b"1.1" or b"keep" in data)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_cases_behind_others(case: Case) -> None:
    heads = PlainHeads()
    for data in (H_01, case.request, case.request, case.request + b"x", b"\r\n" + case.request):
        is_read(data, heads)


@pytest.mark.parametrize(
    "data",
    [
        H_01[:-1],
        H_01 + H_01,
        H_01.replace(b"GET", b"HEAD"),
        H_01.replace(b"/announce", b"/scrape"),
        H_01.replace(b"Host", b"Content-Length: 5\r\nHost"),
        H_01.replace(b"&port", b"\n\n&port"),
        H_01.replace(b"&port", b"\r&port"),
        H_01.replace(b"&port", b" &port"),
        padded(OT_MAX_REQUEST + 1, ANN + b"&x="),
    ],
)
def test_whatever_is_not_one_whole_plain_announce_is_not_read(data: bytes) -> None:
    heads = PlainHeads()
    assert is_read(H_01, heads)
    assert not is_read(data, heads)


def test_what_is_remembered_is_bounded() -> None:
    heads = PlainHeads()
    for number in range(MOST_KNOWN + 10):
        assert is_read(get(b"/announce?" + ANN, b"X: %d\r\n" % number), heads)
        assert len(heads.known) <= MOST_KNOWN
    before = len(heads.known)
    assert is_read(get(b"/announce?" + ANN, b"X: " + b"x" * LONGEST_KNOWN + b"\r\n"), heads)
    assert len(heads.known) == before


WORDS = [
    ANN,
    b"GET /announce?",
    b" HTTP/1.1",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"Host: x",
    b"Connection: close",
    b"?",
    b"\0",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join))
def test_p2_any_bytes(data: bytes) -> None:
    heads = PlainHeads()
    for _ in range(2):
        is_read(b"GET /announce?" + data + b"\r\n\r\n", heads)
        is_read(data, heads)


def test_what_is_refused_is_refused_each_time() -> None:
    heads = PlainHeads()
    data = get(b"/announce?" + ANN, b"Transfer-Encoding: chunked\r\n")
    for _ in range(2):
        assert not heads.read(data)
        with pytest.raises(HttpError):
            parse_request(data)


@pytest.mark.needs(WANT_IP_FROM_PROXY=True)
@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"x-forwarded-for"])
@pytest.mark.parametrize("value", [b"1.2.3.4", b"2001:db8::1", b"[::1]:80, 10.0.0.1", b""])
@pytest.mark.parametrize(
    "form", [b"%b: %b\r\nHost: x\r\n", b"Host: x\r\n%b: %b\r\n", b"A: b\r\n%b: %b\r\nC: d\r\n"]
)
def test_requests_of_a_proxy_differ_in_their_clients_alone(name: bytes, value: bytes, form: bytes) -> None:
    """The first one of these headers is remembered, whoever the client is."""
    heads = PlainHeads()
    assert is_read(get(b"/announce?" + ANN, form % (name, b"9.9.9.9")), heads)
    known = dict(heads.known)
    assert is_read(get(b"/announce?" + ANN, form % (name, value)), heads)
    assert heads.known == known
    assert heads.forwarded == b"\r\n" + name + b": " + value + b"\r\n"
    assert is_read(get(b"/announce?" + ANN, b"Host: x\r\n"), heads)
    assert heads.forwarded == b"", "the last client is not taken for the next one"


@pytest.mark.needs(WANT_IP_FROM_PROXY=True)
@pytest.mark.parametrize(
    ("value", "client"),
    [
        (b"1.2.3.4", bytes([1, 2, 3, 4])),
        (b"0.200.255.30", bytes([0, 200, 255, 30])),
        (b"1.2.3.256", b""),
        (b"1.2.3.04", b""),
        (b"1.2.3.4, 5.6.7.8", b""),
        (b"1.2.3.4:80", b""),
        (b"2001:db8::1", b""),
        (b"", b""),
    ],
)
def test_a_single_ipv4_address_is_the_client(value: bytes, client: bytes) -> None:
    """All others are left to the parser of addresses."""
    heads = PlainHeads()
    assert is_read(get(b"/announce?" + ANN, b"X-Forwarded-For: 9.9.9.9\r\n"), heads)
    assert is_read(get(b"/announce?" + ANN, b"X-Forwarded-For: " + value + b"\r\n"), heads)
    assert heads.client == client
    assert is_read(get(b"/announce?" + ANN, b"Host: x\r\n"), heads)
    assert heads.client == b"", "the last client is not taken for the next one"


@pytest.mark.needs(WANT_IP_FROM_PROXY=True)
@pytest.mark.parametrize(
    "headers",
    [
        b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n",
        b"X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n",
        b"X-forwarded-For: 1.2.3.4\r\n",
        b"X-Forwarded-For:1.2.3.4\r\n",
        b"X-Forwarded-For: unknown\r\n",
        b"X-Forwarded-For: 1.2.3.4\r\n 5.6.7.8\r\n",
        b"X-Forwarded-For: 1.2.3.4\r\n\t5.6.7.8\r\n",
        b"X-Forwarded-For : 1.2.3.4\r\n",
    ],
)
def test_unusual_headers_of_a_proxy_are_left(headers: bytes) -> None:
    heads = PlainHeads()
    for _ in range(2):
        assert not is_read(get(b"/announce?" + ANN, headers), heads)
