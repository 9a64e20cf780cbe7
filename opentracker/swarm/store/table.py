"""Peers of a large swarm in hash-bucketed blocks, so that the cost of an announce does not grow with the swarm.

A `Table` holds the leechers or the seeders of one family, in blocks of some hundreds of peers. Linear hashing chooses
the block of a peer: one block is split in two for every few hundred new peers, and the last one is merged back when
peers leave, so no single announce pays for a rebuild. A subclass defines the memory layout of a block: bytes in
`peer_table`, words in `word_table`.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64, mypyc_attr

from opentracker._features import WANT_EXTENDED_ANSWERS

if WANT_EXTENDED_ANSWERS:
    from opentracker.swarm.store.peers import PARTIAL, partial_in

SHARES: Final = 16  # blocks over which the peers of one host are spread, with `by_host`


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class Table:
    """Leechers or seeders of one address family; a block has `most` peers on average at most.

    With `by_host` all peers of one host are in SHARES blocks, chosen by the last bits of their ports, so that they can
    be counted. In a single block, a host with a thousand ports would make the block far longer than all others, and
    most tries of `draw` would miss.
    """

    __slots__ = ("by_host", "count", "had_partial_seeds", "longest", "mask", "most", "peers", "stride")

    def __init__(self, stride: i64, by_host: bool, most: i64) -> None:
        self.stride = stride
        self.by_host = by_host
        self.most = most
        self.count: i64 = 1  # blocks
        self.peers: i64 = 0
        self.mask: i64 = 0  # 2^k - 1, not below the last block's number; k may be one more than needed
        self.longest: i64 = 0  # no block holds more peers than this
        if WANT_EXTENDED_ANSWERS:
            self.had_partial_seeds = False  # so that they are counted only where there may be some

    # ---- Defined by a subclass ----

    def block_of(self, peer: bytes) -> i64:
        """The number of the block that `peer` belongs to."""
        raise NotImplementedError

    def size_of(self, at: i64) -> i64:
        """The number of peers of a block."""
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
        """Renew the stamp of a peer that is there, and return the former stamp."""
        raise NotImplementedError

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """Clear a flag of a peer that is there."""
        raise NotImplementedError

    def insert(self, at: i64, peer: bytes, flags: i64, stamp: i64) -> None:
        """Append a peer to a block, without counting it."""
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

    def move(self, at: i64) -> None:
        """Put each peer of a block into the block that it belongs to since the number of blocks has changed."""
        raise NotImplementedError

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of `want` peers without the asking one; every other peer has the same chance."""
        raise NotImplementedError

    def ports_of(self, peer: bytes) -> list[bytes]:
        """The peers with the host of `peer`; needs `by_host`."""
        raise NotImplementedError

    def weight(self) -> i64:
        """Approximate bytes of memory of the peers, by their number alone."""
        raise NotImplementedError

    # ---- Adding and removing peers ----

    def has(self, peer: bytes) -> bool:
        """Whether the table holds a peer."""
        return self.index_in(self.block_of(peer), peer) >= 0

    def put(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Put a peer that is not there into its block, without counting it."""
        at = self.block_of(peer)
        self.insert(at, peer, flags, stamp)
        self.note(self.size_of(at))
        if WANT_EXTENDED_ANSWERS and flags & PARTIAL != 0:
            self.had_partial_seeds = True

    def note(self, size: i64) -> None:
        """Raise `longest` to the size of a block that has grown."""
        if size > self.longest:
            self.longest = size

    def add(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Add a peer that is not there."""
        self.put(peer, flags, stamp)
        self.peers += 1
        if self.peers > self.most * self.count:
            self.split()

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
        new = self.count
        if new > self.mask:
            self.mask = self.mask * 2 + 1
        self.add_block()
        self.count += 1
        self.move(new & (self.mask >> 1))

    def merge(self) -> bool:
        """Merge the last block into the one it was split from, if blocks are thinly filled."""
        if self.count == 1 or self.peers * 2 >= self.most * (self.count - 1):
            return False
        self.count -= 1
        if self.count <= self.mask >> 1:
            self.mask >>= 1
            self.measure()
        self.move(self.count)
        self.drop_block()
        return True

    def measure(self) -> None:
        """Set `longest` anew; called each time the number of blocks has halved."""
        self.longest = 0
        for at in range(self.count):
            size = self.size_of(at)
            if size > self.longest:
                self.longest = size

    def spread(self, planes: bytes) -> None:
        """Put the peers of some planes, which are counted already, into their blocks."""
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
        """Add peers that are not there. The blocks are made first: splitting full ones would cost more."""
        self.peers += len(planes) // (self.stride + 2)
        while self.peers > self.most * self.count:
            self.split()
        self.spread(planes)

    # ---- Reading ----

    def draw(self, asker_at: i64, random: Random) -> tuple[i64, i64]:
        """Draw a random peer: its block, and its index there, not counting the asking one (in block `asker_at`, or -1).

        It draws random cells of a board of blocks × longest until one holds a peer, so that every peer has the same
        chance. There has to be a peer.
        """
        longest = self.longest if self.count > 1 else self.peers
        while True:
            dart: i64 = random.randrange(self.count * longest)
            at = dart // longest
            first = dart - at * longest
            size = self.size_of(at)
            if first < (size if at != asker_at else size - 1):
                return at, first

    def partial_seeds(self) -> i64:
        """The number of partial seeds: half a millisecond for 100,000 peers in an interpreted build."""
        found: i64 = 0
        if WANT_EXTENDED_ANSWERS and self.had_partial_seeds:
            stride = self.stride
            at: i64 = 0
            while at < self.count:
                block = self.block(at)
                n: i64 = len(block) // (stride + 2)
                found += partial_in(block[n * stride : n * (stride + 1)])
                at += 1
        return found

    def planes(self) -> tuple[bytes, bytes, bytes]:
        """All addresses, all flags and all stamps."""
        addresses: list[bytes] = []
        flags: list[bytes] = []
        stamps: list[bytes] = []
        stride = self.stride
        for at in range(self.count):
            block = self.block(at)
            n: i64 = len(block) // (stride + 2)
            end = n * stride
            addresses.append(block[:end])
            flags.append(block[end : end + n])
            stamps.append(block[end + n :])
        return b"".join(addresses), b"".join(flags), b"".join(stamps)
