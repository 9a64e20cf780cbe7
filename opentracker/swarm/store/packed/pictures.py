"""The snapshot of a shard: lists of its keys and entries."""

from collections import Counter
from typing import Final

from mypy_extensions import i64

from opentracker.swarm.store.door import Picture
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, PEER6, counts, downloaded
from opentracker.swarm.store.rows import Rows

MOST_REMEMBERED: Final = 4096  # heads of records whose encoded counts are cached


class PackedPicture(Picture):
    """See Picture.

    Copying references in bulk lets the CPU overlap its cache misses: reading the copied entries costs a third of
    looking each of them up.
    """

    def __init__(self, shard: dict[bytes, bytes | Swarm]) -> None:
        self.keys = list(shard)
        self.entries = list(shard.values())

    def size(self) -> i64:
        """See Picture."""
        return len(self.keys)

    def note(self, start: i64, end: i64, rows: Rows) -> None:
        """See Picture."""
        buckets = rows.buckets
        remembered = rows.remembered
        first, width, shift = rows.first, rows.width, rows.shift
        keys, entries = self.keys, self.entries
        noted: i64 = 0
        for index in range(start, end):
            info_hash = keys[index]
            place: i64 = info_hash[0]
            place = (place << 8 | info_hash[1]) - first
            if place < 0 or place >= width:
                continue
            entry = entries[index]
            if isinstance(entry, Swarm):
                code = rows.code(entry.complete(), entry.downloaded, entry.incomplete())
            elif len(entry) > HEADER_SIZE and len(entry) == HEADER_SIZE + PEER4 * entry[4]:
                head = entry[:HEADER_SIZE]  # without IPv6 peers the head has all counts
                known = remembered.get(head)
                code = code_of_head(entry, head, rows) if known is None else known
            else:
                code = code_of(entry, rows)
            buckets[place >> shift] += info_hash + code
            noted += 1
        rows.rows += noted

    def count(self, start: i64, end: i64) -> tuple[i64, i64, i64, i64]:
        """See Picture. All heads of records are summed at once, which is the fastest way interpreted."""
        entries = self.entries[start:end]
        records = [entry for entry in entries if not isinstance(entry, Swarm) and len(entry) > HEADER_SIZE]
        heads = b"".join([record[:HEADER_SIZE] for record in records])
        n4 = sum(heads[4::HEADER_SIZE])
        leechers4 = sum(heads[5::HEADER_SIZE])
        leechers6 = sum(heads[6::HEADER_SIZE])
        size = sum([len(record) for record in records])
        n6 = (size - HEADER_SIZE * len(records) - PEER4 * n4) // PEER6
        seeders4, seeders6 = n4 - leechers4, n6 - leechers6
        if len(records) < len(entries):
            for entry in entries:
                if isinstance(entry, Swarm):
                    leechers4 += entry.v4.leechers.peers
                    seeders4 += entry.v4.seeders.peers
                    leechers6 += entry.v6.leechers.peers
                    seeders6 += entry.v6.seeders.peers
        return leechers4, seeders4, leechers6, seeders6

    def sizes(self, start: i64, end: i64) -> Counter[int]:
        """See Picture. Most records have one of few shapes: a length and a number of IPv4 peers."""
        found: Counter[int] = Counter()
        entries = self.entries[start:end]
        records = [entry for entry in entries if not isinstance(entry, Swarm)]
        shapes = Counter([(len(record), record[4]) for record in records])
        for (length, n4), torrents in shapes.items():
            peers = n4 + (length - HEADER_SIZE - PEER4 * n4) // PEER6 if length > HEADER_SIZE else 0
            found[peers] += torrents
        if len(records) < len(entries):
            found.update([int(entry.size()) for entry in entries if isinstance(entry, Swarm)])
        return found

    def larger(self, start: i64, end: i64, least: i64) -> list[tuple[bytes, i64, i64]]:
        """See Picture. Records that are too short for more than `least` peers are skipped by their length."""
        found: list[tuple[bytes, i64, i64]] = []
        most = HEADER_SIZE + PEER4 * least
        for index in range(start, end):
            entry = self.entries[index]
            if isinstance(entry, Swarm):
                found.append((self.keys[index], entry.complete(), entry.incomplete()))
            elif len(entry) > most:
                n4, leechers4, n6, leechers6 = counts(entry)
                incomplete = leechers4 + leechers6
                found.append((self.keys[index], n4 + n6 - incomplete, incomplete))
        return found

    def addresses(self, index: i64, v6: bool) -> list[bytes]:
        """See Picture."""
        entry = self.entries[index]
        stride = STRIDE6 if v6 else STRIDE4
        if isinstance(entry, Swarm):
            family = entry.v6 if v6 else entry.v4
            blocks = family.blocks()
            return [block[: len(block) // (stride + 2) * stride] for block in blocks]
        n4, _, n6, _ = counts(entry)
        start = HEADER_SIZE + PEER4 * n4 if v6 else HEADER_SIZE
        n = n6 if v6 else n4
        return [entry[start : start + n * stride]] if n > 0 else []


def code_of(record: bytes, rows: Rows) -> bytes:
    """The counts of a small torrent, encoded for a row."""
    n4, leechers4, n6, leechers6 = counts(record)
    incomplete = leechers4 + leechers6
    return rows.code(n4 + n6 - incomplete, downloaded(record), incomplete)


def code_of_head(record: bytes, head: bytes, rows: Rows) -> bytes:
    """As `code_of`, with the result cached by the record's head."""
    if len(rows.remembered) >= MOST_REMEMBERED:
        rows.remembered.clear()
    code = rows.remembered[head] = code_of(record, rows)
    return code
