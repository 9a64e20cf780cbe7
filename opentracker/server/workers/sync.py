"""Live sync over several workers: one receives the packets of all, and gives peers to the owners of their torrents."""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from opentracker.features.cluster.livesync import LiveSync
from opentracker.protocol.livesync import HEADER_SIZE, kind_of, record_count, record_size
from opentracker.server.workers.mesh import Mesh

HEARER: Final = b"peers"


class SharedSync:
    """The received peers of one worker; packets between workers are those of live sync."""

    def __init__(self, sync: LiveSync, mesh: Mesh, minute: Callable[[], int]) -> None:
        self.sync = sync
        self.mesh = mesh
        self.minute = minute

    def place(self, packet: bytes, size: int, minute: int) -> None:
        """Take the peers of this worker's torrents, and pass the others on."""
        parts: dict[i64, list[bytes]] = {}
        owner_at = self.mesh.ownership.owner_at
        at: i64 = HEADER_SIZE
        for _ in range(record_count(packet, size)):
            parts.setdefault(owner_at(packet, at), []).append(packet[at : at + size])
            at += size
        head = packet[:HEADER_SIZE]
        for owner, records in parts.items():
            part = head + b"".join(records)
            if owner == self.mesh.ownership.own:
                self.sync.take_in(part, size, minute)
            elif not self.mesh.tell(owner, HEARER, part):
                self.sync.counts["sync_peers_dropped"].value += len(records)

    def hear(self, packet: bytes) -> None:
        """Take peers that another worker has passed on."""
        self.sync.take_in(packet, record_size(kind_of(packet)), self.minute())
