"""Peers of a large swarm in hash-bucketed blocks, so that the cost of an announce does not grow with the swarm.

A `PeerTable` holds the leechers or the seeders of one family, in blocks of some tens of peers. Linear hashing chooses
the block of a peer: one block is split in two for every few dozen new peers, and the last one is merged back when peers
leave, so no single announce pays for a rebuild.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_MAX_PEER
from opentracker.swarm.store.peers import BYTE, HOST4, HOST6, STRIDE4, find, insert, ports_in, remove, without

BLOCK: Final = 128  # most peers of a block on average; fewer cost memory (57 bytes a block), more cost time
SHARES: Final = 16  # blocks over which the peers of one host are spread, with `by_host`


class PeerTable:
    """Leechers or seeders of one address family.

    With `by_host` all peers of one host are in SHARES blocks, chosen by the last bits of their ports, so that they can
    be counted. In a single block, a host with a thousand ports would make the block far longer than all others, and
    most draws of `window` would miss.
    """

    __slots__ = ("blocks", "by_host", "longest", "mask", "peers", "stride")

    def __init__(self, stride: int, by_host: bool = False) -> None:
        self.stride: i64 = stride
        self.by_host = by_host
        self.blocks = [b""]
        self.peers: i64 = 0
        self.mask: i64 = 0  # 2^k - 1: the least such number that is not below the last block's number
        self.longest: i64 = 0  # no block holds more peers than this

    def block_of(self, peer: bytes) -> i64:
        """The number of the block that `peer` belongs to."""
        if WANT_MAX_PEER and self.by_host:
            peer = self.share_of(peer, peer[self.stride - 1])
        return self.block_at(peer)

    def block_at(self, key: bytes) -> i64:
        """The number of the block for a hash key."""
        at: i64 = hash(key) & self.mask
        if at >= len(self.blocks):
            at &= self.mask >> 1  # its block has not been split yet
        return at

    def share_of(self, peer: bytes, number: i64) -> bytes:
        """The hash key of a host's peers whose ports end in the same bits as `number`."""
        host = peer[:HOST4] if self.stride == STRIDE4 else peer[:HOST6]
        return host + BYTE[number & (SHARES - 1)]

    def ports_of(self, peer: bytes) -> list[bytes]:
        """The peers with the host of `peer`; needs `by_host`."""
        found: list[bytes] = []
        blocks = {self.block_at(self.share_of(peer, number)) for number in range(SHARES)}
        for at in blocks:
            block = self.blocks[at]
            found += ports_in(block, 0, len(block) // (self.stride + 2), peer)
        return found

    def index_in(self, at: i64, peer: bytes) -> i64:
        """The index of `peer` in block `at`, or -1."""
        block = self.blocks[at]
        return find(block, 0, len(block) // (self.stride + 2), self.stride, peer)

    def has(self, peer: bytes) -> bool:
        """Whether the table holds a peer."""
        return self.index_in(self.block_of(peer), peer) >= 0

    def state(self, at: i64, index: i64) -> i64:
        """The flags × 256 + the stamp of a peer that is there."""
        block = self.blocks[at]
        size: i64 = len(block) // (self.stride + 2)
        flags: i64 = block[size * self.stride + index]
        return flags << 8 | block[size * (self.stride + 1) + index]

    def refresh(self, at: i64, index: i64, stamp: i64) -> i64:
        """Renew the stamp of a peer that is there, and return the former stamp."""
        block = self.blocks[at]
        at_stamp = len(block) // (self.stride + 2) * (self.stride + 1) + index
        former: i64 = block[at_stamp]
        if former != stamp:
            self.blocks[at] = block[:at_stamp] + BYTE[stamp] + block[at_stamp + 1 :]
        return former

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """Clear a flag of a peer that is there."""
        block = self.blocks[at]
        at_flags = len(block) // (self.stride + 2) * self.stride + index
        flags: i64 = block[at_flags]
        if flags & flag != 0:
            self.blocks[at] = block[:at_flags] + BYTE[flags & ~flag] + block[at_flags + 1 :]

    def put(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Put a peer that is not there into its block, without counting it."""
        at = self.block_of(peer)
        block = self.blocks[at]
        size: i64 = len(block) // (self.stride + 2)
        self.blocks[at] = insert(b"", block, 0, size, self.stride, size, peer, flags, stamp)
        if size >= self.longest:
            self.longest = size + 1

    def add(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Add a peer that is not there."""
        self.put(peer, flags, stamp)
        self.peers += 1
        if self.peers > BLOCK * len(self.blocks):
            self.split()

    def remove(self, at: i64, index: i64) -> None:
        """Remove a peer that is there; never moves peers of another block."""
        block = self.blocks[at]
        self.blocks[at] = remove(b"", block, 0, len(block) // (self.stride + 2), self.stride, index)
        self.peers -= 1

    def expire(self, at: i64, expired: bytes) -> None:
        """Remove the expired peers of one block, by a table of stamps (see ages.expired_stamps)."""
        block = self.blocks[at]
        hits = block[len(block) // (self.stride + 2) * (self.stride + 1) :].translate(expired)
        index = hits.rfind(1)
        while index >= 0:
            self.remove(at, index)
            index = hits.rfind(1, 0, index)

    def take(self, peer: bytes) -> i64:
        """Remove a peer if it is there; returns its flags × 256 + its stamp, or -1."""
        at = self.block_of(peer)
        index = self.index_in(at, peer)
        if index < 0:
            return -1
        state = self.state(at, index)
        self.remove(at, index)
        self.merge()
        return state

    def split(self) -> None:
        """Split the oldest unsplit block: about half of its peers go to a new block."""
        new: i64 = len(self.blocks)
        if new > self.mask:
            self.mask = self.mask * 2 + 1
        old = new & (self.mask >> 1)
        block = self.blocks[old]
        self.blocks[old] = b""
        self.blocks.append(b"")
        self.spread(block)

    def merge(self) -> bool:
        """Merge the last block into the one it was split from, if blocks are thinly filled."""
        if len(self.blocks) == 1 or self.peers * 2 >= BLOCK * (len(self.blocks) - 1):
            return False
        block = self.blocks.pop()
        if len(self.blocks) <= self.mask >> 1:
            self.mask >>= 1
            self.measure()
        self.spread(block)
        return True

    def measure(self) -> None:
        """Set `longest` anew; called each time the number of blocks has halved."""
        self.longest = 0
        for block in self.blocks:
            size: i64 = len(block) // (self.stride + 2)
            if size > self.longest:
                self.longest = size

    def spread(self, block: bytes) -> None:
        """Put the peers of a block, which are counted already, into their blocks."""
        stride = self.stride
        n: i64 = len(block) // (stride + 2)
        at_flags = n * stride
        for index in range(n):
            self.put(
                block[index * stride : (index + 1) * stride],
                block[at_flags + index],
                block[at_flags + n + index],
            )

    def load(self, block: bytes) -> None:
        """Add a block of peers that are not there."""
        self.peers += len(block) // (self.stride + 2)
        self.spread(block)
        while self.peers > BLOCK * len(self.blocks):
            self.split()

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of `want` peers without the asking one; every other peer has the same chance.

        The blocks form one ring, and the result is a run of neighbours. Its first peer is drawn by rejection: random
        cells of a board of blocks × longest, until one holds a peer. So each peer has the same chance to be the first.
        """
        if asker_index < 0:
            asker_at = -1
        left = self.peers if asker_at < 0 else self.peers - 1
        if want < left:
            left = want
        if left <= 0:
            return b""
        stride = self.stride
        longest = self.longest
        blocks = self.blocks
        if len(blocks) == 1:
            longest = self.peers
        while True:
            dart: i64 = random.randrange(len(blocks) * longest)
            at = dart // longest
            first = dart % longest
            block = blocks[at]
            size: i64 = len(block) // (stride + 2)
            if first < (size if at != asker_at else size - 1):
                break
        addresses = b""
        while True:
            if at == asker_at:
                block = without(block, 0, size, stride, asker_index)
                size -= 1
            if first + left <= size:
                return addresses + block[first * stride : (first + left) * stride]
            addresses += block[first * stride : size * stride]
            left -= size - first
            first = 0
            at += 1
            if at == len(blocks):
                at = 0
            block = blocks[at]
            size = len(block) // (stride + 2)

    def planes(self) -> tuple[bytes, bytes, bytes]:
        """All addresses, all flags and all stamps."""
        addresses, flags, stamps = b"", b"", b""
        for block in self.blocks:
            n: i64 = len(block) // (self.stride + 2)
            end = n * self.stride
            addresses += block[:end]
            flags += block[end : end + n]
            stamps += block[end + n :]
        return addresses, flags, stamps
