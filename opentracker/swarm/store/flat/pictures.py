"""The snapshot of a shard: a row of 40 bytes for each torrent, all written at once, without an object for each.

====== =================================================================================
offset field of a row
====== =================================================================================
0      info_hash
20     u32 downloads, IPv4 leechers, IPv4 seeders, IPv6 leechers, IPv6 seeders, little-endian
====== =================================================================================
"""

from collections import Counter
from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i32_le
from mypy_extensions import i32, i64

from opentracker.swarm.store.door import Picture
from opentracker.swarm.store.flat.heads import (
    numbers_at,
)
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.layout import DOWNLOADS
from opentracker.swarm.store.flat.packing import addresses_at, write_info_hash
from opentracker.swarm.store.flat.shard import PLACE, Shard
from opentracker.swarm.store.flat.torrents import FlatTorrents
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.rows import KEY

WIDTH: Final = 40


class FlatPicture(Picture):
    """See Picture. `addresses` returns the current peers, not those of the snapshot."""

    def __init__(self, store: FlatTorrents, s: Shard) -> None:
        self.store = store
        self.shard = s
        out = BytesWriter()
        words, index = s.words, s.index
        i: i64 = 0
        while i <= s.mask:
            if index[i] != 0:
                at = index[i] & PLACE
                write_info_hash(out, words, at)
                swarm = store.swarm_at(s, at)
                if swarm is None:
                    n4, leechers4, n6, leechers6 = numbers_at(words, at)
                    write_i32_le(out, i32(words[at + 3] & DOWNLOADS))
                    write_i32_le(out, i32(leechers4))
                    write_i32_le(out, i32(n4 - leechers4))
                    write_i32_le(out, i32(leechers6))
                    write_i32_le(out, i32(n6 - leechers6))
                else:
                    write_i32_le(out, i32(swarm.downloaded))
                    for table in swarm.tables():
                        write_i32_le(out, i32(table.peers))
            i += 1
        self.rows = out.getvalue()

    def size(self) -> i64:
        """See Picture."""
        return len(self.rows) // WIDTH

    def info_hash(self, index: i64) -> bytes:
        """The info_hash of a torrent."""
        return self.rows[index * WIDTH : index * WIDTH + KEY]

    def counts(self, index: i64) -> tuple[i64, i64]:
        """Complete and incomplete of a torrent."""
        at = index * WIDTH + KEY
        rows = self.rows
        incomplete = i64(read_i32_le(rows, at + 4)) + i64(read_i32_le(rows, at + 12))
        return i64(read_i32_le(rows, at + 8)) + i64(read_i32_le(rows, at + 16)), incomplete

    def count(self, start: i64, end: i64) -> tuple[i64, i64, i64, i64]:
        """See Picture."""
        rows = self.rows
        leechers4: i64 = 0
        seeders4: i64 = 0
        leechers6: i64 = 0
        seeders6: i64 = 0
        while start < end:
            at = start * WIDTH + KEY
            leechers4 += i64(read_i32_le(rows, at + 4))
            seeders4 += i64(read_i32_le(rows, at + 8))
            leechers6 += i64(read_i32_le(rows, at + 12))
            seeders6 += i64(read_i32_le(rows, at + 16))
            start += 1
        return leechers4, seeders4, leechers6, seeders6

    def sizes(self, start: i64, end: i64) -> Counter[int]:
        """See Picture."""
        found: Counter[int] = Counter()
        while start < end:
            complete, incomplete = self.counts(start)
            found[int(complete + incomplete)] += 1
            start += 1
        return found

    def larger(self, start: i64, end: i64, least: i64) -> list[tuple[bytes, i64, i64]]:
        """See Picture."""
        found: list[tuple[bytes, i64, i64]] = []
        while start < end:
            complete, incomplete = self.counts(start)
            if complete + incomplete > least:
                found.append((self.info_hash(start), complete, incomplete))
            start += 1
        return found

    def addresses(self, index: i64, v6: bool) -> list[bytes]:
        """See Picture."""
        s = self.shard
        a0, a1, a2 = words_of(self.rows, index * WIDTH)
        at = s.find(self.store.keyed.of(a0, a1, a2), a0, a1, a2)
        if at == 0:
            return []
        swarm = self.store.swarm_at(s, at)
        if swarm is None:
            plane = addresses_at(s, at, v6)
            return [plane] if plane else []
        family = swarm.v6 if v6 else swarm.v4
        stride = STRIDE6 if v6 else STRIDE4
        blocks = family.blocks()
        return [block[: len(block) // (stride + 2) * stride] for block in blocks]
