"""The announce that most clients send, recognized by the bytes behind its query, for interpreted builds.

The version and the headers of a client's requests are nearly always the same bytes. So the result of
`http.parse_request` for them is cached, and only the query is new. The result is the same as without this module.

Compiled builds read plain announces in one pass (see plain_announce), which costs less than such a look-up.
"""

from typing import Final

from opentracker._features import OT_MAX_REQUEST, WANT_WEBTORRENT
from opentracker.errors import HttpError
from opentracker.protocol.http import parse_request

REQUEST: Final = b"GET /announce?"
MOST_KNOWN: Final = 1024
LONGEST_KNOWN: Final = 512  # bytes; with MOST_KNOWN, half a MiB

_CR: Final = 0x0D
_LF: Final = 0x0A


class PlainHeads:
    """Reads requests that are one whole announce and nothing else: the query, and the client's wish for keep-alive."""

    def __init__(self) -> None:
        self.known: dict[bytes, bool] = {}  # the bytes behind the query -> keep-alive
        self.query = b""
        self.keep_alive = False

    def read(self, data: bytes) -> bool:
        """Read `data` into `query` and `keep_alive`; False if it is another kind of request."""
        end = data.find(b" ", len(REQUEST))
        if end < 0 or len(data) > OT_MAX_REQUEST or not data.startswith(REQUEST):
            return False
        rest = data[end:]
        keep_alive = self.known.get(rest)
        if keep_alive is None:
            keep_alive = self.learn(rest)
        query = data[len(REQUEST) : end]
        if keep_alive is None or _LF in query or _CR in query:
            return False
        self.query = query
        self.keep_alive = keep_alive
        return True

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
        if len(rest) <= LONGEST_KNOWN:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[rest] = request.keep_alive
        return request.keep_alive
