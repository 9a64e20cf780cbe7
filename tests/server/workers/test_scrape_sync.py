"""Scrape sync over several workers: one beacon, and all torrents told and taken once."""

from opentracker.features.cluster.livesync import LiveSync
from opentracker.features.cluster.scrape_sync import FIRST_BEACON
from opentracker.protocol.livesync import BEACON, kind_of, write_head
from opentracker.protocol.scrape_sync import (
    TELL_TYPE,
    beacon_of,
    parse_told,
    told_count,
    write_inquire,
    write_told,
)
from opentracker.server.workers.scrape_sync import HEARER, TORRENTS, SharedScrapeSync
from opentracker.swarm.policy.permissions import MAY_LIVESYNC
from tests.server.live import HOME, packed
from tests.server.workers.crew import Crew

OTHER = 0x0A0B0C0D


class Node:
    """A crew as a member of a cluster, and what it sends."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.syncs = [worker.part(LiveSync) for worker in crew.workers]
        self.sent: list[bytes] = []
        for sync in self.syncs:
            sync.permissions.bless(packed(HOME), 8 * len(packed(HOME)), MAY_LIVESYNC)
            sync.extension.send = self.take

    def take(self, packet: bytes) -> int:
        self.sent.append(packet)
        return 0

    def receive(self, packet: bytes) -> None:
        """Receive a packet at the first worker, and let the others hear of it."""
        self.syncs[0].received(packet, packed(HOME), 0)
        for _ in range(4):
            self.crew.iterate()

    def tick(self, seconds: float) -> None:
        """Let the workers send what is due."""
        for worker, sync in zip(self.crew.workers, self.syncs, strict=True):
            work = sync.extension.tick(seconds, 0)
            if work is not None:
                worker.loop.start(work)
        for _ in range(600):
            self.crew.iterate()
            if not any(worker.loop.has_work() for worker in self.crew.workers):
                return


def known(crew: Crew) -> list[bytes]:
    """Torrents of all workers, known to the crew."""
    found = [each for worker in range(len(crew.workers)) for each in crew.owned_by(worker, 5)]
    for number, info_hash in enumerate(found):
        crew.announce(info_hash, 7000 + number, "&event=completed&left=0")
    return found


def test_the_hearers_have_names() -> None:
    assert HEARER != TORRENTS


def test_one_worker_sends_beacons_with_the_torrents_of_all(crew: Crew) -> None:
    torrents = known(crew)
    node = Node(crew)
    for sync in node.syncs:
        assert isinstance(sync.extension, SharedScrapeSync)
        sync.extension.tell_torrents()
    for _ in range(3):
        crew.iterate()
    node.tick(FIRST_BEACON)
    assert [(kind_of(packet), beacon_of(packet)) for packet in node.sent] == [(BEACON, len(torrents))]


def test_all_workers_tell_their_torrents(crew: Crew) -> None:
    torrents = known(crew)
    node = Node(crew)
    node.receive(write_inquire(OTHER, crew.workers[0].tracker_id.to_bytes(4, "big")))
    node.tick(1.0)
    told = [parse_told(packet, index)[0] for packet in node.sent for index in range(told_count(packet))]
    assert sorted(told) == sorted(torrents)


def test_a_tell_is_taken_by_the_owners(crew: Crew) -> None:
    torrents = [each for worker in range(len(crew.workers)) for each in crew.owned_by(worker, 5)]
    node = Node(crew)
    node.receive(write_head(OTHER, TELL_TYPE) + b"".join(write_told(each, 0, 7) for each in torrents))
    for number, worker in enumerate(crew.workers):
        owned = torrents[5 * number : 5 * number + 5]
        assert [int(worker.tracker.store.downloads(each)) for each in owned] == [7] * 5
        assert int(worker.tracker.store.totals.torrents) == 5
