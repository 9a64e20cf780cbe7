"""Heads of HTTP requests, and whole answers (RFC 9112, as leniently as the C tracker where clients need it).

`parse_request` returns a request, or None (more bytes are needed), or raises HttpError, which carries the
status to answer; it raises nothing else. The result depends on the bytes alone, not on how they arrived, and never on
the bytes behind the head, which may be an unannounced body or the next request.

A head ends with its first empty line; lines end with CRLF or LF. The parser accepts `GET` and `HEAD`, a path or the
form `http://host/path`, with a version or without; spaces may stand before the question mark, slashes before
the path.

A proxy and this parser may find different headers in a head that has control characters, folded lines or line ends of
both kinds. Builds that keep connections or believe proxies refuse such a head, since the difference can be used
against other clients. A head without any CR is accepted, as by the C tracker, but its connection is not kept.
"""

from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_MAX_REQUEST, WANT_IP_FROM_PROXY, WANT_KEEPALIVE
from opentracker.errors import HttpError, TrackerFailure
from opentracker.protocol.foreign import PROXY, foreign_protocol
from opentracker.protocol.query import unquote
from opentracker.protocol.statuses import STATUSES

_METHODS: Final = (b"GET", b"HEAD")
_ABSOLUTE: Final = b"http://"
_BLANKS: Final = b" \t\r"
_MOST_OPTIONS: Final = 32  # options read from Connection headers; clients send one or two
# Searching for a byte as a number costs a seventh of searching for it as bytes.
_SPACE: Final = 0x20
_PERCENT: Final = 0x25
_CR: Final = 0x0D
# All bytes but the control characters that have no place in headers.
_PLAIN: Final = bytes(byte for byte in range(256) if byte in b"\t\r\n" or (byte >= 0x20 and byte != 0x7F))


class Request:
    """A request without a body.

    `method` is GET or HEAD, `path` is decoded and starts with a slash, `query` is not decoded, and None without a
    question mark. `http_1_0` also stands for no version at all. `keep_alive` is the client's wish (False in a build
    without keep-alive). `size` is the number of input bytes that the request took, `head` holds those from the request
    line to the empty line.
    """

    __slots__ = ("head", "http_1_0", "keep_alive", "method", "path", "query", "size")

    def __init__(self, head: bytes, size: i64) -> None:
        self.method = b""
        self.path = b""
        self.query: bytes | None = None
        self.http_1_0 = True
        self.keep_alive = False
        self.size = size
        self.head = head


def parse_request(data: bytes) -> Request | None:
    """The request at the beginning of `data`; None if `data` does not hold all of its head yet.

    Statuses raised: 414 and 431 over OT_MAX_REQUEST bytes, 405 for another method, 404 for a broken escape in
    the path, 400 for anything else that is no request, and for a body.
    """
    start = _skip_empty_line(data)
    size = _find_head_end(data, start)
    if size < 0:
        if foreign_protocol(data):
            raise HttpError(400)
        return None
    head = data[start:size]
    request = Request(head, size)
    line_end = head.find(b"\n")
    _parse_request_line(head[:line_end].removesuffix(b"\r"), request)
    headers = head[line_end:].lower()
    if headers.find(b"\ncontent-length") >= 0 or headers.find(b"\ntransfer-encoding") >= 0:
        _refuse_body(request)
    if WANT_KEEPALIVE or WANT_IP_FROM_PROXY:
        if _is_ambiguous(head, headers):
            raise HttpError(400)
    if WANT_KEEPALIVE and _CR in head:
        request.keep_alive = not request.http_1_0
        if headers.find(b"\nconnection") >= 0:
            _read_connection(request)
    return request


def begins_head(data: bytes) -> bool:
    """Whether `data`, which need not be a valid request, begins with HEAD, so that its refusal has no body."""
    return data.startswith(b"HEAD", _skip_empty_line(data))


def header_values(request: Request, name: bytes) -> list[bytes]:
    """The values of all headers of this name, whatever its case, in their order, stripped of blanks."""
    head = request.head
    lowered = head.lower()
    anchored = b"\n" + name.lower()
    values: list[bytes] = []
    at = lowered.find(anchored)
    while at >= 0:
        behind = at + len(anchored)
        end = head.find(b"\n", behind)
        # Blanks before the colon are accepted, so that no header of this name is overlooked.
        rest = head[behind:end].lstrip(_BLANKS)
        if rest.startswith(b":"):
            values.append(rest[1:].strip(_BLANKS))
        at = lowered.find(anchored, end)
    return values


def _skip_empty_line(data: bytes) -> i64:
    """The index of the request line: RFC 9112 (2.2) allows an empty line before it."""
    if data.startswith(b"GET"):
        return 0
    if data.startswith(b"\r\n"):
        return 2
    return 1 if data.startswith(b"\n") else 0


def _find_head_end(data: bytes, start: i64) -> i64:
    """The index behind the head's empty line; -1 if it has not come yet, HttpError if it comes too late."""
    limit = start + OT_MAX_REQUEST
    end = data.find(b"\n\r\n", start, limit)
    bare = data.find(b"\n\n", start, end + 1 if end >= 0 else limit)
    if bare >= 0:
        return bare + 2
    if end >= 0:
        return end + 3
    if len(data) > limit:
        raise HttpError(414 if data.find(b"\n", start, limit) < 0 else 431)
    return -1


