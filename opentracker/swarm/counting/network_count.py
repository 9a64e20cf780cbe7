"""Counting by network, in bounded memory: networks of peers, of connections, of clients that come too often.

A network is the first bytes of its addresses: 3 of IPv4 are a /24, 6 of IPv6 a /48.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.swarm.counting.ranking import Ranking

SHOWN: Final = 128  # networks of a block, as the C tracker's
KEPT: Final = 1024  # networks of a ranking, so that those of several parts give the first ones of all
BUCKETS: Final = 256
MOST: Final = 384  # networks in a bucket: a hundred thousand in all, about 14 MB

SIZES4: Final[tuple[int, ...]] = () if WANT_V6 else (3, 2)  # bytes of a network: /24, /16
SIZES6: Final[tuple[int, ...]] = () if WANT_V4_ONLY else (6, 4)  # /48, /32
SIZES: Final = SIZES4[:1] + SIZES6[:1]  # the finest of each family


class NetworkCount:
    """How often each network was met.

    Up to a hundred thousand networks it is exact. Beyond, the rarest are forgotten and the others lose as much, as
    Misra and Gries do it: by at most a few hundredths of a percent of all that was counted.
    """

    __slots__ = ("buckets", "ranking")

    def __init__(self) -> None:
        self.buckets: list[dict[bytes, int]] = [{} for _ in range(BUCKETS)]
        self.ranking = Ranking(KEPT)  # once they have been ranked

    def add(self, network: bytes, times: i64) -> None:
        """Count a network."""
        bucket = self.buckets[hash(network) & (BUCKETS - 1)]
        bucket[network] = bucket.get(network, 0) + times
        if len(bucket) > MOST:
            thin(bucket)

    def rank(self, drain: bool) -> Iterator[None]:
        """Find the largest, and maybe forget the rest; yields after every bucket, for a hundred thousand take long."""
        ranking = Ranking(KEPT)
        for number in range(BUCKETS):
            for network, times in self.buckets[number].items():
                ranking.offer(times, network)
            if drain:
                self.buckets[number] = {}
            yield
        self.ranking = ranking

    def merge(self, other: "NetworkCount") -> None:
        """Take in the ranking of another part, which may hold the same networks."""
        totals: dict[bytes, int] = {}
        for ranking in (self.ranking, other.ranking):
            for times, network in ranking.heap:
                totals[network] = totals.get(network, 0) + times
        self.ranking = Ranking(KEPT)
        for network, times in totals.items():
            self.ranking.offer(times, network)

    def halve(self) -> Iterator[None]:
        """Halve all counts; yields after every bucket."""
        for number in range(BUCKETS):
            bucket = self.buckets[number]
            self.buckets[number] = {network: times // 2 for network, times in bucket.items() if times > 1}
            yield


def thin(bucket: dict[bytes, int]) -> None:
    """Take the median off all counts: half of them go."""
    cut = sorted(bucket.values())[len(bucket) // 2]
    kept = {network: times - cut for network, times in bucket.items() if times > cut}
    bucket.clear()
    bucket.update(kept)


class AddressCount:
    """Counts of addresses by the finest network of their family; by the bytes of a network."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = {size: NetworkCount() for size in SIZES}

    def add(self, address: bytes) -> None:
        """Count an address (4 or 16 bytes)."""
        size = SIZES4[0] if len(address) == 4 else SIZES6[0]
        self.counts[size].add(address[:size], 1)
