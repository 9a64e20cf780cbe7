"""All open WebSockets, what they share, and the limit on them.

Messages are not written one by one. They wait until the connections that are ready have been read, and those to one
client leave in one write: a write costs as much as the rest of a message, and busy clients get several at a time.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from opentracker.features.webtorrent.metrics import (
    BROKEN,
    BYTES_IN,
    BYTES_OUT,
    CONNECTIONS,
    OPEN,
    PEERS,
    REFUSED,
    SILENT,
    TOO_FAST,
    TOO_SLOW,
    TORRENTS,
)
from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.server.http.server import HttpServer
from opentracker.server.webtorrent.framing import Framing
from opentracker.swarm.browsers import Link
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.surveys.snapshot import StatsSnapshot

MOST_QUEUED: Final = 1024  # WebSockets whose messages wait for others to be read


class Hub:
    """The links of open WebSockets, and their counters; a limit of 0 is none."""

    def __init__(self, server: HttpServer, rendezvous: Rendezvous, counters: Counters, most: int) -> None:
        self.server = server
        self.rendezvous = rendezvous
        self.most = most
        self.framing = Framing()
        self.links: set[Link] = set()
        self.queued: deque[Callable[[], None]] = deque()  # each sends the messages of a WebSocket
        self.unread = 0  # ready connections that had not been read at the end of the last iteration
        self.connections, self.refused = counters.count_of(CONNECTIONS), counters.count_of(REFUSED)
        self.too_fast, self.too_slow = counters.count_of(TOO_FAST), counters.count_of(TOO_SLOW)
        self.silent, self.broken = counters.count_of(SILENT), counters.count_of(BROKEN)
        self.received, self.sent = counters.count_of(BYTES_IN), counters.count_of(BYTES_OUT)

    def is_full(self) -> bool:
        """Whether no WebSocket more may be opened."""
        return 0 < self.most <= len(self.links)

    def opened(self, link: Link) -> None:
        """Called when a WebSocket is open."""
        self.links.add(link)
        self.connections.value += 1

    def left(self, link: Link) -> None:
        """Called when a WebSocket takes no more messages: its peers are gone."""
        self.links.discard(link)
        self.rendezvous.leave(link)

    def queue(self, send: Callable[[], None]) -> None:
        """Call `send` when the ready connections have been read."""
        if not self.queued:
            self.server.loop.flushes.append(self.flush)
        self.queued.append(send)

    def flush(self) -> None:
        """Send within the budget of an iteration; the rest is sent in the next one."""
        server = self.server
        unread, self.unread = self.unread, len(server.late)
        try:
            # Those that no iteration reads have been closed meanwhile.
            if self.unread in (0, unread) or len(self.queued) > MOST_QUEUED:
                server.begin()
                while self.queued and not server.is_late():
                    self.queued.popleft()()
        finally:
            if self.queued:
                server.loop.flushes.append(self.flush)

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the gauges to a snapshot."""
        browsers = self.rendezvous.browsers
        snapshot.tell(OPEN, len(self.links))
        snapshot.tell(TORRENTS, len(browsers.by_hash))
        snapshot.tell(PEERS, int(browsers.seeders), 'role="seeder"')
        snapshot.tell(PEERS, int(browsers.peers - browsers.seeders), 'role="leecher"')
