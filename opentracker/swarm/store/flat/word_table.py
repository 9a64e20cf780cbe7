"""A table whose blocks are words, with peers as in small torrents: finding or renewing a peer makes no object."""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, read_i16_le, read_i64_le
from librt.vecs import append, vec
from mypy_extensions import i64, u8

from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import (
    FLAGS_AT,
    M8,
    M16,
    STAMP_AT,
    byte_of_flags,
    flags_of_byte,
    word_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, TAIL6, find, write_others, write_peers
from opentracker.swarm.store.peers import STRIDE4, ports_in
from opentracker.swarm.store.table import Table

BLOCK: Final = 192  # most peers of a block on average; fewer cost memory (120 bytes a block), more cost time
WORDS6: Final = 3  # of an IPv6 peer
SPARE: Final = 16  # a sixteenth of a block's words is left free when the block grows
LEAST_SPARE: Final = 6  # words that are left free beside that
PEER_WEIGHT: Final = 2  # bytes of memory of a peer beside its words: its part of the block's own


class Block:
    """The words of some peers; the first `used` words are in use."""

    __slots__ = ("used", "words")

    def __init__(self) -> None:
        self.words = vec[i64]()
        self.used: i64 = 0

    def resize(self, room: i64) -> None:
        """Move the used words into new memory for `room` words."""
        old = self.words
        new = vec[i64](capacity=room)
        i: i64 = 0
        while i < self.used:
            new = append(new, old[i])
            i += 1
        while i < room:
            new = append(new, i64(0))
            i += 1
        self.words = new


class WordTable(Table):
    """See Table."""

    def __init__(self, stride: int, by_host: bool = False) -> None:
        super().__init__(stride, by_host, BLOCK)
        self.step: i64 = STEP4 if stride == STRIDE4 else WORDS6
        self.tail: i64 = 0 if stride == STRIDE4 else TAIL6  # the number of a peer's word with flags and stamp
        self.blocks = [Block()]
        self.out = BytesWriter()
        self.keyed = KeyedHash()

    def block_of(self, peer: bytes) -> i64:
        """See Table."""
        if self.by_host:
            return super().block_of(peer)
        if self.step == STEP4:
            at = self.keyed.of(word_of_peer(peer, 0), 0, 0) & self.mask
        else:
            port = i64(read_i16_le(peer, 16)) & M16
            at = self.keyed.of(read_i64_le(peer, 0), read_i64_le(peer, 8), port) & self.mask
        return at if at < self.count else at & self.mask >> 1

    def size_of(self, at: i64) -> i64:
        """See Table."""
        return self.blocks[at].used // self.step

    def block(self, at: i64) -> bytes:
        """See Table."""
        block = self.blocks[at]
        words, step, used = block.words, self.step, block.used
        out = BytesWriter()
        write_peers(out, words, 0, step, 0, used // step)
        i = self.tail
        while i < used:
            out.append(u8(byte_of_flags(words[i] >> FLAGS_AT)))
            i += step
        i = self.tail
        while i < used:
            out.append(u8(words[i] >> STAMP_AT & M8))
            i += step
        return out.getvalue()

    def index_in(self, at: i64, peer: bytes) -> i64:
        """See Table."""
        block = self.blocks[at]
        if self.step == STEP4:
            return find(block.words, 0, STEP4, block.used, word_of_peer(peer, 0), 0, 0)
        port = i64(read_i16_le(peer, 16)) & M16
        first, second = read_i64_le(peer, 0), read_i64_le(peer, 8)
        return find(block.words, 0, WORDS6, block.used // WORDS6, first, second, port)

    def state(self, at: i64, index: i64) -> i64:
        """See Table."""
        word = self.blocks[at].words[index * self.step + self.tail]
        return byte_of_flags(word >> FLAGS_AT) << 8 | word >> STAMP_AT & M8

    def refresh(self, at: i64, index: i64, stamp: i64) -> i64:
        """See Table."""
        words = self.blocks[at].words
        i = index * self.step + self.tail
        word = words[i]
        words[i] = word & ~(M8 << STAMP_AT) | stamp << STAMP_AT
        return word >> STAMP_AT & M8

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """See Table."""
        words = self.blocks[at].words
        i = index * self.step + self.tail
        words[i] &= ~(flags_of_byte(flag) << FLAGS_AT)

    def insert(self, at: i64, peer: bytes, flags: i64, stamp: i64) -> None:
        """See Table."""
        block = self.blocks[at]
        used = block.used
        if used + self.step > len(block.words):
            block.resize(used + self.step + used // SPARE + LEAST_SPARE)
        words = block.words
        tail = stamp << STAMP_AT | flags_of_byte(flags) << FLAGS_AT
        if self.step == STEP4:
            words[used] = word_of_peer(peer, 0) | tail
        else:
            words[used] = read_i64_le(peer, 0)
            words[used + 1] = read_i64_le(peer, 8)
            words[used + TAIL6] = i64(read_i16_le(peer, 16)) & M16 | tail
        block.used = used + self.step

    def remove(self, at: i64, index: i64) -> None:
        """See Table. The block's last peer takes the place of the removed one."""
        block = self.blocks[at]
        words, step = block.words, self.step
        last = block.used - step
        i: i64 = 0
        while i < step:
            words[index * step + i] = words[last + i]
            i += 1
        block.used = last
        self.peers -= 1
        if last * 2 < len(words) - 2 * LEAST_SPARE:
            block.resize(last + LEAST_SPARE)

    def expire(self, at: i64, expired: bytes) -> None:
        """See Table."""
        block = self.blocks[at]
        index = block.used // self.step - 1
        while index >= 0:
            if expired[block.words[index * self.step + self.tail] >> STAMP_AT & M8] != 0:
                self.remove(at, index)
            index -= 1

    def add_block(self) -> None:
        """See Table."""
        self.blocks.append(Block())

    def drop_block(self) -> None:
        """See Table."""
        self.blocks.pop()

    def clear(self, at: i64) -> None:
        """See Table."""
        self.blocks[at] = Block()

    def ports_of(self, peer: bytes) -> list[bytes]:
        """See Table."""
        found: list[bytes] = []
        for at in self.blocks_of_host(peer):
            found += ports_in(self.block(at), 0, self.size_of(at), peer)
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
        out, step = self.out, self.step
        out.truncate(0)
        at, first = self.draw(asker_at, random)
        while left > 0:
            block = self.blocks[at]
            size = block.used // step
            own: i64 = -1
            if at == asker_at:
                own = asker_index
                size -= 1
            end = first + left if first + left < size else size
            write_others(out, block.words, 0, step, first, end, own)
            left -= end - first
            first = 0
            at += 1
            if at == self.count:
                at = 0
        return out.getvalue()

    def weight(self) -> i64:
        """See Table."""
        return self.peers * (self.step * 8 + PEER_WEIGHT)
