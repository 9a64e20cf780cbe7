"""A plain announce that is read in one pass gives the same result as the two parsers."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_MAX_REQUEST, WANT_IP_FROM_QUERY_STRING, WANT_KEEPALIVE
from opentracker.errors import ProtocolError
from opentracker.protocol.http import parse_request
from opentracker.protocol.messages import Announce
from opentracker.protocol.plain_announce import MOST_FIELDS, PADDING, PlainReader
from opentracker.protocol.query import parse_announce
from tests.protocol.http_cases import ANN, ARIA2, CASES, LIBTORRENT, REST, TRANSMISSION, Case, get, padded

ADDRESS = b"\x7f\0\0\x01"
FIELDS: Final = (
    "info_hash",
    "peer_id",
    "peer",
    "stored",
    "seeding",
    "event",
    "numwant",
    "both_families",
    "url_data",
)
Read = dict[str, object]


def fields_of(a: Announce, keep_alive: bool, size: int) -> Read:
    return {**{name: getattr(a, name) for name in FIELDS}, "keep_alive": keep_alive, "size": size}


def read_long(data: bytes) -> Read | None:
    """The two parsers' result for an announce by GET; None if it is refused or something else."""
    a = Announce(both_families=True)
    try:
        request = parse_request(data)
        if request is None or request.method != b"GET" or request.path != b"/announce":
            return None
        parse_announce(request.query or b"", ADDRESS, a)
    except ProtocolError:
        return None
    return fields_of(a, request.keep_alive, request.size)


def read_plain(data: bytes, before: bytes = b"", behind: bytes = b"\xff" * PADDING) -> Read | None:
    """The result of one pass, with a reader and an Announce that were used before."""
    reader, a = PlainReader(), Announce(both_families=False)
    used = get(b"/announce?" + ANN + b"&event=completed&left=0&numwant=7")
    assert reader.read(used + bytes(PADDING), 0, len(used), a)
    if not reader.read(before + data + behind, len(before), len(before + data), a):
        return None
    reader.place(ADDRESS, a)
    return fields_of(a, reader.keep_alive, reader.end - len(before))


def is_read(data: bytes) -> bool:
    """Whether one pass reads `data`; it must then read it as the long way does."""
    read = read_plain(data)
    if read is not None:
        assert read == read_long(data)
    return read is not None


HEADERS = (
    b"Host: tracker.example.org:6969\r\nUser-Agent: qBittorrent/4.5.2\r\nAccept-Encoding: gzip\r\n"
    b"Connection: close\r\n"
)


@pytest.mark.parametrize("query", [ANN, LIBTORRENT, LIBTORRENT + b"&ipv4=1.2.3.4&ipv6=2001:db8::1"])
@pytest.mark.parametrize(
    "headers", [b"", HEADERS, HEADERS.lower(), b"X-Forwarded-For:\t1.2.3.4\r\n" + HEADERS]
)
def test_ordinary_clients_are_read(query: bytes, headers: bytes) -> None:
    assert is_read(get(b"/announce?" + query, headers))


CONNECTION = (
    *(b"keep-alive", b"Keep-Alive", b"close", b"CLOSE", b"keep-alive ", b"keep-alivex", b"closed", b"close,"),
    *(b"keep-alive, close", b"upgrade", b" close", b"keep\ralive", b"clos", b"keep-a", b"\t", b""),
)


@pytest.mark.parametrize("value", CONNECTION)
@pytest.mark.parametrize(
    "name", [b"Connection: ", b"connection: ", b"Connection:", b"Connections: ", b"Conn: "]
)
def test_connection_headers(name: bytes, value: bytes) -> None:
    header = name + value + b"\r\n"
    plain = is_read(get(b"/announce?" + ANN, header))
    if name == b"Connection: " and value in (b"keep-alive", b"Keep-Alive", b"close", b"CLOSE"):
        assert plain
    assert not WANT_KEEPALIVE or not is_read(get(b"/announce?" + ANN, header + HEADERS))


