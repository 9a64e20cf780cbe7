from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import OT_MAX_REQUEST, WANT_IP_FROM_PROXY, WANT_KEEPALIVE
from opentracker.errors import HttpError
from opentracker.protocol.http import (
    Request,
    header_values,
    parse_request,
    write_error,
    write_ok,
    write_redirect,
)
from tests.protocol.http_cases import ANN, CASES, Case, get

REFUSED = (400, 405, 414, 431)  # statuses that the parser gives; the others come of routing
BOTH = b"GET /announce?" + ANN + b" HTTP/1.1\r\nHost: x\r\n\r\n"


FIELDS = ("head", "http_1_0", "keep_alive", "method", "path", "query", "size")


def outcome(data: bytes) -> object:
    """The parser's result, as a value that can be compared."""
    try:
        request = parse_request(data)
    except HttpError as error:
        return error.status
    if request is None:
        return None
    return {name: getattr(request, name) for name in FIELDS}


def outcome_in_parts(data: bytes, sizes: list[int]) -> object:
    """The first outcome that is not "need more" when the bytes arrive in parts."""
    at = 0
    for size in [*sizes, len(data)]:
        at += size
        result = outcome(data[:at])
        if result is not None:
            return result
    return None


def request_of(data: bytes) -> Request:
    request = parse_request(data)
    assert request is not None
    return request


def status_of(data: bytes) -> object:
    with pytest.raises(HttpError) as caught:
        parse_request(data)
    return caught.value.status


def check_case(case: Case, data: bytes) -> None:
    if case.status in REFUSED:
        assert status_of(data) == case.status
        return
    request = request_of(data)
    assert request.method == (b"HEAD" if case.head_only else b"GET")
    assert (request.path, request.query) == (case.path, case.query)
    assert request.http_1_0 is case.http_1_0
    assert request.size == len(case.request)
    assert request.head == case.request


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_whole(case: Case) -> None:
    check_case(case, case.request)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("trailing", [b"\x00", b"\r\n", b"garbage", BOTH, bytes(9000)], ids=range(5))
def test_case_with_trailing_bytes(case: Case, trailing: bytes) -> None:
    check_case(case, case.request + trailing)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_byte_by_byte(case: Case) -> None:
    assert outcome_in_parts(case.request, [1] * len(case.request)) == outcome(case.request)


def test_h05_one_line_end_is_no_request() -> None:
    assert parse_request(b"GET /announce?" + ANN + b" HTTP/1.1\r\n") is None


def test_h06_split_inside_an_escape() -> None:
    data = get(b"/announce?info_hash=%41%42")
    assert outcome_in_parts(data, [4, data.index(b"%4") - 2, 10]) == outcome(data)


def test_h07_pipelined_requests_one_after_the_other() -> None:
    data = get(b"/announce?a") + b"GET /scrape?b\n\n"
    first = request_of(data)
    second = request_of(data[first.size :])
    assert (first.query, second.path, second.query) == (b"a", b"/scrape", b"b")
    assert first.size + second.size == len(data)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", None),
        (b"/?", b"/", b""),
        (b"////", b"/", None),
        (b"//a//b", b"/a//b", None),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"/a   ?b", b"/a", b"b"),
        (b"http://x", b"/", None),
        (b"HTTP://x:6969?q", b"/", b"q"),
        (b"http://x?q/r", b"/", b"q/r"),
        (b"http://x//announce?q", b"/announce", b"q"),
        (b"/a?HTTP/1.1", b"/a", b"HTTP/1.1"),
        (b"/\x00\xff?\x00\xff", b"/\x00\xff", b"\x00\xff"),
    ],
)
def test_targets(target: bytes, path: bytes, query: bytes | None) -> None:
    for line in (b"GET " + target + b" HTTP/1.1", b"GET " + target + b" HTTP/1.0", b"GET " + target):
        request = request_of(line + b"\r\n\r\n")
        assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    "line",
    [
        b"GET",
        b"GET ",
        b"GET HTTP/1.1",
        b"GET  HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET announce HTTP/1.1",
        b"GET https://x/announce HTTP/1.1",
        b"GET  /announce HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /a?b c HTTP/1.1",
        b"GET /a?b HTTP/1.1 ",
        b"GET /a?b\rc HTTP/1.1",
        b"GET /a HTTP/2.0",
        b"GET /a HTTP/1.",
        b"GET /a HTTP/1.10",
        b"GET /a http/1.1",
        b"\x16\x03\x01\x02\x00 \x01",
        b"HELLO",
        b" GET /a HTTP/1.1",
    ],
)
def test_garbage_is_400(line: bytes) -> None:
    assert status_of(line + b"\r\n\r\n") == 400


