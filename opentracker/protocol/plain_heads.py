"""The announce that most clients send, recognized by the bytes behind its query, for interpreted builds.

The version and the headers of a client's requests are nearly always the same bytes. So the result of
`http.parse_request` for them is cached, and only the query is new. The result is the same as without this module.
Behind a proxy the line of `X-Forwarded-For` is new too; it is cut out first.

Compiled builds read plain announces in one pass (see plain_announce), which costs less than such a look-up.
"""

import re
from typing import Final

from opentracker._features import OT_MAX_REQUEST, WANT_IP_FROM_PROXY, WANT_WEBTORRENT
from opentracker.errors import HttpError
from opentracker.protocol.http import header_values, parse_request

REQUEST: Final = b"GET /announce?"
MOST_KNOWN: Final = 1024
LONGEST_KNOWN: Final = 512  # bytes; with MOST_KNOWN, half a MiB

FORWARDED_FOR: Final = b"X-Forwarded-For"
_FORWARDED: Final = b"\r\nX-Forwarded-For: "  # as nginx and Apache write it; HAProxy writes lower case
_BYTE: Final = rb"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rb"\.".join([_BYTE] * 4))
_OF_ADDRESSES: Final = b"0123456789abcdefABCDEF.:[], "

_CR: Final = 0x0D
_LF: Final = 0x0A
_BLANKS: Final = (b" ", b"\t", b"")  # the next line begins so if it goes on with this one, or is missing


class PlainHeads:
    """Reads requests that are one whole announce and nothing else: the query, and the client's wish for keep-alive."""

    def __init__(self) -> None:
        self.known: dict[bytes, bool] = {}  # the bytes behind the query -> keep-alive
        self.query = b""
        self.keep_alive = False
        # The line of X-Forwarded-For, with the line ends before and behind it; empty without one.
        self.forwarded = b""
        self.client = b""  # the packed address on this line, if that is a single IPv4 address

    def read(self, data: bytes) -> bool:
        """Read `data` into `query` and `keep_alive`; False if it is another kind of request."""
        end = data.find(b" ", len(REQUEST))
        if end < 0 or len(data) > OT_MAX_REQUEST or not data.startswith(REQUEST):
            return False
        rest = data[end:]
        if WANT_IP_FROM_PROXY:
            rest = self.cut(rest)
        keep_alive = self.known.get(rest)
        if keep_alive is None:
            keep_alive = self.learn(rest)
        query = data[len(REQUEST) : end]
        if keep_alive is None or _LF in query or _CR in query:
            return False
        self.query = query
        self.keep_alive = keep_alive
        return True

    def cut(self, rest: bytes) -> bytes:
        """Move the line of X-Forwarded-For into `forwarded`; lines with unusual bytes, and further ones, stay."""
        self.forwarded = self.client = b""
        at = rest.find(_FORWARDED)
        if at < 0:
            at = rest.find(_FORWARDED.lower())
        value = at + len(_FORWARDED)
        end = rest.find(b"\r\n", value)
        if at < 0 or end < 0 or rest[end + 2 : end + 3] in _BLANKS:
            return rest
        single = _IPV4.fullmatch(rest, value, end)
        if single is not None:
            self.client = bytes(map(int, single.groups()))
        elif rest[value:end].translate(None, _OF_ADDRESSES):
            return rest
        self.forwarded = rest[at : end + 2]
        return rest[:at] + rest[end:]

    def learn(self, rest: bytes) -> bool | None:
        """The keep-alive of a request with these bytes behind its query; None if that is no whole request."""
        if WANT_WEBTORRENT and rest.find(b"pgrade") >= 0:  # of a WebSocket
            return None
        data = REQUEST + rest
        try:
            request = parse_request(data)
        except HttpError:
            return None
        if request is None or request.size != len(data):
            return None
        if WANT_IP_FROM_PROXY and header_values(request, FORWARDED_FOR):
            return None
        if len(rest) <= LONGEST_KNOWN:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[rest] = request.keep_alive
        return request.keep_alive
