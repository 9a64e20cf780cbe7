"""How much the tracker may hold, and how much it holds: torrents, peers and an estimate of bytes.

The totals are kept exact by the few places where something comes or goes: `Tracker.put` and `Tracker.settle`. An
announce that adds nothing asks for one boolean, `tight`, and pays for nothing else.

Bytes are what torrents and peers need. What the process has grown by may be many times that: whoever lets torrents grow
side by side and leaves one behind here and there keeps whole pools of Python's allocator from being used for anything
else. So a server measures it (`measured`), and what is beyond the bytes, the excess, counts with them.

Three marks rise one above the other, for peers and for bytes alike:

* from `ROOM` below a limit on, new torrents are refused: they would be the first to go;
* from `RESERVE` below it on, the cleaner drops torrents that are of least use, so that the others may grow;
* at the limit no newcomer is stored.

Whoever is known already is always refreshed, may become a seeder and may complete. Who is refused is answered with
peers and counts like anybody else.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.store.large import Family, Swarm
from opentracker.swarm.store.peer_table import HOST4, HOST6, PeerTable
from opentracker.swarm.store.peers import COMPLETED, STRIDE4, STRIDE6, find
from opentracker.swarm.store.records import HEADER_SIZE, PEER4, PEER6, downloaded

UNLIMITED: Final[i64] = 1 << 60
ROOM: Final = 16  # a sixteenth of a limit, and so on
RESERVE: Final = 32

# Bytes, so that they sum to what a resident set grows by, or to a fifth more (bench/abuse.py).
TORRENT: Final = 128  # an info_hash and its place in a dict
SWARM: Final = 768  # a large swarm, its tables and their lists
FAMILY: Final = 256  # the four blocks that its two tables may have more than their peers need

LASTING: Final = 30  # measurements, one a second: longer than a reload, shorter than a clean cycle


class Limits:
    """What may be held, 0 meaning as much as there is, and what is held now."""

    def __init__(
        self,
        torrents: int = 0,
        peers: int = 0,
        peers_per_torrent: int = 0,
        ports_per_address: int = 0,
        memory: int = 0,
    ) -> None:
        self.most_torrents: i64 = torrents or UNLIMITED
        self.most_peers: i64 = peers or UNLIMITED
        self.most_bytes: i64 = memory or UNLIMITED
        self.peers_per_torrent: i64 = peers_per_torrent or UNLIMITED
        self.ports_per_address: i64 = ports_per_address  # 0: not counted
        self.torrents: i64 = 0
        self.peers: i64 = 0
        self.bytes: i64 = 0
        self.excess: i64 = 0  # of what was measured last, over the bytes of that moment
        self.lasting: i64 = 0  # the least that it was in the last so many measurements
        self.excesses: list[i64] = [0] * LASTING
        self.always: bool = ports_per_address > 0  # or a torrent has met its limit at some time
        self.tight: bool = self.always  # whether newcomers have to be looked at
        self.pressed: bool = False  # whether torrents of little use have to go
        self.look()

    def renew(self, torrents: int, peers: int, peers_per_torrent: int, memory: int) -> None:
        """Set other limits; those who are here stay."""
        self.most_torrents = torrents or UNLIMITED
        self.most_peers = peers or UNLIMITED
        self.most_bytes = memory or UNLIMITED
        self.peers_per_torrent = peers_per_torrent or UNLIMITED
        self.always = (
            self.ports_per_address > 0 or peers_per_torrent > 0
        )  # a torrent may have more than that by now
        self.look()

    def look(self) -> None:
        """See how near the limits are, after a total has changed."""
        self.tight = self.always or self.torrents >= self.most_torrents or self.is_above(ROOM, self.excess)
        self.pressed = self.tight and self.is_above(RESERVE, self.lasting)

    def is_above(self, part: i64, excess: i64) -> bool:
        """Whether less than this part of a limit is left."""
        return (
            self.peers >= self.most_peers - self.most_peers // part
            or self.bytes + excess >= self.most_bytes - self.most_bytes // part
        )

    def measured(self, grown: i64) -> None:
        """Take note of how many bytes the process has grown by, but for what has limits of its own; they may be few.

        Newcomers are refused by the excess of the moment. Torrents are dropped only for one that lasts, since what goes
        does not come back. When some have been dropped and the process is no smaller, the excess is larger by them;
        that has to last in turn before more of them go.
        """
        self.excess = grown - self.bytes if grown > self.bytes else 0
        self.excesses.append(self.excess)
        del self.excesses[0]
        self.lasting = min(self.excesses)
        self.look()

    def memory(self) -> dict[str, int]:
        """Bytes that are counted, that are used in truth, holes included, and that may be (0: as many as there are)."""
        return {
            "counted": self.bytes,
            "used": self.bytes + self.excess,
            "limit": 0 if self.most_bytes == UNLIMITED else self.most_bytes,
        }

    # ---- What comes and goes ----

    def change(self, former: bytes | Swarm | None, kept: bytes | Swarm | None) -> None:
        """Count a torrent that comes (`former` is None), goes (`kept` is None) or is stored otherwise."""
        if former is None:
            self.torrents += 1
            self.bytes += TORRENT
        elif isinstance(former, Swarm):
            self.peers -= former.counted
            self.bytes -= former.weighed
            former.counted = former.weighed = 0
        else:
            self.peers -= peers_of(former)
            self.bytes -= weight_of(former)
        if kept is None:
            self.torrents -= 1
            self.bytes -= TORRENT
        elif isinstance(kept, Swarm):
            self.settle(kept)
        else:
            size = peers_of(kept)
            self.peers += size
            self.bytes += weight_of(kept)
            if size >= self.peers_per_torrent:
                self.always = True
        self.look()

    def settle(self, swarm: Swarm) -> None:
        """Count what has become of a large swarm that is stored, and may have gained or lost peers."""
        size = swarm.size()
        weight = weight_of_swarm(swarm)
        if size == swarm.counted and weight == swarm.weighed:
            return
        self.peers += size - swarm.counted
        self.bytes += weight - swarm.weighed
        swarm.counted = size
        swarm.weighed = weight
        if size >= self.peers_per_torrent:
            self.always = True
        self.look()

    # ---- Who is let in ----

    def screen(self, a: Announce, entry: bytes | Swarm | None, counters: Counters) -> None:
        """Let a newcomer for whom there is no room be answered but not stored, and count it."""
        if not a.stored or a.event == EVENT_STOPPED or is_known(entry, a.peer):
            return
        a.stored = False
        if entry is not None and size_of(entry) >= self.peers_per_torrent:
            counters.refused_torrent_full += 1
        elif entry is not None and 0 < self.ports_per_address <= ports_of(entry, a.peer):
            counters.refused_ports += 1
        elif entry is None and self.torrents >= self.most_torrents:
            counters.refused_torrents += 1
        elif self.peers >= (self.most_peers - self.most_peers // ROOM if entry is None else self.most_peers):
            counters.refused_peers += 1
        elif self.bytes + self.excess >= (
            self.most_bytes - self.most_bytes // ROOM if entry is None else self.most_bytes
        ):
            counters.refused_memory += 1
        else:
            a.stored = True

    def spares(self, entry: bytes | Swarm) -> bool:
        """Whether a torrent may stay: all may, unless a limit is near.

        Then those without peers go, and those with one peer and no completed download but maybe that peer's own: a
        stranger makes them with one packet. At the limit every torrent with one peer goes.
        """
        if not self.pressed or isinstance(entry, Swarm):
            return True
        return self.is_of_use(entry)

    def is_of_use(self, record: bytes) -> bool:
        """Whether a small torrent is to stay while others go."""
        if len(record) == HEADER_SIZE:
            return False
        if peers_of(record) > 1:
            return True
        if self.peers >= self.most_peers or self.bytes + self.lasting >= self.most_bytes:
            return False
        return downloaded(record) > (1 if record[len(record) - 2] & COMPLETED != 0 else 0)


def peers_of(record: bytes) -> i64:
    """How many peers a small torrent has."""
    if len(record) == HEADER_SIZE:
        return 0
    n4: i64 = record[4]
    return n4 + (len(record) - HEADER_SIZE - PEER4 * n4) // PEER6


def weight_of(record: bytes) -> i64:
    """Bytes of memory that a record takes: CPython's head of 33, rounded up to 16."""
    return (len(record) + 48) & ~15


