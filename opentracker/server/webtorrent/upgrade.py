"""The upgrade of an HTTP connection to a WebSocket."""

import logging
from typing import Final

from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from opentracker.errors import HttpError
from opentracker.protocol.http import Request, header_values
from opentracker.server.http.channel import Channel
from opentracker.server.http.server import Successor, Upgrader
from opentracker.server.webtorrent.hub import Hub
from opentracker.server.webtorrent.websocket import WebSocket, release

PATHS: Final = (b"/announce", b"/")
MOST_MESSAGE: Final = 1 << 16  # bytes: 10 offers of libtorrent are 15 KiB; aquatic has the same limit
NO_LOG: Final = logging.getLogger("opentracker.websockets")  # its lines would be written by strangers


class WebSocketUpgrader(Upgrader):
    """Accepts WebSockets."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        NO_LOG.disabled = True

    def takes(self, request: Request) -> bool:
        """See Upgrader."""
        if request.path not in PATHS or request.head.find(b"pgrade") < 0:
            return False
        values = header_values(request, b"Upgrade")
        return any(value.lower() == b"websocket" for value in values)

    def accept(self, request: Request, fd: int, address: bytes, channel: Channel) -> tuple[bytes, Successor]:
        """See Upgrader. Raises HttpError for a client that may not, or whose request is malformed."""
        if self.hub.is_full():
            self.hub.refused.value += 1
            raise HttpError(503, b"limits.websockets is reached")
        protocol = ServerProtocol(max_size=MOST_MESSAGE, logger=NO_LOG)
        protocol.receive_data(request.head)
        events = protocol.events_received()
        handshake = events[0] if events else None
        if not isinstance(handshake, Handshake):
            release(protocol)
            raise HttpError(400, b"malformed headers of a WebSocket")
        response = protocol.accept(handshake)
        if response.status_code != 101:
            release(protocol)
            raise HttpError(400, b"malformed request for a WebSocket")
        protocol.send_response(response)
        return b"".join(protocol.data_to_send()), WebSocket(fd, address, channel, self.hub, protocol)