@pytest.mark.parametrize("method", [b"POST", b"get", b"OPTIONS", b"M-SEARCH", b"G"])
def test_another_method_is_405_even_with_a_body(method: bytes) -> None:
    assert status_of(method + b" /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx") == 405


@pytest.mark.parametrize(
    ("version", "http_1_0"),
    [(b" HTTP/1.1", False), (b" HTTP/1.0", True), (b"", True), (b" HTTP/1.2", False)],
)
def test_versions(version: bytes, http_1_0: bool) -> None:
    assert request_of(b"GET /a?b" + version + b"\r\n\r\n").http_1_0 is http_1_0


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\n", b"\r\n\n"])
def test_head_ends_with_the_first_empty_line(end: bytes) -> None:
    data = b"GET /a HTTP/1.1" + end + b"\n\n\r\n\r\n"
    if (WANT_KEEPALIVE or WANT_IP_FROM_PROXY) and end in (b"\n\r\n", b"\r\n\n"):  # line ends of both kinds
        assert status_of(data) == 400
        return
    request = request_of(data)
    assert (request.path, request.http_1_0, request.size) == (b"/a", False, 15 + len(end))


@pytest.mark.parametrize("empty", [b"\r\n", b"\n"])
def test_one_empty_line_may_come_first(empty: bytes) -> None:
    data = empty + get(b"/a")
    request = request_of(data)
    assert (request.path, request.size) == (b"/a", len(data))
    assert status_of(empty + data) == 400


@pytest.mark.parametrize(
    ("header", "refused"),
    [
        (b"Content-Length: 0", False),
        (b"content-length:000", False),
        (b"Content-Length: 1", True),
        (b"CONTENT-LENGTH:10", True),
        (b"Content-Length : 5", True),
        (b"Content-Length: -0", True),
        (b"Content-Length:", True),
        (b"Content-Length: 0, 5", True),
        (b"Content-Length: 0\r\nContent-Length: 5", True),
        (b"Content-Length:\r\n 5", True),
        (b"Transfer-Encoding: identity", True),
        (b"transfer-encoding:", True),
        (b"X-Content-Length: 5", False),
        (b"Content-Length-Hint: 5", False),
        (b"X: Content-Length: 5", False),
    ],
)
def test_bodies(header: bytes, refused: bool) -> None:
    data = get(b"/a", b"Host: x\r\n" + header + b"\r\n")
    assert outcome(data) == 400 if refused else request_of(data).path == b"/a"


def test_the_request_line_holds_no_headers() -> None:
    assert request_of(b"GET /content-length:5?transfer-encoding:x\n\n").path == b"/content-length:5"


@pytest.mark.parametrize(
    ("version", "header", "keep_alive"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.1", b"Connection: close\r\n", False),
        (b"HTTP/1.1", b"connection:CLOSE\r\n", False),
        (b"HTTP/1.1", b"Connection: foo\r\n", True),
        (b"HTTP/1.1", b"Connection: closed\r\n", True),
        (b"HTTP/1.0", b"Connection: Keep-Alive\r\n", True),
        (b"HTTP/1.0", b"Connection: foo , keep-alive\r\n", True),
        (b"HTTP/1.0", b"Connection: foo\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.1", b"Connection: keep-alive, close\r\n", False),
        (b"HTTP/1.0", b"Proxy-Connection: keep-alive\r\n", False),
        (b"HTTP/1.0", b"X: y\r\nConnection-Hint: keep-alive\r\n", False),
    ],
)
def test_keep_alive(version: bytes, header: bytes, keep_alive: bool) -> None:
    request = request_of(b"GET /a " + version + b"\r\n" + header + b"\r\n")
    assert request.keep_alive is (keep_alive and WANT_KEEPALIVE)


