"""The census: how many torrents and peers there are, and which torrents are the largest."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker.swarm.counting.core_gauges import PEERS_PER_TORRENT
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.scan import Scan
from opentracker.swarm.tracker import Tracker

STEP: Final = 128  # torrents between two yields
RANKED: Final = 100  # torrents


class Census(Scan):
    """Torrents, peers by family and kind, and the largest torrents by peers, seeders and leechers."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.torrents = 0
        self.leechers4 = 0
        self.seeders4 = 0
        self.leechers6 = 0
        self.seeders6 = 0
        self.sizes = [0] * (len(PEERS_PER_TORRENT.bounds) + 1)  # torrents, by the bounds of the histogram
        self.by_peers = Ranking(RANKED)
        self.by_seeders = Ranking(RANKED)
        self.by_leechers = Ranking(RANKED)

    def peers(self) -> int:
        """The number of peers."""
        return self.leechers4 + self.leechers6 + self.seeders()

    def seeders(self) -> int:
        """The number of seeders."""
        return self.seeders4 + self.seeders6

    def steps(self) -> Iterator[None]:
        """See Scan."""
        store = self.tracker.store
        for shard in range(store.shards):
            picture = store.picture(shard)
            size = picture.size()
            for at in range(0, size, STEP):
                end = min(at + STEP, size)
                self.torrents += end - at
                self.count(*picture.count(at, end))
                for peers, torrents in picture.sizes(at, end).items():
                    self.add_size(peers, torrents)
                least = min(self.by_peers.least, self.by_seeders.least, self.by_leechers.least)
                for info_hash, complete, incomplete in picture.larger(at, end, least):
                    self.offer(info_hash, complete, incomplete)
                yield
            yield

    def add_size(self, peers: int, torrents: int) -> None:
        """Count torrents with this number of peers."""
        self.sizes[bisect_left(PEERS_PER_TORRENT.bounds, peers)] += torrents

    def count(self, leechers4: i64, seeders4: i64, leechers6: i64, seeders6: i64) -> None:
        """Count peers."""
        self.leechers4 += leechers4
        self.seeders4 += seeders4
        self.leechers6 += leechers6
        self.seeders6 += seeders6

    def offer(self, info_hash: bytes, complete: int, incomplete: int) -> None:
        """Rank a torrent, if the access list allows it."""
        if not self.tracker.serves(info_hash):
            return
        self.by_peers.offer(complete + incomplete, info_hash)
        self.by_seeders.offer(complete, info_hash)
        self.by_leechers.offer(incomplete, info_hash)

    def merge(self, other: Scan) -> None:
        """Add another part, which holds other torrents."""
        assert isinstance(other, Census)
        self.torrents += other.torrents
        self.count(other.leechers4, other.seeders4, other.leechers6, other.seeders6)
        self.sizes = [one + two for one, two in zip(self.sizes, other.sizes, strict=True)]
        self.by_peers.merge(other.by_peers)
        self.by_seeders.merge(other.by_seeders)
        self.by_leechers.merge(other.by_leechers)