@pytest.mark.needs("WANT_IP_FROM_PROXY")
@pytest.mark.parametrize(
    ("headers", "named"),
    [
        (b"X-Forwarded-For: 1.2.3.4\r\n", bytes([1, 2, 3, 4])),
        (b"x-forwarded-for: 0.200.255.30\r\n", bytes([0, 200, 255, 30])),
        (b"", b""),
        (b"X-Forwarded: 1.2.3.4\r\n", b""),
        (b"X-Forwarded-For:1.2.3.4\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4 \r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4:80\r\n", b""),
        (b"X-Forwarded-For: 1.2.3\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4.5\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.256\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.0004\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.04\r\n", b""),
        (b"X-Forwarded-For: ::1\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n", b""),
        (b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For : 1.2.3.4\r\n", b""),
    ],
)
def test_the_client_that_a_proxy_names(headers: bytes, named: bytes) -> None:
    reader = PlainReader()
    data = get(b"/announce?" + ANN, b"Host: x\r\n" + headers + b"Accept: x\r\n")
    for _ in range(2):
        assert reader.read(data + bytes(PADDING), 0, len(data), Announce(both_families=False))
        assert reader.forwarded == named


UNUSUAL = {
    "aria2 escapes its key": get(b"/announce?" + ARIA2),
    "a magnet of Transmission has 19 digits left": get(b"/announce?" + TRANSMISSION),
    "nothing": b"",
    "two lines": b"\r\n" + get(b"/announce?" + ANN),
    "HEAD": get(b"/announce?" + ANN).replace(b"GET", b"HEAD"),
    "another path": get(b"/announce.php?" + ANN),
    "no version": b"GET /announce?" + ANN + b"\r\n\r\n",
    "a version to come": get(b"/announce?" + ANN).replace(b"1.1", b"1.2"),
    "more behind the version": get(b"/announce?" + ANN).replace(b"1.1\r", b"1.1x\r"),
    "lines without CR": get(b"/announce?" + ANN).replace(b"\r", b""),
    "a line without CR": get(b"/announce?" + ANN, b"Host: x\nFoo: bar\r\n"),
    "an empty line without CR": get(b"/announce?" + ANN, b"Host: x\n\nFoo: bar\r\n"),
    "a folded line": get(b"/announce?" + ANN, b"Host: x\r\n y\r\n"),
    "NUL": get(b"/announce?" + ANN, b"Host: \0\r\n"),
    "VT": get(b"/announce?" + ANN, b"Host\x0b: x\r\n"),
    "CR": get(b"/announce?" + ANN, b"Host: x\ry\r\n"),
    "a body": get(b"/announce?" + ANN, b"Content-Length: 5\r\n"),
    "chunks": get(b"/announce?" + ANN, b"tRANSFER-eNCODING : chunked\r\n"),
    "no info_hash": get(b"/announce?" + REST[1:]),
    "two": get(b"/announce?" + ANN + b"&" + ANN),
    "19 bytes": get(b"/announce?" + ANN.replace(b"AAA", b"AA", 1)),
    "a broken escape": get(b"/announce?" + ANN.replace(b"AAA", b"%4x", 1)),
    "a hidden key": get(b"/announce?" + ANN + b"&p%6frt=1"),
    "port without a value": get(b"/announce?" + ANN + b"&port"),
    "port of a letter": get(b"/announce?" + ANN + b"&port=1a"),
    "port too high": get(b"/announce?" + ANN + b"&port=65536"),
    "another event": get(b"/announce?" + ANN + b"&event=bogus"),
    "an event that goes on": get(b"/announce?" + ANN + b"&event=startedx"),
    "many fields": get(b"/announce?" + ANN + b"&x" * MOST_FIELDS),
    "a space": get(b"/announce?" + ANN + b"&a b"),
    "a NUL in the query": get(b"/announce?" + ANN + b"&a=\0"),
    "one byte too long": padded(OT_MAX_REQUEST + 1, ANN + b"&x="),
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL)
def test_whatever_is_unusual_goes_the_long_way(data: bytes) -> None:
    assert not is_read(data)


@pytest.mark.parametrize("data", [get(b"/announce?" + ANN), padded(OT_MAX_REQUEST, ANN + b"&x=")])
def test_what_is_not_whole_is_not_read_and_what_is_around_it_does_not_count(data: bytes) -> None:
    assert is_read(data)
    for size in range(0, len(data), 1 + len(data) // 500):
        assert read_plain(data[:size], behind=data[size:] + data) is None
    assert read_plain(data, behind=data + bytes(PADDING)) == read_plain(data, before=data)


@pytest.mark.parametrize(
    "field",
    [b"ip=9.9.9.9", b"ip=", b"ip", b"ipv6=::1", b"left=0", b"left=00", b"left=", b"left=1", b"numwant=0"]
    + [b"numwant=" + b"9" * size for size in range(1, 30)]
    + [b"port=" + b"0" * size + b"1" for size in range(1, 30)]
    + [b"event=" + event for event in (b"", b"started", b"completed", b"stopped", b"STARTED", b"%73topped")]
    + [b"", b"=", b"=y", b"&", b"x", b"x=", b"\xff=\xff", b"inf", b"info_has=1", b"lef=0", b"peer_id=short"],
)
def test_values(field: bytes) -> None:
    is_read(get(b"/announce?" + ANN + b"&" + field))
    is_read(get(b"/announce?" + field + b"&" + ANN))


def test_a_claimed_address_goes_the_long_way_where_it_counts() -> None:
    assert is_read(get(b"/announce?" + ANN + b"&ip=9.9.9.9")) is not WANT_IP_FROM_QUERY_STRING


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_cases(case: Case) -> None:
    is_read(case.request)


CONNECTIONS = [b"close", b"keep-alive", b"Close", b"upgrade", b"close, keep-alive", b"", b" close "]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("first", CONNECTIONS)
@pytest.mark.parametrize("second", [None, *CONNECTIONS])
def test_whether_the_connection_is_kept(version: bytes, first: bytes, second: bytes | None) -> None:
    lines = b"".join(b"Connection: %b\r\n" % value for value in (first, second) if value is not None)
    data = get(b"/announce?" + ANN, lines).replace(b"HTTP/1.1", b"HTTP/" + version)
    expected = second is None and first.lower() in (b"close", b"keep-alive")
    assert is_read(data) is (expected or not WANT_KEEPALIVE)


WORDS = [
    *(
        b"info_hash=" + b"A" * 20,
        b"%41",
        b"&",
        b"=",
        b"%",
        b"&peer_id=",
        b"A" * 20,
        b"&port=",
        b"6881",
        b"&left=",
        b"0",
    ),
    *(
        b"&numwant=",
        b"50",
        b"&event=",
        b"started",
        b"stopped",
        b"completed",
        b"&compact=1",
        b"&key=",
        b"\xff",
        b"\0",
    ),
    *(
        b"&ip=1.2.3.4",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"\t",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"Host: x",
        b"Connection: ",
    ),
    *(
        b"close",
        b"keep-alive",
        b"Content-Length: 0",
        b"Transfer-Encoding: x",
        b"GET /announce?",
        b"\x0b",
        b":",
    ),
]
messes = st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join)


@given(messes, messes)
def test_p8_any_query_and_headers(query: bytes, headers: bytes) -> None:
    is_read(b"GET /announce?" + ANN + query + b" HTTP/1.1\r\nHost: x" + headers + b"\r\n\r\n")
    is_read(b"GET /announce?" + query + b" HTTP/1.1" + headers + b"\r\n\r\n")


@given(st.binary(max_size=300))
def test_p1_any_bytes(data: bytes) -> None:
    is_read(data)
    is_read(b"GET /announce?" + data + b"\r\n\r\n")
