"""Networks of peers: a walk over all of them, and the busiest of what is counted all the time."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker.swarm.counting.network_count import BUCKETS, MOST, SIZES4, SIZES6, NetworkCount, thin
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, counts
from opentracker.swarm.surveys.scan import Scan
from opentracker.swarm.tracker import Tracker

STEP: Final = 128  # peers counted between two yields


class RankedNetworks(Scan):
    """The busiest networks of counts that go on all the time; `counts` are by the bytes of a network."""

    def __init__(self, counts: dict[int, NetworkCount]) -> None:
        self.counts = counts

    def steps(self) -> Iterator[None]:
        """See Scan."""
        for count in self.counts.values():
            yield from count.rank(drain=False)

    def merge(self, other: Scan) -> None:
        """Take in another part."""
        assert isinstance(other, RankedNetworks)
        for size, count in self.counts.items():
            count.merge(other.counts[size])


class Networks(RankedNetworks):
    """The networks of all peers: IPv4 at /24 and /16, IPv6 at /48 and /32."""

    def __init__(self, tracker: Tracker) -> None:
        super().__init__({size: NetworkCount() for size in SIZES4 + SIZES6})
        self.tracker = tracker

    def steps(self) -> Iterator[None]:
        """See Survey."""
        for shard in self.tracker.shards:
            waiting: i64 = 0
            for entry in list(shard.values()):
                if isinstance(entry, Swarm):
                    for table in (entry.v4.leechers, entry.v4.seeders, entry.v6.leechers, entry.v6.seeders):
                        stride = table.stride
                        for block in list(table.blocks):
                            self.count(block[: len(block) // (stride + 2) * stride], stride)
                            yield
                else:
                    waiting += self.count_record(entry)
                    if waiting >= STEP:
                        waiting = 0
                        yield
            yield
        for count in self.counts.values():
            yield from count.rank(drain=True)

    def count_record(self, record: bytes) -> i64:
        """Count the peers of a small torrent; gives how many there are."""
        if len(record) == HEADER_SIZE:
            return 1
        n4, _, n6, _ = counts(record)
        if n4 > 0:
            self.count(record[HEADER_SIZE : HEADER_SIZE + n4 * STRIDE4], STRIDE4)
        if n6 > 0:
            start = HEADER_SIZE + n4 * PEER4
            self.count(record[start : start + n6 * STRIDE6], STRIDE6)
        return n4 + n6

    def count(self, addresses: bytes, stride: i64) -> None:
        """Count the peers of an address plane. The same as `add`, whose call would be a third of it interpreted."""
        for size in SIZES4 if stride == STRIDE4 else SIZES6:
            buckets = self.counts[size].buckets
            for at in range(0, len(addresses), stride):
                network = addresses[at : at + size]
                bucket = buckets[hash(network) & (BUCKETS - 1)]
                bucket[network] = bucket.get(network, 0) + 1
                if len(bucket) > MOST:
                    thin(bucket)
