"""Counting by network, in bounded memory: networks of peers, of connections, of clients that come too often.

A network is the first bytes of its addresses: 3 of IPv4 are a /24, 6 of IPv6 a /48.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.swarm.large import Swarm
from opentracker.swarm.peers import STRIDE4, STRIDE6
from opentracker.swarm.ranking import Ranking
from opentracker.swarm.records import HEAD, PEER4, counts
from opentracker.swarm.survey import Survey
from opentracker.swarm.tracker import Tracker

SHOWN: Final = 128  # networks of a block, as the C tracker's
BUCKETS: Final = 256
MOST: Final = 384  # networks in a bucket: a hundred thousand in all, about 14 MB
STEP: Final = 256  # peers counted between two yields

SIZES4: Final = () if WANT_V6 else (3, 2)  # bytes of a network: /24, /16
SIZES6: Final = () if WANT_V4_ONLY else (6, 4)  # /48, /32
SIZES: Final = SIZES4[:1] + SIZES6[:1]  # the finest of each family


class NetworkCount:
    """How often each network was met.

    Up to a hundred thousand networks it is exact. Beyond, the rarest are forgotten and the others lose as much, as
    Misra and Gries do it: by at most a few hundredths of a percent of all that was counted.
    """

    __slots__ = ("buckets", "ranking")

    def __init__(self) -> None:
        self.buckets: list[dict[bytes, int]] = [{} for _ in range(BUCKETS)]
        self.ranking = Ranking(SHOWN)  # once they have been ranked

    def add(self, network: bytes, times: i64) -> None:
        """Count a network."""
        bucket = self.buckets[hash(network) & (BUCKETS - 1)]
        bucket[network] = bucket.get(network, 0) + times
        if len(bucket) > MOST:
            thin(bucket)

    def merge(self, other: "NetworkCount") -> None:
        """Take in what another part has counted, in this process or another: buckets differ between processes."""
        for bucket in other.buckets:
            for network, times in bucket.items():
                self.add(network, times)

    def rank(self) -> Iterator[None]:
        """Find the largest; yields after every bucket."""
        ranking = Ranking(SHOWN)
        for bucket in self.buckets:
            for network, times in bucket.items():
                ranking.offer(times, network)
            yield
        self.ranking = ranking

    def halve(self) -> Iterator[None]:
        """Halve all counts; yields after every bucket."""
        for number in range(BUCKETS):
            bucket = self.buckets[number]
            self.buckets[number] = {network: times // 2 for network, times in bucket.items() if times > 1}
            yield


def thin(bucket: dict[bytes, int]) -> None:
    """Take the median off all counts: half of them go."""
    counted = sorted(bucket.values())
    cut = counted[len(counted) // 2]
    kept = {network: times - cut for network, times in bucket.items() if times > cut}
    bucket.clear()
    bucket.update(kept)


class Networks(Survey):
    """The networks of all peers, by the bytes of a network: IPv4 at /24 and /16, IPv6 at /48 and /32."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.counts = {size: NetworkCount() for size in SIZES4 + SIZES6}

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
            yield from count.rank()

    def count_record(self, record: bytes) -> i64:
        """Count the peers of a small torrent; gives how many there are."""
        if len(record) == HEAD:
            return 1
        n4, _, n6, _ = counts(record)
        if n4 > 0:
            self.count(record[HEAD : HEAD + n4 * STRIDE4], STRIDE4)
        if n6 > 0:
            start = HEAD + n4 * PEER4
            self.count(record[start : start + n6 * STRIDE6], STRIDE6)
        return n4 + n6

    def count(self, addresses: bytes, stride: i64) -> None:
        """Count the peers of an address plane."""
        for size in SIZES4 if stride == STRIDE4 else SIZES6:
            count = self.counts[size]
            for at in range(0, len(addresses), stride):
                count.add(addresses[at : at + size], 1)

    def merge(self, other: "Networks") -> Iterator[None]:
        """Take in another part, and rank the whole."""
        for size, count in self.counts.items():
            count.merge(other.counts[size])
            yield from count.rank()


class RankedNetworks(Survey):
    """The busiest networks of counts that go on all the time; by the bytes of a network, as `Networks.counts`."""

    def __init__(self, counts: dict[int, NetworkCount]) -> None:
        self.counts = counts

    def steps(self) -> Iterator[None]:
        """See Survey."""
        for count in self.counts.values():
            yield from count.rank()
