"""A store that notes which torrents have changed, while the state is handed over to another process.

It stands before the store of a tracker for that time alone, so that an announce costs nothing more at any other time.
Cleaning is not noted: the other process expires the same peers itself.
"""

from collections.abc import Iterator

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.protocol.messages import Announce
from opentracker.swarm.store.door import NOT_TAKEN, Contents, Evictor, Picture, Store, Totals


class Journal(Store):
    """Passes every operation on to a store, and notes the info_hashes of those that may change a torrent."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.shards)
        self.store = store
        self.totals = store.totals
        self.counts_ports = store.counts_ports
        self.changed: set[bytes] = set()

    def turn(self) -> list[bytes]:
        """The torrents that have changed since the last turn."""
        changed = list(self.changed)
        self.changed = set()
        return changed

    # ---- Operations that may change a torrent ----

    def announce(self, a: Announce, minute: i64) -> None:
        """See Store."""
        self.changed.add(a.info_hash)
        self.store.announce(a, minute)

    def answer_udp(
        self,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        may_come: bool,
        out: BytesWriter,
    ) -> i64:
        """See Store."""
        age = self.store.answer_udp(packet, address, numwant, interval, minute, may_come, out)
        if age != NOT_TAKEN:
            self.changed.add(packet[16:36])  # BEP 15: the info_hash
            self.has_completed = self.store.has_completed
        return age

    def sync(self, a: Announce, minute: i64) -> None:
        """See Store."""
        self.changed.add(a.info_hash)
        self.store.sync(a, minute)

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.drop_host(info_hash, peer, minute)

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.raise_downloads(info_hash, count)

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.put(info_hash, contents)

    def remove(self, info_hash: bytes) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.remove(info_hash)

    # ---- All others ----

    def has(self, info_hash: bytes) -> bool:
        """See Store."""
        return self.store.has(info_hash)

    def bring_near(self, packets: list[bytes], count: i64) -> None:
        """See Store."""
        self.store.bring_near(packets, count)

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """See Store."""
        return self.store.scrape(info_hash)

    def partial_seeds(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.partial_seeds(info_hash)

    def size_of(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.size_of(info_hash)

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """See Store."""
        return self.store.knows(info_hash, peer)

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """See Store."""
        return self.store.ports_of(info_hash, peer)

    def downloads(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.downloads(info_hash)

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """See Store."""
        return self.store.touched(info_hash, minute)

    def pack(self, info_hash: bytes) -> list[bytes]:
        """See Store."""
        return self.store.pack(info_hash)

    def weight_of(self, contents: Contents) -> i64:
        """See Store."""
        return self.store.weight_of(contents)

    def shard_of(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.shard_of(info_hash)

    def count(self, shard: i64) -> i64:
        """See Store."""
        return self.store.count(shard)

    def info_hashes(self, shard: i64) -> list[bytes]:
        """See Store."""
        return self.store.info_hashes(shard)

    def picture(self, shard: i64) -> Picture:
        """See Store."""
        return self.store.picture(shard)

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """See Store."""
        return self.store.clean(shard, minute, evictor)

    def give_back(self, shard: i64) -> None:
        """See Store."""
        self.store.give_back(shard)

    def weigh(self, shard: i64) -> Totals:
        """See Store."""
        return self.store.weigh(shard)

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """See Store."""
        return self.store.check(shard, minute, oldest)
