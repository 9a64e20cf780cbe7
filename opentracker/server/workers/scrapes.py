"""Scrapes of torrents of several owners: each owner is asked once, for all of its torrents in the scrape."""

from collections.abc import Callable

from mypy_extensions import i64

from opentracker.server.workers.frames import SCRAPE
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.requests import ENTRY, scraped
from opentracker.swarm.tracker import Tracker


class SharedScrape:
    """One scrape: `entries` are the counts by the place of the torrent in the request, ENTRY bytes each."""

    def __init__(self, tracker: Tracker, mesh: Mesh, info_hashes: list[bytes]) -> None:
        self.tracker = tracker
        self.mesh = mesh
        self.info_hashes = info_hashes
        self.entries = [b""] * len(info_hashes)
        self.missing = 0  # owners that have not answered

    def begin(self, done: Callable[["SharedScrape"], None]) -> bool:
        """Ask the owners; False if this worker owns all, and `entries` are complete. `done` is called when they are."""
        places: dict[i64, list[int]] = {}
        owner_at = self.mesh.ownership.owner_at
        for place, info_hash in enumerate(self.info_hashes):
            places.setdefault(owner_at(info_hash, 0), []).append(place)
        for owner, its in places.items():
            asked = b"".join([self.info_hashes[place] for place in its])
            if owner == self.mesh.ownership.own:
                self.fill(its, scraped(self.tracker, asked))
            else:
                self.missing += 1
                self.mesh.ask(owner, SCRAPE, asked, self.taker(its, done))
        return self.missing > 0

    def taker(self, places: list[int], done: Callable[["SharedScrape"], None]) -> Callable[[bytes], None]:
        """A function that takes one owner's answer."""

        def take(answer: bytes) -> None:
            self.fill(places, answer)
            self.missing -= 1
            if self.missing == 0:
                done(self)

        return take

    def fill(self, places: list[int], answer: bytes) -> None:
        """Fill in one owner's answer."""
        for number, place in enumerate(places):
            self.entries[place] = answer[number * ENTRY : (number + 1) * ENTRY]
