"""All open WebSockets, what they share, and the limit on them."""

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


class Hub:
    """The links of open WebSockets, and their counters; a limit of 0 is none."""

    def __init__(self, server: HttpServer, rendezvous: Rendezvous, counters: Counters, most: int) -> None:
        self.server = server
        self.rendezvous = rendezvous
        self.most = most
        self.framing = Framing()
        self.links: set[Link] = set()
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

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the gauges to a snapshot."""
        browsers = self.rendezvous.browsers
        snapshot.tell(OPEN, len(self.links))
        snapshot.tell(TORRENTS, len(browsers.by_hash))
        snapshot.tell(PEERS, int(browsers.seeders), 'role="seeder"')
        snapshot.tell(PEERS, int(browsers.peers - browsers.seeders), 'role="leecher"')
