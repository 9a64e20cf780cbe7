"""Scrape sync over several workers: the first speaks for all of them, and each tells and takes its own torrents."""

from typing import Final

from mypy_extensions import i64

from opentracker.features.cluster.scrape_sync import PACKETS, ScrapeSync
from opentracker.protocol.livesync import BEACON, kind_of
from opentracker.server.workers.mesh import Mesh
from opentracker.swarm.tracker import Tracker

HEARER: Final = b"scrape-sync"
TORRENTS: Final = b"torrents"  # the hearer of the numbers of torrents, at the first worker
EVERY: Final = 5.0  # seconds between two numbers
NO_BEACON: Final = float("inf")


class SharedScrapeSync(ScrapeSync):
    """Scrape sync of one worker."""

    def __init__(self, tracker: Tracker, tracker_id: int, mesh: Mesh) -> None:
        super().__init__(tracker, tracker_id)
        self.mesh = mesh
        self.of_others: dict[int, int] = {}  # torrents, by worker
        self.most = max(1, PACKETS // int(mesh.ownership.workers))
        self.is_first = mesh.ownership.own == 0
        if not self.is_first:
            self.next_beacon = NO_BEACON

    def torrents(self) -> i64:
        """See ScrapeSync."""
        return super().torrents() + sum(self.of_others.values())

    def tell_torrents(self) -> None:
        """Tell the first worker how many torrents there are here; called every few seconds."""
        if not self.is_first:
            own = self.mesh.ownership.own
            self.mesh.tell(0, TORRENTS, b"%d %d" % (own, self.tracker.store.totals.torrents))

    def hear_torrents(self, message: bytes) -> None:
        """Take the number of torrents of another worker."""
        worker, torrents = message.split()
        self.of_others[int(worker)] = int(torrents)

    def received(self, kind: i64, packet: bytes) -> None:
        """See ScrapeSync; inquires and tells concern all workers."""
        super().received(kind, packet)
        if kind != BEACON:
            for worker in self.mesh.others():
                self.mesh.tell(worker, HEARER, packet)

    def hear(self, packet: bytes) -> None:
        """Take a packet that the first worker has received."""
        super().received(kind_of(packet), packet)

    def take(self, info_hash: bytes, minutes: i64, count: i64) -> None:
        """See ScrapeSync; the torrents of others are left to them."""
        if self.mesh.ownership.owns(info_hash):
            super().take(info_hash, minutes, count)
