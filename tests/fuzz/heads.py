"""HTTP heads in any split (P-2): a request, None or HttpError, the same however the bytes arrive.

The first two bytes of an input choose where it is split; the rest are what is received.
"""

from opentracker.errors import HttpError
from opentracker.protocol.http import header_values, parse_request

WORDS = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b" HTTP/1.1\r\n",
    b" HTTP/1.0\n",
    b"\r\n\r\n",
    b"\n\n",
    b"Host: x\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"X-Forwarded-For: 1.2.3.4\r\n",
    b"http://x",
    b"/announce?",
]
FIELDS = ("head", "http_1_0", "keep_alive", "method", "path", "query", "size")


def outcome(data: bytes) -> object:
    """The parser's result, as a value that can be compared."""
    try:
        request = parse_request(data)
    except HttpError as error:
        assert error.status in (400, 404, 405, 414, 431)
        return error.status
    if request is None:
        return None
    assert request.method in (b"GET", b"HEAD")
    assert request.path.startswith(b"/")
    assert not request.path.startswith(b"//") or b"%2f" in request.head.lower()
    assert 0 < len(request.head) <= request.size <= len(data)
    assert request.head == data[request.size - len(request.head) : request.size]
    for value in header_values(request, b"X-Forwarded-For"):
        assert b"\n" not in value
    return {name: getattr(request, name) for name in FIELDS}


def check(data: bytes) -> None:
    """One head, whole and in three parts, and with something behind it."""
    if len(data) < 2:
        return
    first, second, received = data[0], data[1], data[2:]
    whole = outcome(received)
    parts = sorted((first * len(received) >> 8, second * len(received) >> 8))
    for end in parts:
        early = outcome(received[:end])
        if early is not None:
            assert early == whole
            break
    if whole is not None and not isinstance(whole, int):
        assert outcome(received + b"\r\n\r\nGET /") == whole
