"""Networks: those of all peers, counted by a walk, and the busiest of the counts that go on all the time."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker.swarm.counting.network_count import BUCKETS, MOST, SIZES4, SIZES6, NetworkCount, thin
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.surveys.scan import Scan
from opentracker.swarm.tracker import Tracker

STEP: Final = 128  # peers counted between two yields


class RankedNetworks(Scan):
    """The busiest networks of counts that go on all the time; `counts` is keyed by the bytes of a network's prefix."""

    def __init__(self, counts: dict[int, NetworkCount]) -> None:
        self.counts = counts

    def steps(self) -> Iterator[None]:
        """See Scan."""
        for count in self.counts.values():
            yield from count.rank(drain=False)

    def merge(self, other: Scan) -> None:
        """Add another part."""
        assert isinstance(other, RankedNetworks)
        for size, count in self.counts.items():
            count.merge(other.counts[size])


class Networks(RankedNetworks):
    """The networks of all peers: IPv4 at /24 and /16, IPv6 at /48 and /32."""

    def __init__(self, tracker: Tracker) -> None:
        super().__init__({size: NetworkCount() for size in SIZES4 + SIZES6})
        self.tracker = tracker

    def steps(self) -> Iterator[None]:
        """See Scan."""
        store = self.tracker.store
        for shard in range(store.shards):
            picture = store.picture(shard)
            waiting: i64 = 0
            for index in range(picture.size()):
                waiting += 1
                if waiting >= STEP:
                    waiting = 0
                    yield
                for v6 in (False, True):
                    stride = STRIDE6 if v6 else STRIDE4
                    for addresses in picture.addresses(index, v6):
                        self.count(addresses, stride)
                        waiting += len(addresses) // stride
                        if waiting >= STEP:
                            waiting = 0
                            yield
            yield
        for count in self.counts.values():
            yield from count.rank(drain=True)

    def count(self, addresses: bytes, stride: i64) -> None:
        """Count the peers of an address plane. It inlines `NetworkCount.add`: a third of its time interpreted."""
        for size in SIZES4 if stride == STRIDE4 else SIZES6:
            buckets = self.counts[size].buckets
            for at in range(0, len(addresses), stride):
                network = addresses[at : at + size]
                bucket = buckets[hash(network) & (BUCKETS - 1)]
                bucket[network] = bucket.get(network, 0) + 1
                if len(bucket) > MOST:
                    thin(bucket)
