"""`listen.stats`: statistics and health at addresses of their own, and statistics nowhere else.

The connections there are not those of the tracker's clients: they have their own slots, so that statistics are answered
while the tracker's slots are full.
"""

import logging
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from opentracker._features import OT_CLIENT_TIMEOUT_CHECKINTERVAL, WANT_MAX_PEER
from opentracker.config.settings import Bind, Settings, Take
from opentracker.config.values import check_family
from opentracker.errors import HttpError, StartError
from opentracker.features.feature import Feature, Overseer
from opentracker.protocol.addresses import parse_endpoint
from opentracker.protocol.http import Request
from opentracker.server import binding
from opentracker.server.core import Core
from opentracker.server.http.accepting import acceptor_for
from opentracker.server.http.listener import Listener
from opentracker.server.http.long_way import LongWayResponder
from opentracker.server.http.server import HttpServer
from opentracker.server.sockets import describe

if WANT_MAX_PEER:
    from opentracker.server.http.slots import ConnectionSlots

log = logging.getLogger("opentracker")

STATS_PORT: Final = 6970  # if the key names none: the one after the tracker's
MOST_CONNECTIONS: Final = 64  # Prometheus and people keep a few


@dataclass
class StatsAddressSettings:
    """The addresses of the statistics; without any they are answered at the tracker's."""

    binds: list[Bind] = field(default_factory=list)


def listen_stats(settings: Settings, value: str) -> None:
    """`listen.stats`."""
    address, port = parse_endpoint(value, STATS_PORT)
    check_family(address)
    settings.of(StatsAddressSettings).binds.append(Bind(False, address, port))


class PageResponder(LongWayResponder):
    """Answers requests for pages; announces, scrapes and `/` are not found."""

    def announce(self, query: bytes, is_safe: bool, address: bytes, minute: int) -> bytes:
        """See HttpResponder."""
        raise HttpError(404)

    def scrape(self, request: Request) -> bytes:
        """See HttpResponder."""
        raise HttpError(404)


class StatsAddressFeature(Feature[Core]):
    """The addresses of the statistics, as a feature of every build."""

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"listen.stats": listen_stats}

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.binds = settings.of(StatsAddressSettings).binds
        self.sockets: list[socket.socket] = []

    def plan(self) -> Iterator[str]:
        """See Feature."""
        for bind in self.binds:
            yield f"would answer statistics on {binding.in_words(bind)} alone"

    def check(self) -> None:
        """Raise StartError for an address that is named twice."""
        others = binding.planned_binds(self.settings) if self.binds else []
        for number, bind in enumerate(self.binds):
            if bind.port and (bind in others or bind in self.binds[:number]):
                raise StartError(
                    f"cannot bind {binding.in_words(bind)}: Address already in use, it is named twice"
                )

    def open(self) -> None:
        """Open the sockets. Raises StartError."""
        self.sockets = binding.open_for(self.settings, self.binds)

    def join(self, host: Core) -> None:
        """Have the loop serve the sockets; features that join later put their pages there."""
        if not self.sockets:
            return
        answers = PageResponder(host.tracker, host.counters, b"")
        server = HttpServer(host.loop, answers)
        if WANT_MAX_PEER:
            server.gate = ConnectionSlots(MOST_CONNECTIONS, 0, self.settings.permissions)
            host.weights.append(server.gate.weight)
        host.http_servers.append(server)
        host.stats_answers = answers
        host.listeners += [Listener(acceptor_for(sock), server) for sock in self.sockets]
        host.loop.every(OT_CLIENT_TIMEOUT_CHECKINTERVAL, server.sweep)
        if self.settings.workers == 1:
            self.tell()

    def oversee(self, overseer: Overseer) -> None:
        """Tell of the sockets, which all workers serve."""
        overseer.beginnings.append(self.tell)

    def tell(self) -> None:
        """Log the sockets."""
        for sock in self.sockets:
            log.info("statistics on %s", describe(sock))

    def close(self) -> None:
        """Close the sockets; the server closes the connections."""
        for sock in self.sockets:
            sock.close()
