"""A table whose blocks are words, see `block`: finding or renewing a peer, or writing peers, makes no object."""

from typing import Final

from librt.random import Random
from librt.strings import BytesWriter
from librt.vecs import extend, vec
from mypy_extensions import i32, i64, mypyc_attr, u8

from opentracker._features import WANT_EXTENDED_ANSWERS, WANT_MAX_PEER
from opentracker.swarm.store.flat.block import GRID, Block
from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import (
    FLAGS_AT,
    M8,
    M16,
    M32,
    M48,
    PARTIAL_AT,
    STAMP_AT,
    byte_of_flags,
    flags_of_byte,
    words_of_peer,
)
from opentracker.swarm.store.flat.members import (
    STEP4,
    TAIL6,
    copy_peer,
    exchange,
    find,
    write_others,
    write_peers,
)
from opentracker.swarm.store.peers import STRIDE4, ports_in
from opentracker.swarm.store.table import SHARES, Table

BLOCK: Final = (
    1024  # most peers of a block on average: fewer cost memory, more cost time when a block is split
)
WORDS6: Final = 3  # of an IPv6 peer
BUCKET_AT: Final = 32  # bits of the hash; a table has fewer blocks
PORT_AT: Final = 40  # bits of an IPv4 peer: the last byte of its port
PORT6_AT: Final = 8  # the same of an IPv6 peer's last word
PEER_WEIGHT: Final = 1  # bytes of memory of a peer beside its words: buckets, room

