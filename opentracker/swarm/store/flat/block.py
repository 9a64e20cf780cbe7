"""A block of a large swarm: its peers as words, as in small torrents, in buckets one behind the other.

A hash chooses the bucket of a peer, so that a search reads one or two lines of memory. Buckets have no room of their
own: each one behind a new peer's moves its first peer behind its last one, which frees the place that is needed.
"""

from typing import Final

from librt.vecs import extend, vec
from mypy_extensions import i32, i64, mypyc_attr

from opentracker.swarm.store.flat.members import copy_peer

BUCKET: Final = 32  # most peers of a bucket on average; fewer cost memory (4 bytes a bucket), more cost time
# Words: a block's room is a multiple. Larger steps cost more in unused room than they save in holes of the heap.
GRID: Final = 16


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class Block:
    """Peers of one family, a table's `step` words each.

    `starts` has the number of each bucket's first peer, and behind them the number of all peers. `peers` is that number
    too: a look at the size of a block then reads no second line of memory.
    """

    __slots__ = ("peers", "starts", "words")

    def __init__(self, peers: i64, step: i64) -> None:
        """An empty block with buckets and room for some peers."""
        self.peers: i64 = 0
        buckets: i64 = 1
        while buckets * BUCKET < peers:
            buckets *= 2
        self.words = vec[i64]()
        if peers > 0:
            self.resize(peers * step)
        self.starts = vec[i32]([0] * (buckets + 1))

    def resize(self, used: i64) -> None:
        """Move the words into new memory with room for `used` words; the words there must not be more."""
        old = self.words
        room = (used + GRID - 1) // GRID * GRID
        new = extend(vec[i64](capacity=room), old)
        self.words = extend(new, vec[i64]([0] * (room - len(old))))

    def mask(self) -> i64:
        """The number of buckets, a power of two, minus one."""
        return len(self.starts) - 2

    def is_crowded(self) -> bool:
        """Whether one more peer is too many for the number of buckets."""
        return self.peers >= (len(self.starts) - 1) * BUCKET

    def open(self, bucket: i64, step: i64) -> i64:
        """Add a peer to a bucket and return its number; its words are still to be written."""
        starts = self.starts
        at = len(starts) - 1
        hole = i64(starts[at])
        used = (hole + 1) * step
        if used > len(self.words):
            self.resize(used)
        words = self.words
        starts[at] += 1
        self.peers += 1
        at -= 1
        while at > bucket:
            first = i64(starts[at])
            if first < hole:
                copy_peer(words, 0, step, first, hole)
                hole = first
            starts[at] += 1
            at -= 1
        return hole

    def close(self, bucket: i64, number: i64, step: i64) -> None:
        """Remove a peer of a bucket; others take its place and theirs."""
        starts, words = self.starts, self.words
        last = len(starts) - 1
        at = bucket + 1
        hole = i64(starts[at]) - 1
        copy_peer(words, 0, step, hole, number)
        while at < last:
            end = i64(starts[at + 1]) - 1
            copy_peer(words, 0, step, end, hole)
            hole = end
            starts[at] -= 1
            at += 1
        starts[last] -= 1
        self.peers -= 1
