"""The census: how many torrents and peers there are, and which torrents are the largest."""

from collections.abc import Iterator
from typing import Final

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, PEER6, counts
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
        self.by_peers = Ranking(RANKED)
        self.by_seeders = Ranking(RANKED)
        self.by_leechers = Ranking(RANKED)

    def peers(self) -> int:
        """How many peers there are."""
        return self.leechers4 + self.leechers6 + self.seeders()

    def seeders(self) -> int:
        """How many seeders there are."""
        return self.seeders4 + self.seeders6

    def steps(self) -> Iterator[None]:
        """See Survey."""
        for shard in self.tracker.shards:
            info_hashes = list(shard)
            entries = list(shard.values())
            for at in range(0, len(entries), STEP):
                self.count(entries[at : at + STEP])
                self.rank(info_hashes[at : at + STEP], entries[at : at + STEP])
                yield
            yield

    def count(self, entries: list[bytes | Swarm]) -> None:
        """Count torrents; of small ones all heads are added up at once, which is what costs least interpreted."""
        self.torrents += len(entries)
        records = [entry for entry in entries if not isinstance(entry, Swarm) and len(entry) > HEADER_SIZE]
        if records:
            heads = b"".join([record[:HEADER_SIZE] for record in records])
            n4 = sum(heads[4::HEADER_SIZE])
            leechers4 = sum(heads[5::HEADER_SIZE])
            leechers6 = sum(heads[6::HEADER_SIZE])
            size = sum([len(record) for record in records])
            n6 = (size - HEADER_SIZE * len(records) - PEER4 * n4) // PEER6
            self.leechers4 += leechers4
            self.seeders4 += n4 - leechers4
            self.leechers6 += leechers6
            self.seeders6 += n6 - leechers6
        if len(records) < len(entries):
            for entry in entries:
                if isinstance(entry, Swarm):
                    self.leechers4 += entry.v4.leechers.peers
                    self.seeders4 += entry.v4.seeders.peers
                    self.leechers6 += entry.v6.leechers.peers
                    self.seeders6 += entry.v6.seeders.peers

    def rank(self, info_hashes: list[bytes], entries: list[bytes | Swarm]) -> None:
        """Rank the torrents that may be large enough for it, which a record's length tells."""
        least = min(self.by_peers.least, self.by_seeders.least, self.by_leechers.least)
        most = HEADER_SIZE + PEER4 * least  # bytes of a record that is certainly too small
        for index, entry in enumerate(entries):
            if isinstance(entry, Swarm):
                self.offer(info_hashes[index], entry.complete(), entry.incomplete())
            elif len(entry) > most:
                n4, leechers4, n6, leechers6 = counts(entry)
                incomplete = leechers4 + leechers6
                self.offer(info_hashes[index], n4 + n6 - incomplete, incomplete)

    def offer(self, info_hash: bytes, complete: int, incomplete: int) -> None:
        """Rank a torrent, if the access list allows it."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if self.tracker.has_doubtful and not self.tracker.admission.allows(info_hash):
                return
        self.by_peers.offer(complete + incomplete, info_hash)
        self.by_seeders.offer(complete, info_hash)
        self.by_leechers.offer(incomplete, info_hash)

    def merge(self, other: Scan) -> None:
        """Take in another part, which holds other torrents."""
        assert isinstance(other, Census)
        self.torrents += other.torrents
        self.leechers4 += other.leechers4
        self.seeders4 += other.seeders4
        self.leechers6 += other.leechers6
        self.seeders6 += other.seeders6
        self.by_peers.merge(other.by_peers)
        self.by_seeders.merge(other.by_seeders)
        self.by_leechers.merge(other.by_leechers)
