"""The announce that most clients send, told by what stands behind its query, for builds that are interpreted.

The version and the headers of a client's requests are nearly always the same bytes. So what `http.parse_request` says
of them is remembered, and only the query is new. Whatever is read comes out as it does without this module.

Compiled builds read plain announces in one pass (see plain_announce), for less than such a look-up.
"""

from typing import Final

from opentracker._features import OT_MAX_REQUEST
from opentracker.errors import HttpError
from opentracker.protocol.http import parse_request

REQUEST: Final = b"GET /announce?"
MOST_KNOWN: Final = 1024
LONGEST_KNOWN: Final = 512  # bytes; with MOST_KNOWN, half a MiB

_CR: Final = 0x0D
_LF: Final = 0x0A


class PlainHeads:
    """Reads requests that are one whole announce and nothing else: its query, and whether the client would stay."""

    def __init__(self) -> None:
        self.known: dict[bytes, bool] = {}  # whether the connection is kept, by what stands behind the query
        self.query = b""
        self.keep_alive = False

    def read(self, data: bytes) -> bool:
        """Whether `data` is such a request; if so, `query` and `keep_alive` are its."""
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
        """Whether the connection is kept behind a request that ends so; None if that is no whole request."""
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
