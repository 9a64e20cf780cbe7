"""Counting by network, in bounded memory: networks of peers, of connections, of clients that announce too often.

A network is the first bytes of its addresses: 3 of IPv4 are a /24, 6 of IPv6 a /48.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.swarm.counting.ranking import Ranking

SHOWN: Final = 128  # networks of a block in the statistics, as in the C tracker's
KEPT: Final = 1024  # networks of a ranking: enough to find the SHOWN largest of several merged parts
BUCKETS: Final = 256
MOST: Final = 384  # networks in a bucket: a hundred thousand in all, about 14 MB

SIZES4: Final[tuple[int, ...]] = () if WANT_V6 else (3, 2)  # bytes of a network: /24, /16
SIZES6: Final[tuple[int, ...]] = () if WANT_V4_ONLY else (6, 4)  # /48, /32
SIZES: Final = SIZES4[:1] + SIZES6[:1]  # the finest of each family


class NetworkCount:
    """A count for each network.

    The counts are exact up to a hundred thousand networks. Beyond that the rarest networks are dropped and the counts
    of the others shrink, by the method of Misra and Gries: by a few hundredths of a percent of the total at most.
    """

    __slots__ = ("buckets", "ranking")

    def __init__(self) -> None:
        self.buckets: list[dict[bytes, int]] = [{} for _ in range(BUCKETS)]
        self.ranking = Ranking(KEPT)  # filled by `rank`

    def add(self, network: bytes, times: i64) -> None:
        """Count a network."""
        bucket = self.buckets[hash(network) & (BUCKETS - 1)]
        bucket[network] = bucket.get(network, 0) + times
        if len(bucket) > MOST:
            thin(bucket)

    def rank(self, drain: bool) -> Iterator[None]:
        """Find the largest counts, and with `drain` clear the buckets; yields after every bucket."""
        ranking = Ranking(KEPT)
        for number in range(BUCKETS):
            for network, times in self.buckets[number].items():
                ranking.offer(times, network)
            if drain:
                self.buckets[number] = {}
            yield
        self.ranking = ranking

    def merge(self, other: "NetworkCount") -> None:
        """Add the ranking of another part, which may hold the same networks."""
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
    """Subtract the median from all counts, and drop those that are not positive then, about half."""
    cut = sorted(bucket.values())[len(bucket) // 2]
    kept = {network: times - cut for network, times in bucket.items() if times > cut}
    bucket.clear()
    bucket.update(kept)


class AddressCount:
    """Counts of addresses by the finest network of their family; `counts` has a NetworkCount for each family."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = {size: NetworkCount() for size in SIZES}

    def add(self, address: bytes) -> None:
        """Count an address (4 or 16 bytes)."""
        size = SIZES4[0] if len(address) == 4 else SIZES6[0]
        self.counts[size].add(address[:size], 1)
