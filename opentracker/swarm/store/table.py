"""Peers of a large swarm in hash-bucketed blocks, so that size does not slow anything down.

A `Table` holds the peers of one family that are all leechers or all seeders, in blocks of some tens of peers. Which
block a peer belongs to is told by linear hashing: one block is split in two for every few dozen newcomers and the
last one merged back when they leave, so no single announce ever pays for a rebuild. How a block lies in memory is the
business of a subclass: bytes in `peer_table`, words in `word_table`.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_MAX_PEER
from opentracker.swarm.store.peers import BYTE, HOST4, HOST6, STRIDE4

SHARES: Final = 16  # blocks over which the peers of one host are spread where they are counted


class Table:
    """Leechers or seeders of one address family; `most` is how many peers a block has on average, at most.

    With `by_host` all peers of one host are in SHARES blocks, to be counted, by the last bits of their ports: in one
    block, a host with a thousand ports would make it far longer than all others, and `draw` miss as often.
    """

    def __init__(self, stride: i64, by_host: bool, most: i64) -> None:
        self.stride = stride
        self.by_host = by_host
        self.most = most
        self.count: i64 = 1  # blocks
        self.peers: i64 = 0
        self.mask: i64 = 0  # 2^k - 1, not below the last block's number and at most one step more
        self.longest: i64 = 0  # no block holds more peers than this

    # ---- What a subclass knows ----

    def size_of(self, at: i64) -> i64:
        """How many peers a block has."""
        raise NotImplementedError

    def block(self, at: i64) -> bytes:
        """A block's planes."""
        raise NotImplementedError

    def index_in(self, at: i64, peer: bytes) -> i64:
        """The index of `peer` in block `at`, or -1."""
        raise NotImplementedError

    def state(self, at: i64, index: i64) -> i64:
        """The flags × 256 + the stamp of a peer that is there."""
        raise NotImplementedError

    def refresh(self, at: i64, index: i64, stamp: i64) -> i64:
        """Renew the stamp of a peer that is there, and tell the one it had."""
        raise NotImplementedError

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """Take a flag off a peer that is there."""
        raise NotImplementedError

    def insert(self, at: i64, peer: bytes, flags: i64, stamp: i64) -> None:
        """Append a peer to a block, uncounted."""
        raise NotImplementedError

    def remove(self, at: i64, index: i64) -> None:
        """Remove a peer that is there; never moves peers of another block."""
        raise NotImplementedError

    def expire(self, at: i64, expired: bytes) -> None:
        """Remove the expired peers of one block, by a table of stamps (see ages.expired_stamps)."""
        raise NotImplementedError

    def add_block(self) -> None:
        """Add an empty block behind the last one."""
        raise NotImplementedError

    def drop_block(self) -> None:
        """Drop the last block."""
        raise NotImplementedError

    def clear(self, at: i64) -> None:
        """Empty a block."""
        raise NotImplementedError

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of `want` peers, the asker left out; every other has the same chance."""
        raise NotImplementedError

    def ports_of(self, peer: bytes) -> list[bytes]:
        """The peers that have the peer's host, where they are counted."""
        raise NotImplementedError

    def weight(self) -> i64:
        """Bytes of memory that the peers take, by their number alone."""
        raise NotImplementedError

    # ---- Which block ----

    def block_of(self, peer: bytes) -> i64:
        """The number of the block that `peer` belongs to."""
        if WANT_MAX_PEER and self.by_host:
            peer = self.share_of(peer, peer[self.stride - 1])
        at: i64 = hash(peer) & self.mask
        if at >= self.count:
            at &= self.mask >> 1  # its block has not been split yet
        return at

    def share_of(self, peer: bytes, number: i64) -> bytes:
        """What tells the block of those peers of a host whose ports end in the same bits as a number."""
        host = peer[:HOST4] if self.stride == STRIDE4 else peer[:HOST6]
        return host + BYTE[number & (SHARES - 1)]

    def blocks_of_host(self, peer: bytes) -> set[int]:
        """The numbers of all blocks that peers with the peer's host may be in, where these are counted."""
        found: set[int] = set()
        for number in range(SHARES):
            at: int = hash(self.share_of(peer, number)) & self.mask
            found.add(at if at < self.count else at & (self.mask >> 1))
        return found

    def has(self, peer: bytes) -> bool:
        """Whether a peer is there."""
        return self.index_in(self.block_of(peer), peer) >= 0

    # ---- Peers come and go ----

    def put(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Put a peer that is not there where it belongs, uncounted."""
        at = self.block_of(peer)
        self.insert(at, peer, flags, stamp)
        size = self.size_of(at)
        if size > self.longest:
            self.longest = size

    def add(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Add a peer that is not there."""
        self.put(peer, flags, stamp)
        self.peers += 1
        if self.peers > self.most * self.count:
            self.split()

    def take(self, peer: bytes) -> i64:
        """Remove a peer that may be there; its flags × 256 + its stamp, or -1."""
        at = self.block_of(peer)
        index = self.index_in(at, peer)
        if index < 0:
            return -1
        state = self.state(at, index)
        self.remove(at, index)
        self.merge()
        return state

    def split(self) -> None:
        """Make one more block, of the peers of the oldest unsplit one that belong there."""
        new = self.count
        if new > self.mask:
            self.mask = self.mask * 2 + 1
        old = new & (self.mask >> 1)
        planes = self.block(old)
        self.clear(old)
        self.add_block()
        self.count += 1
        self.spread(planes)

    def merge(self) -> bool:
        """Give the peers of the last block back to the one it was split from, if blocks are thinly filled."""
        if self.count == 1 or self.peers * 2 >= self.most * (self.count - 1):
            return False
        planes = self.block(self.count - 1)
        self.drop_block()
        self.count -= 1
        if self.count <= self.mask >> 1:
            self.mask >>= 1
            self.measure()
        self.spread(planes)
        return True

    def measure(self) -> None:
        """Forget the longest block of former times; half of the blocks have gone since the last time, or more."""
        self.longest = 0
        for at in range(self.count):
            size = self.size_of(at)
            if size > self.longest:
                self.longest = size

    def spread(self, planes: bytes) -> None:
        """Put the peers of some planes, which are counted already, where they belong."""
        stride = self.stride
        n: i64 = len(planes) // (stride + 2)
        at_flags = n * stride
        for index in range(n):
            self.put(
                planes[index * stride : (index + 1) * stride],
                planes[at_flags + index],
                planes[at_flags + n + index],
            )

    def load(self, planes: bytes) -> None:
        """Take in peers that are not there."""
        self.peers += len(planes) // (self.stride + 2)
        self.spread(planes)
        while self.peers > self.most * self.count:
            self.split()

    # ---- Which peers ----

    def draw(self, asker_at: i64, random: Random) -> tuple[i64, i64]:
        """A peer by its block and its index there, the asker (in block `asker_at`, or -1) left out and not counted.

        A place is drawn by throwing darts at a board of blocks × longest until one hits a peer, so that every peer is
        the one with the same chance. There has to be one.
        """
        longest = self.longest if self.count > 1 else self.peers
        while True:
            dart: i64 = random.randrange(self.count * longest)
            at = dart // longest
            first = dart % longest
            size = self.size_of(at)
            if first < (size if at != asker_at else size - 1):
                return at, first

    def planes(self) -> tuple[bytes, bytes, bytes]:
        """All addresses, all flags and all stamps."""
        addresses: list[bytes] = []
        flags: list[bytes] = []
        stamps: list[bytes] = []
        for at in range(self.count):
            block = self.block(at)
            n: i64 = len(block) // (self.stride + 2)
            end = n * self.stride
            addresses.append(block[:end])
            flags.append(block[end : end + n])
            stamps.append(block[end + n :])
        return b"".join(addresses), b"".join(flags), b"".join(stamps)