def weight_of_swarm(swarm: Swarm) -> i64:
    """Bytes of memory that a large swarm takes."""
    return SWARM + weight_of_family(swarm.v4, STRIDE4) + weight_of_family(swarm.v6, STRIDE6)


def weight_of_torrent(entry: bytes | Swarm) -> i64:
    """Bytes of memory that a torrent takes, its place in a dict included."""
    return TORRENT + (weight_of_swarm(entry) if isinstance(entry, Swarm) else weight_of(entry))


def weight_of_family(family: Family, stride: i64) -> i64:
    """Bytes of memory that the peers of a large swarm take, by their number alone.

    A leecher that becomes a seeder changes the number of blocks, and nobody is told: each peer has a byte for its part
    of a block's head, as if there were as many blocks as there may be.
    """
    size = family.size()
    return size * (stride + 3) + FAMILY if size > 0 else 0


def size_of(entry: bytes | Swarm) -> i64:
    """How many peers a torrent has."""
    return entry.size() if isinstance(entry, Swarm) else peers_of(entry)


def plane_of(record: bytes, peer: bytes) -> tuple[i64, i64]:
    """Where the addresses of the peer's family begin in a record, and how many there are."""
    if len(record) == HEADER_SIZE:
        return HEADER_SIZE, 0
    n4: i64 = record[4]
    if len(peer) == STRIDE4:
        return HEADER_SIZE, n4
    start: i64 = HEADER_SIZE + PEER4 * n4
    return start, (len(record) - start) // PEER6


