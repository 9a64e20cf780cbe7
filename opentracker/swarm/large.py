"""The large swarm: hash-bucketed blocks of packed peers, so that size does not slow anything down.

A `PeerTable` holds the peers of one family that are all leechers or all seeders, in blocks of some tens of peers.
Which block a peer belongs to is told by linear hashing: one block is split in two for every few dozen newcomers and the
last one merged back when they leave, so no single announce ever pays for a rebuild.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED, Announce
from opentracker.swarm.peers import (
    BYTE,
    COMPLETED,
    STRIDE4,
    STRIDE6,
    find,
    insert,
    remove,
    share_of_family,
    share_of_leechers,
    without,
)
from opentracker.swarm.records import MOST_DOWNLOADED

BLOCK: Final = 64  # peers a block on average, at most; fewer cost memory (57 bytes a block), more cost time


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

    def index_in(self, at: i64, peer: bytes) -> i64:
        """The index of `peer` in block `at`, or -1."""
        block = self.blocks[at]
        return find(block, 0, len(block) // (self.stride + 2), self.stride, peer)

    def flags(self, at: i64, index: i64) -> i64:
        """The flags of a peer that is there."""
        block = self.blocks[at]
        return block[len(block) // (self.stride + 2) * self.stride + index]

    def refresh(self, at: i64, index: i64, stamp: i64) -> None:
        """Renew the stamp of a peer that is there."""
        block = self.blocks[at]
        at_stamp = len(block) // (self.stride + 2) * (self.stride + 1) + index
        if block[at_stamp] != stamp:
            self.blocks[at] = block[:at_stamp] + BYTE[stamp] + block[at_stamp + 1 :]

    def put(self, peer: bytes, flags: i64, stamp: i64) -> None:
        """Put a peer that is not there where it belongs, uncounted."""
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
        for index in range(n):
            self.put(
                block[index * stride : (index + 1) * stride],
                block[at_flags + index],
                block[at_flags + n + index],
            )

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
        addresses = self.leechers.window(few, asker_at, among_leechers, random)
        if few < want:
            addresses += self.seeders.window(want - few, asker_at, among_seeders, random)
        return addresses


NOBODY4: Final = Family(STRIDE4)  # stand for a family without peers, and are never changed
NOBODY6: Final = Family(STRIDE6)


class Swarm:
    """A torrent with many peers."""

    __slots__ = ("downloaded", "v4", "v6")

    def __init__(self, downloaded: int) -> None:
        self.downloaded: i64 = downloaded
        self.v4 = NOBODY4
        self.v6 = NOBODY6

    def own4(self) -> Family:
        """The IPv4 peers, to be changed."""
        if self.v4 is NOBODY4:
            self.v4 = Family(STRIDE4)
        return self.v4

    def own6(self) -> Family:
        """The IPv6 peers, to be changed."""
        if self.v6 is NOBODY6:
            self.v6 = Family(STRIDE6)
        return self.v6

    def size(self) -> i64:
        """How many peers there are."""
        return self.incomplete() + self.complete()

    def incomplete(self) -> i64:
        """How many leechers there are."""
        return self.v4.leechers.peers + self.v6.leechers.peers

    def complete(self) -> i64:
        """How many seeders there are."""
        return self.v4.seeders.peers + self.v6.seeders.peers

    def announce(self, a: Announce, minute: i64, random: Random) -> None:
        """Answer `a`, and store or remove its peer."""
        peer = a.peer
        seeding = a.seeding
        own = self.v4 if len(peer) == STRIDE4 else self.v6
        if own is NOBODY4 or own is NOBODY6:
            own = self.own4() if len(peer) == STRIDE4 else self.own6()
        if seeding:
            table, former = own.seeders, own.leechers
        else:
            table, former = own.leechers, own.seeders
        at = table.block_of(peer)
        block = table.blocks[at]
        index = find(block, 0, len(block) // (table.stride + 2), table.stride, peer)
        flags: i64 = 0
        if index < 0 and former.peers > 0 and (a.stored or a.event == EVENT_STOPPED):
            flags = former.take(peer)
        if a.event == EVENT_STOPPED:
            a.peers = a.peers6 = b""
            if index >= 0:
                table.remove(at, index)
                table.merge()
        else:
            if not WANT_V4_ONLY and a.both_families:
                self.hand_out_both(a, at, index, random)
            else:
                a.peers = own.hand_out(a.numwant, seeding, at, index, random)
            if a.stored:
                if a.event == EVENT_COMPLETED and seeding:
                    if index >= 0:
                        flags = table.flags(at, index)
                        table.remove(at, index)
                        index = -1
                    if flags & COMPLETED == 0:
                        flags |= COMPLETED
                        if self.downloaded < MOST_DOWNLOADED:
                            self.downloaded += 1
                if index >= 0:
                    table.refresh(at, index, minute & 255)
                else:
                    table.add(peer, flags, minute & 255)
        v4, v6 = self.v4, self.v6
        a.incomplete = v4.leechers.peers + v6.leechers.peers
        a.complete = v4.seeders.peers + v6.seeders.peers
        a.downloaded = self.downloaded

    def hand_out_both(self, a: Announce, at: i64, index: i64, random: Random) -> None:
        """Give peers of both families; `at` and `index` tell where the asker is in its own."""
        known = 1 if index >= 0 else 0
        if len(a.peer) == STRIDE4:
            want4 = share_of_family(a.numwant, self.v4.size() - known, self.v6.size())
            a.peers = self.v4.hand_out(want4, a.seeding, at, index, random)
            a.peers6 = self.v6.hand_out(a.numwant - want4, a.seeding, -1, -1, random)
        else:
            want4 = share_of_family(a.numwant, self.v4.size(), self.v6.size() - known)
            a.peers = self.v4.hand_out(want4, a.seeding, -1, -1, random)
            a.peers6 = self.v6.hand_out(a.numwant - want4, a.seeding, at, index, random)