def test_header_values_in_their_order_whatever_the_case() -> None:
    headers = (
        b"X-Forwarded-For: 1.1.1.1\r\nHost: x\r\nx-forwarded-for:2.2.2.2\r\nX-FORWARDED-FOR :\t3.3.3.3 \r\n"
    )
    request = request_of(get(b"/a?X-Forwarded-For:9.9.9.9", headers))
    assert header_values(request, b"X-Forwarded-For") == [b"1.1.1.1", b"2.2.2.2", b"3.3.3.3"]
    assert header_values(request, b"X-Forwarded") == []
    assert header_values(request, b"Forwarded-For") == []
    assert header_values(request, b"accept-encoding") == []


def test_header_values_empty_and_with_line_ends_inside_the_name() -> None:
    request = request_of(get(b"/a", b"A:\r\nB\r\nA: \r\n"))
    assert header_values(request, b"A") == [b"", b""]
    assert header_values(request, b"B") == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"x" * (OT_MAX_REQUEST + 1), 414),
        (b"\n" + b"x" * (OT_MAX_REQUEST + 1), 414),
        (b"GET /a HTTP/1.1\n" + b"x" * OT_MAX_REQUEST, 431),
        (b"x" * (OT_MAX_REQUEST - 1) + b"\n\r", 431),
        (b"x" * OT_MAX_REQUEST + b"\n\r", 414),
    ],
)
def test_too_large(data: bytes, status: int) -> None:
    assert status_of(data) == status
    assert outcome(data[: OT_MAX_REQUEST + data.startswith(b"\n")]) is None


def answer_of(data: bytes) -> SimpleNamespace:
    """Status, headers and body of an answer."""
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return SimpleNamespace(status=status, headers=headers, body=body)


@pytest.mark.parametrize("body", [b"", b"d1:ai1ee", bytes(300)], ids=len)
@pytest.mark.parametrize("keep_alive", [False, True])
def test_ok(body: bytes, keep_alive: bool) -> None:
    whole = write_ok(body, keep_alive, False)
    answer = answer_of(whole)
    assert answer.status == b"HTTP/1.1 200 OK"
    assert answer.headers == {
        b"Content-Type": b"text/plain",
        b"Content-Length": str(len(body)).encode(),
        b"Connection": b"keep-alive" if keep_alive else b"close",
    }
    assert answer.body == body
    assert write_ok(body, keep_alive, True) == whole[: len(whole) - len(body)]


def test_ok_of_another_type() -> None:
    answer = answer_of(write_ok(b"<stats/>", False, False, b"application/xml"))
    assert answer.headers[b"Content-Type"] == b"application/xml"


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (400, b"Invalid Request"),
        (402, b"Payment Required"),
        (403, b"Access Denied"),
        (404, b"Not Found"),
        (405, b"Method Not Allowed"),
        (414, b"URI Too Long"),
        (431, b"Request Header Fields Too Large"),
        (500, b"Internal Server Error"),
        (503, b"Service Unavailable"),
    ],
)
def test_errors(status: int, phrase: bytes) -> None:
    whole = write_error(status)
    answer = answer_of(whole)
    assert answer.status == b"HTTP/1.1 %d %b" % (status, phrase)
    assert answer.headers[b"Content-Length"] == str(len(answer.body)).encode()
    assert answer.headers[b"Connection"] == b"close"
    assert answer.headers.get(b"Allow") == (b"GET, HEAD" if status == 405 else None)
    assert answer.body == b"<title>%d %b</title>\n" % (status, phrase)
    assert write_error(status, True) == whole[: len(whole) - len(answer.body)]


def test_redirect() -> None:
    answer = answer_of(write_redirect(b"http://example.org/"))
    assert answer.status == b"HTTP/1.1 302 Found"
    assert answer.headers == {
        b"Location": b"http://example.org/",
        b"Content-Length": b"0",
        b"Connection": b"close",
    }
    assert answer.body == b""
    assert answer_of(write_redirect(b"x", True)).headers[b"Connection"] == b"keep-alive"


WORDS = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"/announce",
    b"?",
    b" ",
    b"a=b",
    b" HTTP/1.1",
    b" HTTP/1.0",
    b"http://x",
    b"\r\n",
    b"\n",
    b"\r",
    b"Content-Length: 0",
    b"Connection: close",
    b"Transfer-Encoding",
    b"\x00",
    b"x" * 3000,
]
NEARLY_REQUESTS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=4), max_size=14).map(b"".join)


