"""The large swarm: hash-bucketed blocks of packed peers, so that size does not slow anything down.

A `PeerTable` holds the peers of one family that are all leechers or all seeders, in blocks of some tens of peers.
Which block a peer belongs to is told by linear hashing: one block is split in two for every few dozen newcomers and the
last one merged back when they leave, so no single announce ever pays for a rebuild.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.peers import (
    COMPLETED,
    STRIDE4,
    STRIDE6,
    find,
    insert,
    refresh,
    remove,
    share_of_family,
    share_of_leechers,
    without,
)
from opentracker.swarm.records import MOST_DOWNLOADED

BLOCK: Final = 32  # peers a block on average, at most; fewer cost memory (34 bytes a block), more cost time


class PeerTable:
    """Leechers or seeders of one address family."""

    __slots__ = ("blocks", "longest", "mask", "peers", "stride")

    def __init__(self, stride: int) -> None:
        self.stride: i64 = stride
        self.blocks = [b""]
        self.peers: i64 = 0
        self.mask: i64 = 0  # the least 2^k - 1 that is not below the last block's number
        self.longest: i64 = 0  # no block has held more peers than this

    def block_of(self, peer: bytes) -> i64:
        """The number of the block that `peer` belongs to."""
        at: i64 = hash(peer) & self.mask
        if at >= len(self.blocks):
            at &= self.mask >> 1  # its block has not been split yet
        return at

    def size(self, at: i64) -> i64:
        """How many peers block `at` holds."""
        return len(self.blocks[at]) // (self.stride + 2)

    def index_in(self, at: i64, peer: bytes) -> i64:
        """The index of `peer` in block `at`, or -1."""
        return find(self.blocks[at], 0, self.size(at), self.stride, peer)

    def flags(self, at: i64, index: i64) -> i64:
        """The flags of a peer that is there."""
        return i64(self.blocks[at][self.size(at) * self.stride + index])

    def stamp(self, at: i64, index: i64) -> i64:
        """The stamp of a peer that is there."""
        return i64(self.blocks[at][self.size(at) * (self.stride + 1) + index])

    def refresh(self, at: i64, index: i64, flags: i64, stamp: i64) -> None:
        """Renew the flags and stamp of a peer that is there."""
        self.blocks[at] = refresh(self.blocks[at], 0, self.size(at), self.stride, index, flags, stamp)

    def add(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Add a peer that is not there."""
        at = self.block_of(peer)
        size = self.size(at)
        self.blocks[at] = insert(b"", self.blocks[at], 0, size, self.stride, size, peer, flags, stamp)
        self.peers += 1
        if size >= self.longest:
            self.longest = size + 1
        if self.peers > BLOCK * len(self.blocks):
            self.split()

    def remove(self, at: i64, index: i64) -> None:
        """Remove a peer that is there; never moves peers of another block."""
        self.blocks[at] = remove(b"", self.blocks[at], 0, self.size(at), self.stride, index)
        self.peers -= 1

    def take(self, peer: bytes) -> i64:
        """Remove a peer that may be there; its flags, or 0."""
        at = self.block_of(peer)
        index = self.index_in(at, peer)
        if index < 0:
            return 0
        flags = self.flags(at, index)
        self.remove(at, index)
        self.merge()
        return flags

    def split(self) -> None:
        """Make one more block, of the peers of the oldest unsplit one that belong there."""
        new: i64 = len(self.blocks)
        if new > self.mask:
            self.mask = self.mask * 2 + 1
        old = new & (self.mask >> 1)
        block = self.blocks[old]
        self.blocks[old] = b""
        self.blocks.append(b"")
        self.spread(block)

    def merge(self) -> bool:
        """Give the peers of the last block back to the one it was split from, if blocks are thinly filled."""
        if len(self.blocks) == 1 or self.peers * 2 >= BLOCK * (len(self.blocks) - 1):
            return False
        block = self.blocks.pop()
        if len(self.blocks) <= self.mask >> 1:
            self.mask >>= 1
        self.spread(block)
        return True

    def spread(self, block: bytes) -> None:
        """Put the peers of a block, which are counted already, where they belong."""
        stride = self.stride
        n: i64 = len(block) // (stride + 2)
        at_flags = n * stride
        index: i64 = 0
        while index < n:
            peer = block[index * stride : (index + 1) * stride]
            at = self.block_of(peer)
            size = self.size(at)
            flags = i64(block[at_flags + index])
            stamp = i64(block[at_flags + n + index])
            self.blocks[at] = insert(b"", self.blocks[at], 0, size, stride, size, peer, flags, stamp)
            if size >= self.longest:
                self.longest = size + 1
            index += 1

    def load(self, block: bytes) -> None:
        """Take in a block of peers that are not there."""
        self.peers += len(block) // (self.stride + 2)
        self.spread(block)
        while self.peers > BLOCK * len(self.blocks):
            self.split()

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of `want` peers, the asker left out; every other has the same chance.

        The blocks are taken for one ring. A place on it is drawn by throwing darts at a board of blocks × longest
        until one hits a peer, so that every peer is the first one with the same chance.
        """
        stride = self.stride
        blocks: i64 = len(self.blocks)
        left = self.peers - (1 if asker_index >= 0 else 0)
        if want < left:
            left = want
        if left <= 0:
            return b""
        while True:
            dart = random.randrange(blocks * self.longest)
            at, first = dart // self.longest, dart % self.longest
            if first < self.size(at) - (1 if at == asker_at and asker_index >= 0 else 0):
                break
        pieces: list[bytes] = []
        while left > 0:
            block = self.blocks[at]
            end: i64 = len(block) // (stride + 2) * stride
            if at == asker_at and asker_index >= 0:
                block = without(block, 0, end // stride, stride, asker_index)
                end -= stride
            begin = first * stride
            if begin + left * stride < end:
                end = begin + left * stride
            pieces.append(block[begin:end])
            left -= (end - begin) // stride
            first = 0
            at += 1
            if at == blocks:
                at = 0
        return b"".join(pieces)

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


class Family:
    """The peers of a large swarm that have addresses of one family."""

    __slots__ = ("leechers", "seeders")

    def __init__(self, stride: int) -> None:
        self.leechers = PeerTable(stride)
        self.seeders = PeerTable(stride)

    def size(self) -> i64:
        """How many peers there are."""
        return self.leechers.peers + self.seeders.peers

    def load(self, planes: bytes, leechers: i64) -> None:
        """Take in the planes of a small torrent's peers, of which the first are leechers."""
        stride = self.leechers.stride
        n: i64 = len(planes) // (stride + 2)
        border, flags, stamps = leechers * stride, n * stride, n * (stride + 1)
        self.leechers.load(
            planes[:border] + planes[flags : flags + leechers] + planes[stamps : stamps + leechers]
        )
        self.seeders.load(
            planes[border:flags] + planes[flags + leechers : stamps] + planes[stamps + leechers :]
        )

    def hand_out(self, want: i64, seeding: bool, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """The addresses of up to `want` peers, leechers first.

        The asker, if `asker_index` is not -1, is in block `asker_at` of the seeders (`seeding`) or the leechers.
        """
        leechers, seeders = self.leechers.peers, self.seeders.peers
        among_leechers: i64 = -1
        among_seeders: i64 = -1
        if asker_index >= 0:
            if seeding:
                seeders -= 1
                among_seeders = asker_index
            else:
                leechers -= 1
                among_leechers = asker_index
        few = leechers
        if want < leechers + seeders:
            few = share_of_leechers(leechers, seeders, want, seeding, random)
        return self.leechers.window(few, asker_at, among_leechers, random) + self.seeders.window(
            want - few, asker_at, among_seeders, random
        )


class Swarm:
    """A torrent with many peers."""

    __slots__ = ("downloaded", "v4", "v6")

    def __init__(self, downloaded: int) -> None:
        self.downloaded: i64 = downloaded
        self.v4 = Family(STRIDE4)
        self.v6 = Family(STRIDE6)

    def incomplete(self) -> i64:
        """How many leechers there are."""
        return self.v4.leechers.peers + self.v6.leechers.peers

    def complete(self) -> i64:
        """How many seeders there are."""
        return self.v4.seeders.peers + self.v6.seeders.peers

    def announce(self, a: Announce, minute: i64, random: Random) -> None:
        """Answer `a`, and store or remove its peer."""
        v4 = len(a.peer) == STRIDE4
        own, other = (self.v4, self.v6) if v4 else (self.v6, self.v4)
        table, former = (own.seeders, own.leechers) if a.seeding else (own.leechers, own.seeders)
        at = table.block_of(a.peer)
        index = table.index_in(at, a.peer)
        flags: i64 = 0
        if index >= 0:
            flags = table.flags(at, index)
        else:
            flags = former.take(a.peer)
        own_peers = other_peers = b""
        if a.event == EVENT_STOPPED:
            if index >= 0:
                table.remove(at, index)
                table.merge()
        else:
            want = a.numwant
            if not WANT_V4_ONLY and not WANT_V6:
                if a.both_families:
                    want = share_of_family(want, own.size() - (1 if index >= 0 else 0), other.size())
                    other_peers = other.hand_out(a.numwant - want, a.seeding, -1, -1, random)
            own_peers = own.hand_out(want, a.seeding, at, index, random)
            if a.stored:
                if a.event == EVENT_COMPLETED and a.seeding and flags & COMPLETED == 0:
                    flags |= COMPLETED
                    if self.downloaded < MOST_DOWNLOADED:
                        self.downloaded += 1
                if index >= 0:
                    table.refresh(at, index, flags, minute & 255)
                else:
                    table.add(a.peer, flags, minute & 255)
        a.peers, a.peers6 = (own_peers, other_peers) if v4 else (other_peers, own_peers)
        a.incomplete = self.incomplete()
        a.complete = self.complete()
        a.downloaded = self.downloaded
