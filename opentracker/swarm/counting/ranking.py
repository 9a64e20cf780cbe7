"""The few largest of many: torrents by their peers, networks by their counts."""

from heapq import heappush, heappushpop

from mypy_extensions import i64


class Ranking:
    """The `size` largest of the offered names, each offered once; none with a count of 0."""

    __slots__ = ("heap", "least", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.heap: list[tuple[int, bytes]] = []
        self.least: i64 = 0  # counts up to this one are not taken

    def offer(self, count: int, name: bytes) -> None:
        """Keep the name, if its count is among the largest so far."""
        if count <= self.least:
            return
        if len(self.heap) < self.size:
            heappush(self.heap, (count, name))
        else:
            heappushpop(self.heap, (count, name))
        if len(self.heap) == self.size:
            self.least = self.heap[0][0]

    def merge(self, other: "Ranking") -> None:
        """Add a ranking of other names."""
        for count, name in other.heap:
            self.offer(count, name)

    def first(self, most: int) -> list[tuple[int, bytes]]:
        """The `most` largest, in descending order; equal ones by their names."""
        return sorted(self.heap, key=by_count)[:most]


def by_count(ranked: tuple[int, bytes]) -> tuple[int, bytes]:
    """The sort key that puts the largest count first."""
    return -ranked[0], ranked[1]