KEYED: Final = KeyedHash()
NO_BLOCKS: Final[list[Block]] = []  # of all tables with one block; never changed
OUT: Final = BytesWriter()  # of all tables; a new one would take more memory than a small table's other parts


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class WordTable(Table):
    """See Table."""

    def __init__(self, stride: int, by_host: bool = False) -> None:
        super().__init__(stride, by_host, BLOCK)
        self.step: i64 = STEP4 if stride == STRIDE4 else WORDS6  # the last word has flags and stamp
        # Most tables have one block: a list of it would be 80 bytes more, and two more lines of memory to read.
        self.first = Block(0, self.step)
        self.others = NO_BLOCKS

    def block_at(self, at: i64) -> Block:
        """Block `at`."""
        return self.first if at == 0 else self.others[at - 1]

    def replace(self, at: i64, block: Block) -> None:
        """Put another block in the place of block `at`."""
        if at == 0:
            self.first = block
        else:
            self.others[at - 1] = block

    # ---- By words ----

    def hash_of(self, p0: i64, p1: i64, p2: i64) -> i64:
        """The hash of a peer given as words; an IPv4 peer is `p0` alone."""
        if WANT_MAX_PEER and self.by_host:
            share = (p0 >> PORT_AT if self.step == STEP4 else p2 >> PORT6_AT) & (SHARES - 1)
            return self.hash_of_share(p0, share)
        return KEYED.of(p0 & M48, 0, 0) if self.step == STEP4 else KEYED.of(p0, p1, p2 & M16)

    def hash_of_share(self, p0: i64, share: i64) -> i64:
        """The hash of those peers of a host whose ports end in the bits of `share`."""
        return KEYED.of(p0 & M32 if self.step == STEP4 else p0, 1, share)

    def hash_at(self, words: vec[i64], number: i64) -> i64:
        """The hash of a peer in some words."""
        at = number * self.step
        if self.step == STEP4:
            return self.hash_of(words[at], 0, 0)
        return self.hash_of(words[at], words[at + 1], words[at + TAIL6])

    def block_by(self, h: i64) -> i64:
        """The number of the block of peers with this hash."""
        at = h & self.mask
        return at if at < self.count else at & self.mask >> 1

    def find_in(self, at: i64, h: i64, p0: i64, p1: i64, p2: i64) -> i64:
        """The index of a peer in block `at`, or -1."""
        block = self.block_at(at)
        starts = block.starts
        bucket = h >> BUCKET_AT & (len(starts) - 2)
        first = i64(starts[bucket])
        step = self.step
        number = find(block.words, first * step, step, i64(starts[bucket + 1]) - first, p0, p1, p2)
        if number < 0:
            return -1  # in an expression beside an i64, the literal would make an object of both
        return first + number

    def look_at(self, p0: i64, p1: i64, p2: i64) -> i64:
        """Read a word of the bucket of a peer, and return it; see Store.bring_near."""
        h = self.hash_of(p0, p1, p2)
        block = self.block_at(self.block_by(h))
        starts, words = block.starts, block.words
        at = i64(starts[h >> BUCKET_AT & (len(starts) - 2)]) * self.step
        return words[at] if at < len(words) else 0

    def sorted(self, words: vec[i64], n: i64, room: i64) -> Block:
        """A block of the first `n` peers of some words, with room for `room` peers."""
        step = self.step
        block = Block(room, step)
        block.peers = n
        new, starts, mask = block.words, block.starts, block.mask()
        buckets = vec[i64]([0] * n)
        number: i64 = 0
        while number < n:
            bucket = self.hash_at(words, number) >> BUCKET_AT & mask
            buckets[number] = bucket
            starts[bucket] += 1
            number += 1
        bucket = 0
        while bucket <= mask:  # from the size of each bucket to its end
            starts[bucket + 1] += starts[bucket]
            bucket += 1
        number = 0
        while number < n:
            bucket = buckets[number]
            starts[bucket] -= 1
            source, target = number * step, i64(starts[bucket]) * step
            i: i64 = 0
            while i < step:
                new[target + i] = words[source + i]
                i += 1
            number += 1
        return block

    def move(self, at: i64) -> None:
        """See Table. Half of the peers or so stay where they are, or all go to one other block."""
        step = self.step
        block = self.block_at(at)
        words, n = block.words, block.peers
        target: i64 = -1
        staying: i64 = 0
        end = n
        while staying < end:  # those that move go behind the others
            place = self.block_by(self.hash_at(words, staying))
            if place == at:
                staying += 1
            else:
                target = place
                end -= 1
                exchange(words, staying * step, end * step, step)
        if target >= 0:
            other = self.block_at(target)
            moving = extend(words[staying * step : n * step], other.words[: other.peers * step])
            n = len(moving) // step
            self.replace(target, self.sorted(moving, n, n))
            self.note(n)
        self.replace(at, self.sorted(words, staying, staying))

    # ---- As a Table ----

    def block_of(self, peer: bytes) -> i64:
        """See Table."""
        p0, p1, p2 = words_of_peer(peer)
        return self.block_by(self.hash_of(p0, p1, p2))

    def index_in(self, at: i64, peer: bytes) -> i64:
        """See Table."""
        p0, p1, p2 = words_of_peer(peer)
        return self.find_in(at, self.hash_of(p0, p1, p2), p0, p1, p2)

    def size_of(self, at: i64) -> i64:
        """See Table."""
        return self.block_at(at).peers

    def block(self, at: i64) -> bytes:
        """See Table."""
        block = self.block_at(at)
        words, step, tail = block.words, self.step, self.step - 1
        used = block.peers * step
        out = BytesWriter()
        write_peers(out, words, 0, step, 0, used // step)
        i = tail
        while i < used:
            out.append(u8(byte_of_flags(words[i] >> FLAGS_AT)))
            i += step
        i = tail
        while i < used:
            out.append(u8(words[i] >> STAMP_AT & M8))
            i += step
        return out.getvalue()

    def state(self, at: i64, index: i64) -> i64:
        """See Table."""
        word = self.block_at(at).words[(index + 1) * self.step - 1]
        return byte_of_flags(word >> FLAGS_AT) << 8 | word >> STAMP_AT & M8

    def partial_seeds(self) -> i64:
        """See Table."""
        found: i64 = 0
        if WANT_EXTENDED_ANSWERS and self.had_partial_seeds:
            at: i64 = 0
            while at < self.count:
                block = self.block_at(at)
                words, used = block.words, block.peers * self.step
                i = self.step - 1
                while i < used:
                    found += words[i] >> PARTIAL_AT & 1
                    i += self.step
                at += 1
        return found

    def refresh(self, at: i64, index: i64, stamp: i64) -> i64:
        """See Table."""
        words = self.block_at(at).words
        i = (index + 1) * self.step - 1
        word = words[i]
        words[i] = word & ~(M8 << STAMP_AT) | stamp << STAMP_AT
        return word >> STAMP_AT & M8

    def unmark(self, at: i64, index: i64, flag: i64) -> None:
        """See Table."""
        words = self.block_at(at).words
        i = (index + 1) * self.step - 1
        words[i] &= ~(flags_of_byte(flag) << FLAGS_AT)

    def insert(self, at: i64, peer: bytes, flags: i64, stamp: i64) -> None:
        """See Table."""
        p0, p1, p2 = words_of_peer(peer)
        step = self.step
        block = self.block_at(at)
        if block.is_crowded():
            n = block.peers
            block = self.sorted(block.words, n, n + 1)
            self.replace(at, block)
        number = block.open(self.hash_of(p0, p1, p2) >> BUCKET_AT & block.mask(), step)
        words = block.words
        tail = stamp << STAMP_AT | flags_of_byte(flags) << FLAGS_AT
        i = number * step
        if step == STEP4:
            words[i] = p0 | tail
        else:
            words[i] = p0
            words[i + 1] = p1
            words[i + TAIL6] = p2 | tail

    def load(self, planes: bytes) -> None:
        """See Table."""
        n: i64 = len(planes) // (self.stride + 2)
        if self.peers == 0 and n <= self.most:
            self.replace(0, Block(n, self.step))
        super().load(planes)

    def remove(self, at: i64, index: i64) -> None:
        """See Table."""
        block = self.block_at(at)
        block.close(self.hash_at(block.words, index) >> BUCKET_AT & block.mask(), index, self.step)
        self.peers -= 1
        n = block.peers
        if n * self.step * 2 + GRID < len(block.words):
            self.replace(at, self.sorted(block.words, n, n))

    def expire(self, at: i64, expired: bytes) -> None:
        """See Table."""
        block = self.block_at(at)
        words, starts, step, tail = block.words, block.starts, self.step, self.step - 1
        n = block.peers
        kept: i64 = 0
        number: i64 = 0
        bucket: i64 = 0
        while bucket <= block.mask():
            end = i64(starts[bucket + 1])
            starts[bucket] = i32(kept)
            while number < end:
                if expired[words[number * step + tail] >> STAMP_AT & M8] == 0:
                    copy_peer(words, 0, step, number, kept)
                    kept += 1
                number += 1
            bucket += 1
        starts[bucket] = i32(kept)
        block.peers = kept
        self.peers -= n - kept
        if kept * step * 2 + GRID < len(words):
            self.replace(at, self.sorted(words, kept, kept))

    def add_block(self) -> None:
        """See Table."""
        if not self.others:
            self.others = []
        self.others.append(Block(0, self.step))

    def drop_block(self) -> None:
        """See Table."""
        self.others.pop()

    def ports_of(self, peer: bytes) -> list[bytes]:
        """See Table."""
        p0, _p1, _p2 = words_of_peer(peer)
        found: list[bytes] = []
        share: i64 = 0
        while share < SHARES:
            h = self.hash_of_share(p0, share)
            block = self.block_at(self.block_by(h))
            bucket = h >> BUCKET_AT & block.mask()
            out = BytesWriter()
            first, end = i64(block.starts[bucket]), i64(block.starts[bucket + 1])
            write_peers(out, block.words, 0, self.step, first, end)
            for other in ports_in(out.getvalue(), 0, end - first, peer):
                q0, q1, q2 = words_of_peer(other)
                if self.hash_of(q0, q1, q2) == h:
                    found.append(other)
            share += 1
        return found

    def window(self, want: i64, asker_at: i64, asker_index: i64, random: Random) -> bytes:
        """See Table."""
        OUT.truncate(0)
        self.write_window(OUT, want, asker_at, asker_index, random)
        return OUT.getvalue()

    def write_window(
        self, out: BytesWriter, want: i64, asker_at: i64, asker_index: i64, random: Random
    ) -> None:
        """Append the result of `window`. The blocks form one ring, and the result is a run of neighbours."""
        if asker_index < 0:
            asker_at = -1
        left = self.peers if asker_at < 0 else self.peers - 1
        if want < left:
            left = want
        if left <= 0:
            return
        step = self.step
        at, first = self.draw(asker_at, random)
        while left > 0:
            block = self.block_at(at)
            size = block.peers
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

    def weight(self) -> i64:
        """See Table."""
        return self.peers * (self.step * 8 + PEER_WEIGHT)