@given(st.binary(max_size=2048) | NEARLY_REQUESTS, st.lists(st.integers(0, 40), max_size=60))
def test_any_bytes_in_any_split(data: bytes, sizes: list[int]) -> None:
    result = outcome(data)
    assert result is None or isinstance(result, dict) or result in REFUSED
    assert outcome_in_parts(data, sizes) == result


@given(
    st.sampled_from([b"GET", b"HEAD"]),
    st.binary(max_size=30).filter(lambda path: not set(path) & set(b" \r\n?")),
    st.none() | st.binary(max_size=60).filter(lambda query: not set(query) & set(b" \r\n")),
    st.booleans(),
    st.sampled_from([b"\r\n", b"\n"]),
)
def test_parse_gives_back_what_was_written(
    method: bytes, path: bytes, query: bytes | None, http_1_0: bool, line_end: bytes
) -> None:
    path = b"/" + path.lstrip(b"/").replace(b"%", b"%25")
    target = path if query is None else path + b"?" + query
    lines = [method + b" " + target + (b" HTTP/1.0" if http_1_0 else b" HTTP/1.1"), b"Host: x", b"", b""]
    head = line_end.join(lines)
    request = request_of(head + b"GET")
    assert (request.method, request.path, request.query, request.http_1_0, request.size) == (
        method,
        path.replace(b"%25", b"%"),
        query,
        http_1_0,
        len(head),
    )


@pytest.mark.parametrize("path", [b"/%", b"/%6", b"/%zz", b"/a%zz", b"/announce%", b"//%x1"])
def test_a_broken_escape_in_a_path_is_no_path(path: bytes) -> None:
    assert status_of(get(path + b"?" + ANN)) == 404


# Heads that a proxy may read in another way, behind a request line for which the connection would be kept.
AMBIGUOUS = [
    b" folded behind the request line\r\n",
    b"Host: x\r\n\tfolded\r\n",
    b"Content-Length: 0\r\n 5\r\n",
    b"Host: x\ry\r\n",
    b"Host: x\r\r\n",
    b"Host: x\0\r\n",
    b"Transfer-Encoding\x0b: chunked\r\n",
    b"Foo:\x0bbar\r\n",
    b"Host: x\x7f\r\n",
    b"Host: x\nFoo: bar\r\n",
    b"Host: x\r\n\nX-Forwarded-For: 1.2.3.4\r\n",
    b"X-Forwarded-For: 1.2.3.4\n\nFoo: bar\r\n",
]


@pytest.mark.needs("WANT_KEEPALIVE")
@pytest.mark.parametrize("headers", AMBIGUOUS)
def test_a_head_that_a_proxy_may_read_in_another_way_is_refused(headers: bytes) -> None:
    assert status_of(get(b"/announce?" + ANN, headers)) == 400


@pytest.mark.needs("WANT_IP_FROM_PROXY")
@pytest.mark.parametrize("headers", AMBIGUOUS)
def test_nor_may_a_proxy_be_believed_for_such_a_head(headers: bytes) -> None:
    assert status_of(get(b"/announce?" + ANN, headers)) == 400


@pytest.mark.needs(WANT_KEEPALIVE=False, WANT_IP_FROM_PROXY=False)
@pytest.mark.parametrize("headers", AMBIGUOUS)
def test_where_each_connection_ends_with_its_answer_such_a_head_is_taken(headers: bytes) -> None:
    assert request_of(get(b"/announce?" + ANN, headers)).path == b"/announce"


@pytest.mark.parametrize("headers", [b"Host:\tx\r\n", b"Host: \xff\r\n", b"Host: x\r\nFoo:\r\n", b""])
def test_ordinary_headers_are_taken(headers: bytes) -> None:
    assert request_of(get(b"/announce?" + ANN, headers)).keep_alive is WANT_KEEPALIVE


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\n"])
def test_a_head_without_any_cr_is_taken_and_not_kept(more: bytes) -> None:
    request = request_of(b"GET /announce?" + ANN + b" HTTP/1.1\nHost: x\n" + more + b"\n")
    assert (request.path, request.keep_alive) == (b"/announce", False)


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"PROXY TCP4 1.2.3.4 ", b"\r\n\r\n\0\r\nQUIT\n"])
@pytest.mark.parametrize("behind", [b"", BOTH])
def test_another_protocol_is_refused_at_once(data: bytes, behind: bytes) -> None:
    assert status_of(data + behind) == 400
    assert outcome_in_parts(data + behind, [1] * len(data)) == 400
