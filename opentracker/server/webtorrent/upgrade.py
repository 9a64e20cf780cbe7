"""The upgrade of an HTTP connection to a WebSocket."""

from typing import Final

from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from opentracker._features import WANT_AUTH_KEYS, WANT_DENY
from opentracker.errors import HttpError, TrackerFailure
from opentracker.protocol.http import Request, header_values
from opentracker.server.http.channel import Channel
from opentracker.server.http.responder import HttpResponder
from opentracker.server.http.server import Successor, Upgrader
from opentracker.server.webtorrent.framing import NO_LOG, release
from opentracker.server.webtorrent.hub import Hub
from opentracker.server.webtorrent.websocket import WebSocket

if WANT_AUTH_KEYS:
    from opentracker.protocol.keyed_urls import key_of_query, split_path

PATHS: Final = (b"/announce", b"/")


class WebSocketUpgrader(Upgrader):
    """Accepts WebSockets."""

    def __init__(self, hub: Hub, answers: HttpResponder) -> None:
        self.hub = hub
        self.answers = answers

    def takes(self, request: Request) -> bool:
        """See Upgrader."""
        if self.path_of(request) not in PATHS or request.head.find(b"pgrade") < 0:
            return False
        values = header_values(request, b"Upgrade")
        return any(value.lower() == b"websocket" for value in values)

    def path_of(self, request: Request) -> bytes:
        """The path of a request, without its key if requests need one."""
        if WANT_AUTH_KEYS:
            if self.answers.tracker.keys.in_force:
                return split_path(request.path)[0]
        return request.path

    def accept(
        self, request: Request, fd: int, address: bytes, client: bytes, channel: Channel
    ) -> tuple[bytes, Successor]:
        """See Upgrader. Raises HttpError for a client that may not, or whose request is malformed."""
        if WANT_DENY:
            self.refuse_denied(request, client)
        if WANT_AUTH_KEYS:
            self.check_key(request, client)
        if self.hub.is_full():
            self.hub.refused.value += 1
            raise HttpError(503, b"limits.websockets is reached")
        protocol = ServerProtocol(logger=NO_LOG)
        try:
            answer = answer_of(protocol, request)
        finally:
            release(protocol)
        return answer, WebSocket(fd, address, channel, self.hub)

    def check_key(self, request: Request, address: bytes) -> None:
        """Raise HttpError for a request without a valid key, if requests need one, also behind a proxy."""
        if WANT_AUTH_KEYS and self.answers.tracker.keys.in_force:
            try:
                key = split_path(request.path)[1] or key_of_query(request.query or b"")
                self.answers.tracker.keys.check(key, self.answers.client_of(request, address))
            except TrackerFailure as failure:
                raise HttpError(403, failure.reason) from failure

    def refuse_denied(self, request: Request, address: bytes) -> None:
        """Raise HttpError for a client in a network that is not served, also behind a proxy."""
        try:
            self.answers.refuse_denied(self.answers.client_of(request, address), True)
        except TrackerFailure as failure:  # the proxy names no client
            raise HttpError(400, failure.reason) from failure


def answer_of(protocol: ServerProtocol, request: Request) -> bytes:
    """The answer that accepts a request. Raises HttpError."""
    protocol.receive_data(request.head)
    events = protocol.events_received()
    handshake = events[0] if events else None
    if not isinstance(handshake, Handshake):
        raise HttpError(400, b"malformed headers of a WebSocket")
    response = protocol.accept(handshake)
    if response.status_code != 101:
        raise HttpError(400, b"malformed request for a WebSocket")
    protocol.send_response(response)
    return b"".join(protocol.data_to_send())
