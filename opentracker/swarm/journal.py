"""A store that notes which torrents have changed, while the state is handed over to another process.

It stands before the store of a tracker for that time alone, so that an announce costs nothing more at any other time.
Cleaning is not noted: the other process expires the same peers itself.

A small torrent that has changed is given anew. Of a large one the announces are given, to be carried out again: a hot
swarm would otherwise be given as a whole in each round.

====== =====================================================================
offset field of an announce, numbers big-endian
====== =====================================================================
0      u32 minute
4      u8 of flags: STORED, SEEDING
5      u8 event
6      u8 size of the peer, 6 or 18
7      info_hash
27     peer
====== =====================================================================
"""

from collections.abc import Iterator
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.protocol.messages import Announce
from opentracker.protocol.udp import SHORTEST_ANNOUNCE, parse_announce
from opentracker.swarm.store.door import NOT_TAKEN, Contents, Evictor, Picture, Store, Totals
from opentracker.swarm.store.rows import Rows

STORED: Final = 1
SEEDING: Final = 2
HEAD: Final = 7
KEY: Final = 20
MOST_EVENTS: Final = 255  # unknown ones of UDP have no effect
MANY: Final = 500  # peers of a torrent that is too large to be given anew


def pack_announce(a: Announce, minute: i64) -> bytes:
    """An announce that was carried out in `minute`."""
    flags = (STORED if a.stored else 0) | (SEEDING if a.seeding else 0)
    event = a.event if 0 <= a.event <= MOST_EVENTS else 0
    now: int = minute
    return now.to_bytes(4, "big") + bytes([flags, event, len(a.peer)]) + a.info_hash + a.peer


def unpack_announce(head: bytes, a: Announce) -> int:
    """Fill in an announce from the first HEAD bytes; returns the size of the peer, which follows the info_hash."""
    flags = head[4]
    a.stored = flags & STORED != 0
    a.seeding = flags & SEEDING != 0
    a.event = head[5]
    return head[6]


class Journal(Store):
    """Passes every operation on to a store, and notes those that may change a torrent.

    `changed` are the torrents to be given anew, `announces` those of large torrents, by info_hash and in order.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.shards)
        self.store = store
        self.totals = store.totals
        self.counts_ports = store.counts_ports
        self.changed: set[bytes] = set()
        self.announces: dict[bytes, list[bytes]] = {}
        self.request = Announce(both_families=True)

    def turn(self) -> tuple[list[bytes], list[bytes]]:
        """The torrents that have changed since the last turn, and the announces of others."""
        changed, announces = self.changed, self.announces
        self.changed, self.announces = set(), {}
        packed = [each for info_hash, its in announces.items() if info_hash not in changed for each in its]
        return list(changed), packed

    def given(self, info_hash: bytes) -> list[bytes]:
        """The bytes of a torrent as it is now, see Store.pack; nothing that was noted of it is needed any more."""
        self.changed.discard(info_hash)
        self.announces.pop(info_hash, None)
        return self.store.pack(info_hash)

    def note(self, a: Announce, minute: i64) -> None:
        """Note an announce, or its torrent."""
        info_hash = a.info_hash
        if info_hash in self.changed:
            return
        if self.store.size_of(info_hash) < MANY:
            self.changed.add(info_hash)
        else:
            self.announces.setdefault(info_hash, []).append(pack_announce(a, minute))

    # ---- Operations that may change a torrent ----

    def announce(self, a: Announce, minute: i64) -> None:
        """See Store."""
        self.store.announce(a, minute)
        self.note(a, minute)

    def answer_udp(
        self,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        may_come: bool,
        out: BytesWriter,
    ) -> i64:
        """See Store."""
        age = self.store.answer_udp(packet, address, numwant, interval, minute, may_come, out)
        if age != NOT_TAKEN:
            self.has_completed = self.store.has_completed
            parse_announce(packet, SHORTEST_ANNOUNCE, address, self.request)
            self.note(self.request, minute)
        return age

    def sync(self, a: Announce, minute: i64) -> None:
        """See Store."""
        self.changed.add(a.info_hash)
        self.store.sync(a, minute)

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.drop_host(info_hash, peer, minute)

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.raise_downloads(info_hash, count)

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.put(info_hash, contents)

    def remove(self, info_hash: bytes) -> None:
        """See Store."""
        self.changed.add(info_hash)
        self.store.remove(info_hash)

    # ---- All others ----

    def has(self, info_hash: bytes) -> bool:
        """See Store."""
        return self.store.has(info_hash)

    def bring_near(self, packets: list[bytes], addresses: list[bytes], count: i64) -> None:
        """See Store."""
        self.store.bring_near(packets, addresses, count)

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """See Store."""
        return self.store.scrape(info_hash)

    def partial_seeds(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.partial_seeds(info_hash)

    def size_of(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.size_of(info_hash)

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """See Store."""
        return self.store.knows(info_hash, peer)

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """See Store."""
        return self.store.ports_of(info_hash, peer)

    def downloads(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.downloads(info_hash)

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """See Store."""
        return self.store.touched(info_hash, minute)

    def pack(self, info_hash: bytes) -> list[bytes]:
        """See Store."""
        return self.store.pack(info_hash)

    def weight_of(self, contents: Contents) -> i64:
        """See Store."""
        return self.store.weight_of(contents)

    def shard_of(self, info_hash: bytes) -> i64:
        """See Store."""
        return self.store.shard_of(info_hash)

    def count(self, shard: i64) -> i64:
        """See Store."""
        return self.store.count(shard)

    def info_hashes(self, shard: i64) -> list[bytes]:
        """See Store."""
        return self.store.info_hashes(shard)

    def picture(self, shard: i64) -> Picture:
        """See Store."""
        return self.store.picture(shard)

    def rows(self, bits: i64, number: i64) -> Rows:
        """See Store."""
        return self.store.rows(bits, number)

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """See Store."""
        return self.store.clean(shard, minute, evictor)

    def give_back(self, shard: i64) -> None:
        """See Store."""
        self.store.give_back(shard)

    def weigh(self, shard: i64) -> Totals:
        """See Store."""
        return self.store.weigh(shard)

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """See Store."""
        return self.store.check(shard, minute, oldest)