def _parse_request_line(line: bytes, request: Request) -> None:
    method, _, target = line.partition(b" ")
    if method not in _METHODS:
        raise HttpError(405 if _is_method(line) and foreign_protocol(line) != PROXY else 400)
    if _CR in line:
        raise HttpError(400)
    request.method = method
    space = target.rfind(b" ")
    if target.startswith(b"HTTP/", space + 1):
        request.http_1_0 = _is_http_1_0(target[space + 1 :])
        target = target[:space] if space >= 0 else b""
    _parse_target(target, request)


def _parse_target(target: bytes, request: Request) -> None:
    if not target.startswith(b"/"):
        target = _strip_host(target)
    path, question_mark, query = target.partition(b"?")
    if question_mark:
        path = path.rstrip(b" ")
        request.query = query
    if _SPACE in path or _SPACE in query:
        raise HttpError(400)
    if path.startswith(b"//"):
        path = b"/" + path.lstrip(b"/")
    if _PERCENT in path:
        path = _decode(path)
    request.path = path


def _decode(path: bytes) -> bytes:
    """The path with its escapes decoded; 404 for a broken escape, as by the C tracker."""
    try:
        return unquote(path)
    except TrackerFailure as error:
        raise HttpError(404) from error


def _is_method(line: bytes) -> bool:
    """Whether a request line begins with a method, such as M-SEARCH."""
    word, space, _ = line.partition(b" ")
    return bool(space) and word.replace(b"-", b"").isalpha()


def _is_http_1_0(version: bytes) -> bool:
    """Whether the version is 1.0; versions 1.2 to 1.9 are treated as 1.1 (RFC 9110, 2.5)."""
    if version == b"HTTP/1.1":
        return False
    if version == b"HTTP/1.0":
        return True
    if len(version) == 8 and version.startswith(b"HTTP/1.") and version[7:].isdigit():
        return False
    raise HttpError(400)


def _strip_host(target: bytes) -> bytes:
    """The path and query of a target in absolute form; 400 for any other form, such as `*`."""
    if target[: len(_ABSOLUTE)].lower() != _ABSOLUTE:
        raise HttpError(400)
    target = target[len(_ABSOLUTE) :]
    host = target.partition(b"/")[0].partition(b"?")[0]
    target = target[len(host) :]
    return target if target.startswith(b"/") else b"/" + target


def _is_ambiguous(head: bytes, headers: bytes) -> bool:
    """Whether a proxy may find other headers in a head; `headers` begins with the end of the request line."""
    if headers.translate(None, _PLAIN) or headers.find(b"\n ") >= 0 or headers.find(b"\n\t") >= 0:
        return True
    returns = head.count(b"\r")
    return returns > 0 and not returns == head.count(b"\n") == head.count(b"\r\n")


def _refuse_body(request: Request) -> None:
    """400 for a body; a Content-Length of zeros announces none."""
    if header_values(request, b"Transfer-Encoding"):
        raise HttpError(400)
    for length in header_values(request, b"Content-Length"):
        if not length or length.strip(b"0"):
            raise HttpError(400)


def _read_connection(request: Request) -> None:
    """Set `keep_alive` to what the Connection headers say; `close` wins."""
    listed = b",".join(header_values(request, b"Connection")).lower().split(b",", _MOST_OPTIONS)
    options = [option.strip(_BLANKS) for option in listed[:_MOST_OPTIONS]]
    if b"close" in options:
        request.keep_alive = False
    elif b"keep-alive" in options:
        request.keep_alive = True


# Further headers, by status. A full scrape takes some seconds, so a slot is likely to be free a minute later.
_HEADERS: Final = {405: b"Allow: GET, HEAD\r\n", 503: b"Retry-After: 60\r\n"}


def write_ok(
    body: bytes,
    keep_alive: bool,
    head_only: bool,
    content_type: bytes = b"text/plain",
    headers: bytes = b"",
) -> bytes:
    """A whole 200 answer; with `head_only` (to HEAD) only its head, which still gives the length of the body.

    `headers` holds further header lines, each with its line end.
    """
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: %b\r\n%b\r\n%b" % (
        content_type,
        len(body),
        b"keep-alive" if keep_alive else b"close",
        headers,
        b"" if head_only else body,
    )


def write_error(status: int, head_only: bool = False, detail: bytes = b"") -> bytes:
    """A whole answer with a status of HttpError; the connection is closed after it."""
    head, body = _build_error(status, _PHRASES[status], detail) if detail else _ERRORS[status]
    return head if head_only else head + body


def write_redirect(url: bytes, keep_alive: bool = False) -> bytes:
    """A whole 302 answer, the same to GET and HEAD; `url` holds no white space."""
    return b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\nConnection: %b\r\n\r\n" % (
        url,
        b"keep-alive" if keep_alive else b"close",
    )


def _build_error(status: int, phrase: bytes, detail: bytes = b"") -> tuple[bytes, bytes]:
    body = b"<title>%d %b</title>\n" % (status, phrase)
    if detail:
        body += b"<pre>%b</pre>\n" % detail
    more = _HEADERS.get(status, b"")
    head = (
        b"HTTP/1.1 %d %b\r\n%bContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        % (
            status,
            phrase,
            more,
            len(body),
        )
    )
    return head, body


_PHRASES: Final = {status.number: status.phrase.encode("ascii") for status in STATUSES}
_ERRORS: Final = {status: _build_error(status, phrase) for status, phrase in _PHRASES.items()}