def is_known(entry: bytes | Swarm | None, peer: bytes) -> bool:
    """Whether a torrent has this peer (address and port)."""
    if entry is None:
        return False
    if isinstance(entry, Swarm):
        family = entry.v4 if len(peer) == STRIDE4 else entry.v6
        return is_in(family.leechers, peer) or is_in(family.seeders, peer)
    start, n = plane_of(entry, peer)
    return find(entry, start, n, len(peer), peer) >= 0


def is_in(table: PeerTable, peer: bytes) -> bool:
    """Whether a table has this peer."""
    return table.index_in(table.block_of(peer), peer) >= 0


def ports_of(entry: bytes | Swarm, peer: bytes) -> i64:
    """How many peers of a torrent have the peer's IPv4 address, or are in its /64 of IPv6."""
    host = peer[:HOST4] if len(peer) == STRIDE4 else peer[:HOST6]
    if isinstance(entry, Swarm):
        family = entry.v4 if len(peer) == STRIDE4 else entry.v6
        return ports_in_table(family.leechers, peer, host) + ports_in_table(family.seeders, peer, host)
    start, n = plane_of(entry, peer)
    return ports_in_plane(entry, start, n, len(peer), host)


def ports_in_table(table: PeerTable, peer: bytes, host: bytes) -> i64:
    """The same in a table, whose blocks hold all peers of an address together where ports are limited."""
    block = table.blocks[table.block_of(peer)]
    return ports_in_plane(block, 0, len(block) // (table.stride + 2), table.stride, host)


def ports_in_plane(data: bytes, start: i64, n: i64, stride: i64, host: bytes) -> i64:
    """The same in a plane of addresses."""
    end = start + n * stride
    found: i64 = 0
    at: i64 = data.find(host, start, end)
    while at >= 0:
        if (at - start) % stride == 0:
            found += 1
        at = data.find(host, at + 1, end)
    return found
