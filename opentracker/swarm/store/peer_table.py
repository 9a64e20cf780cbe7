"""A table whose blocks are bytes, see `peers`: for interpreted builds, in which slicing bytes is the fastest way."""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_MAX_PEER, WANT_SYNC_LIVE
from opentracker.swarm.store.peers import (
    BYTE,
    HOST4,
    HOST6,
    STRIDE4,
    find,
    insert,
    ports_in,
    remove,
    without,
)
from opentracker.swarm.store.table import SHARES, Table

if WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE:
    from opentracker.swarm.store.peers import FROM_SYNC, PARTIAL

# Most peers of a block on average. Fewer cost memory: 57 bytes a block, and holes in the heap, since a block that grows
# is a new object. More cost time: a renewal copies its block. Of 300 swarms of 1000 peers, blocks of 128 took a tenth
# more memory, and the store 5 % less of its time for a renewal.
BLOCK: Final = 256


class PeerTable(Table):
    """See Table."""

    __slots__ = ("blocks",)

    def __init__(self, stride: int, by_host: bool = False) -> None:
        super().__init__(stride, by_host, BLOCK)
        self.blocks = [b""]

    def block_of(self, peer: bytes) -> i64:
        """See Table."""
        if WANT_MAX_PEER and self.by_host:
            peer = self.share_of(peer, peer[self.stride - 1])
        at: i64 = hash(peer) & self.mask
        if at >= self.count:
            at &= self.mask >> 1  # its block has not been split yet
        return at

    def share_of(self, peer: bytes, number: i64) -> bytes:
        """The hash key of a host's peers whose ports end in the same bits as `number`."""
        host = peer[:HOST4] if self.stride == STRIDE4 else peer[:HOST6]
        return host + BYTE[number & (SHARES - 1)]

    def blocks_of_host(self, peer: bytes) -> set[int]:
        """The numbers of all blocks that may hold peers with the host of `peer`; needs `by_host`."""
        found: set[int] = set()
        for number in range(SHARES):
            at: int = hash(self.share_of(peer, number)) & self.mask
            found.add(at if at < self.count else at & (self.mask >> 1))
        return found

    def size_of(self, at: i64) -> i64:
        """See Table."""
        return len(self.blocks[at]) // (self.stride + 2)

    def block(self, at: i64) -> bytes:
        """See Table."""
        return self.blocks[at]

    def index_in(self, at: i64, peer: bytes) -> i64:
        """See Table."""
        block = self.blocks[at]
        return find(block, 0, len(block) // (self.stride + 2), self.stride, peer)

    def state(self, at: i64, index: i64) -> i64:
        """See Table."""
        block = self.blocks[at]
        size: i64 = len(block) // (self.stride + 2)
        flags: i64 = block[size * self.stride + index]
        return flags << 8 | block[size * (self.stride + 1) + index]

    def refresh(self, at: i64, index: i64, stamp: i64) -> i64:
        """See Table."""
        block = self.blocks[at]
        at_stamp = len(block) // (self.stride + 2) * (self.stride + 1) + index
        former: i64 = block[at_stamp]
        if former != stamp:
            self.blocks[at] = block[:at_stamp] + BYTE[stamp] + block[at_stamp + 1 :]
        return former

    def renew(self, peer: bytes, stamp: i64) -> tuple[i64, i64, i64]:
        """Renew the stamp of a peer, if it is there, has announced itself before, and is no partial seed.

        Returns its block, its index there, or -1, and its former stamp. It does the work of `block_of`, `index_in`,
        `state` and `refresh`, whose calls cost an interpreted announce a tenth of its time.
        """
        at: i64 = self.block_of(peer) if self.by_host else hash(peer) & self.mask
        blocks = self.blocks
        if at >= len(blocks):
            at &= self.mask >> 1
        block = blocks[at]
        offset: i64 = block.find(peer)
        stride = self.stride
        size: i64 = len(block) // (stride + 2)
        if offset < 0 or offset % stride != 0 or offset >= size * stride:
            return at, -1, 0
        index = offset // stride
        at_stamp = size * (stride + 1) + index
        if (WANT_EXTENDED_ANSWERS or WANT_SYNC_LIVE) and block[at_stamp - size] & (FROM_SYNC | PARTIAL) != 0:
            return at, -1, 0
        former: i64 = block[at_stamp]
        if former != stamp:
            blocks[at] = block[:at_stamp] + BYTE[stamp] + block[at_stamp + 1 :]
        return at, index, former

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """See Table."""
        block = self.blocks[at]
        at_flags = len(block) // (self.stride + 2) * self.stride + index
        flags: i64 = block[at_flags]
        if flags & flag != 0:
            self.blocks[at] = block[:at_flags] + BYTE[flags & ~flag] + block[at_flags + 1 :]

    def insert(self, at: i64, peer: bytes, flags: i64, stamp: i64) -> None:
        """See Table."""
        block = self.blocks[at]
        size: i64 = len(block) // (self.stride + 2)
        self.blocks[at] = insert(b"", block, 0, size, self.stride, size, peer, flags, stamp)

    def remove(self, at: i64, index: i64) -> None:
        """See Table."""
        block = self.blocks[at]
        self.blocks[at] = remove(b"", block, 0, len(block) // (self.stride + 2), self.stride, index)
        self.peers -= 1

    def expire(self, at: i64, expired: bytes) -> None:
        """See Table."""
        block, stride = self.blocks[at], self.stride
        size: i64 = len(block) // (stride + 2)
        at_flags, at_stamps = size * stride, size * (stride + 1)
        hits = block[at_stamps:].translate(expired)
        index: i64 = hits.find(1)
        if index < 0:
            return
        # The runs between expired peers are joined: to remove these one by one would make a block for each.
        addresses, flags, stamps = [], [], []
        first: i64 = 0
        while first < size:
            if index > first:
                addresses.append(block[first * stride : index * stride])
                flags.append(block[at_flags + first : at_flags + index])
                stamps.append(block[at_stamps + first : at_stamps + index])
            first = index + 1
            index = hits.find(1, first)
            if index < 0:
                index = size
        kept = b"".join(addresses + flags + stamps)
        self.blocks[at] = kept
        self.peers -= size - len(kept) // (stride + 2)

    def add_block(self) -> None:
        """See Table."""
        self.blocks.append(b"")

    def drop_block(self) -> None:
        """See Table."""
        self.blocks.pop()

    def move(self, at: i64) -> None:
        """See Table."""
        planes = self.blocks[at]
        self.blocks[at] = b""
        self.spread(planes)

    def ports_of(self, peer: bytes) -> list[bytes]:
        """See Table."""
        found: list[bytes] = []
        for at in self.blocks_of_host(peer):
            found += ports_in(self.blocks[at], 0, self.size_of(at), peer)
        return found

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """See Table. The blocks form one ring, and the result is a run of neighbours."""
        if asker_index < 0:
            asker_at = -1
        left = self.peers if asker_at < 0 else self.peers - 1
        if want < left:
            left = want
        if left <= 0:
            return b""
        stride = self.stride
        blocks = self.blocks
        # As `draw`, without its calls.
        count = len(blocks)
        longest = self.longest if count > 1 else self.peers
        while True:
            dart: i64 = random.randrange(count * longest)
            at = dart // longest
            first = dart % longest
            block = blocks[at]
            size: i64 = len(block) // (stride + 2)
            if at == asker_at:
                size -= 1
                if asker_index < first + left:
                    block = without(block, 0, size + 1, stride, asker_index)
            if first < size:
                break
        addresses = b""
        while first + left > size:
            addresses += block[first * stride : size * stride]
            left -= size - first
            first = 0
            at = at + 1 if at + 1 < count else 0
            block = blocks[at]
            size = len(block) // (stride + 2)
            if at == asker_at:
                size -= 1
                block = without(block, 0, size + 1, stride, asker_index)
        return addresses + block[first * stride : (first + left) * stride]

    def weight(self) -> i64:
        """See Table.

        A leecher that becomes a seeder may change the number of blocks without a call of `settle`. So the estimate does
        not use that number: it has a byte for each peer, which covers the most blocks that the table may have.
        """
        return self.peers * (self.stride + 3)
