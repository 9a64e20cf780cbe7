"""WebTorrent as a feature: its limit, its counters, and the upgrade on all HTTP and TLS ports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from opentracker._features import OT_MAX_WEBSOCKETS
from opentracker.config.settings import Settings, Take
from opentracker.config.values import limit, share_of
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature
from opentracker.features.webtorrent.metrics import COUNTERS
from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.server.core import Core
from opentracker.server.webtorrent.hub import Hub
from opentracker.server.webtorrent.upgrade import WebSocketUpgrader
from opentracker.server.webtorrent.websocket import SocketLink
from opentracker.swarm.counting.metric import Metric


@dataclass
class WebTorrentSettings:
    """The limit on WebSockets; 0 is none but that on connections."""

    websockets: int = OT_MAX_WEBSOCKETS


class WebTorrentFeature(Feature[Core]):
    """Browsers as peers."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {"limits.websockets": limit(WebTorrentSettings, "websockets")}
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset({"limits.websockets"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked = settings.of(WebTorrentSettings)
        self.hub: Hub | None = None

    def check(self) -> None:
        """Refuse a limit that leaves nothing for some of the workers. Raises ConfigError."""
        if 0 < self.asked.websockets < self.settings.workers:
            raise ConfigError(
                f"limits.websockets is less than one for each of {self.settings.workers} workers"
            )

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature."""
        asked = settings.of(WebTorrentSettings)
        asked.websockets = share_of(asked.websockets, worker, settings.workers)

    def join(self, host: Core) -> None:
        """Accept upgrades."""
        rendezvous = Rendezvous(host.tracker, host.tracker.random)
        hub = self.hub = Hub(host.http, rendezvous, host.counters, self.asked.websockets)
        host.http.upgrader = WebSocketUpgrader(hub, host.http.answers)
        host.add_part(hub)
        host.sources.append(hub.tell)
        host.farewells.append(self.end)

    def renew(self, settings: Settings) -> None:
        """Set another limit; open WebSockets stay open."""
        if self.hub is not None:
            self.hub.most = settings.of(WebTorrentSettings).websockets

    def end(self) -> None:
        """Tell all clients that the tracker ends."""
        if self.hub is not None:
            for link in list(self.hub.links):
                if isinstance(link, SocketLink):
                    link.end()
