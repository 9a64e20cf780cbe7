"""Limits on torrents, peers and bytes of memory, compared with the totals that the store keeps.

An announce far from all limits costs one look at a boolean, `near_limit`.

The store counts the bytes that torrents and peers need. The process may grow by many times that, through fragmentation:
strangers who let torrents grow side by side, and keep a few of them, block whole pools of Python's allocator. So the
server measures the growth (`measured`). The growth beyond the counted bytes is the excess, and counts as used memory.

There are three thresholds, for peers and for bytes alike:

* once a part of 1/ROOM of a limit or less is left, new torrents are refused, since they would be dropped first;
* once a part of 1/RESERVE or less is left, the cleaner drops the least useful torrents, so that the others may grow;
* at the limit no new peer is stored.

A known peer is always refreshed, may become a seeder and may complete. A refused peer gets an answer with peers and
counts like any other.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.store.door import NOT_THERE, Evictor, Store, Totals

UNLIMITED: Final[i64] = 1 << 60
ROOM: Final = 16  # a sixteenth of a limit
RESERVE: Final = 32  # a thirty-second of a limit
WHOLE: Final[i64] = UNLIMITED + 1  # holds back no part of a limit

LASTING: Final = 30  # measurements, one a second: longer than a reload, shorter than a clean cycle


class Budget:
    """A limit on the use of one resource; 0 is no limit."""

    __slots__ = ("limit",)

    def __init__(self, limit: i64) -> None:
        self.limit: i64 = limit or UNLIMITED

    def left(self, used: i64) -> i64:
        """The amount that may still be used; negative above the limit."""
        return self.limit - used

    def is_near(self, used: i64, part: i64) -> bool:
        """Whether 1/`part` of the limit or less is left."""
        return self.limit - used <= self.limit // part


class Limits(Evictor):
    """The limits of a tracker, 0 meaning none.

    `near_limit` tells whether `screen` has to check new peers, `evicting` whether the cleaner drops torrents of little
    use.
    """

    def __init__(
        self,
        torrents: int = 0,
        peers: int = 0,
        peers_per_torrent: int = 0,
        ports_per_address: int = 0,
        memory: int = 0,
    ) -> None:
        super().__init__()
        self.torrents = Budget(torrents)
        self.peers = Budget(peers)
        self.memory = Budget(memory)
        self.peers_per_torrent: i64 = peers_per_torrent or UNLIMITED
        self.ports_per_address: i64 = ports_per_address  # 0: not counted
        self.totals = Totals()
        self.counters = Counters()
        self.excess: i64 = 0  # of the last measurement, over the bytes counted at that moment
        self.lasting: i64 = 0  # the least of `excesses`
        self.excesses: list[i64] = [0] * LASTING  # of the last measurements
        # Ports are limited, or some torrent has reached its limit of peers.
        self.per_torrent_checks: bool = ports_per_address > 0
        self.near_limit: bool = self.per_torrent_checks
        self.look()

    def renew(self, torrents: int, peers: int, peers_per_torrent: int, memory: int) -> None:
        """Set other limits; peers and torrents beyond the new limits stay until they expire or are dropped."""
        self.torrents.limit = torrents or UNLIMITED
        self.peers.limit = peers or UNLIMITED
        self.memory.limit = memory or UNLIMITED
        self.peers_per_torrent = peers_per_torrent or UNLIMITED
        self.per_torrent_checks = self.ports_per_address > 0 or peers_per_torrent > 0
        self.look()

    def hold(self, totals: Totals, counters: Counters) -> None:
        """Watch the totals of a store, and count refused peers in `counters`."""
        self.totals = totals
        self.counters = counters
        self.look()

    def look(self, peers: i64 = 0) -> None:
        """See Evictor."""
        if peers >= self.peers_per_torrent:
            self.per_torrent_checks = True
        totals = self.totals
        self.near_limit = (
            self.per_torrent_checks
            or self.torrents.left(totals.torrents) <= 0
            or self.is_near(self.excess, ROOM)
        )
        self.evicting = self.near_limit and self.is_near(self.lasting, RESERVE)

    def is_near(self, excess: i64, part: i64) -> bool:
        """Whether 1/`part` or less is left of the limit on peers or of that on bytes."""
        totals = self.totals
        return self.peers.is_near(totals.peers, part) or self.memory.is_near(totals.bytes + excess, part)

    def measured(self, grown: i64) -> None:
        """Record the process's growth in bytes, excluding whatever has its own limit. May be negative.

        New peers are refused by the current excess. Torrents are dropped only for an excess that lasts, since dropping
        cannot be undone. If the process does not shrink after a drop, the excess grows by the dropped bytes; the larger
        excess has to last as well before more torrents are dropped.
        """
        self.excess = max(0, grown - self.totals.bytes)
        self.excesses.append(self.excess)
        del self.excesses[0]
        self.lasting = min(self.excesses)
        self.look()

    def describe_memory(self) -> dict[str, int]:
        """Bytes accounted for, bytes in use including fragmentation, and the limit (0: none)."""
        limit = self.memory.limit
        return {
            "counted": self.totals.bytes,
            "used": self.totals.bytes + self.excess,
            "limit": 0 if limit == UNLIMITED else limit,
        }

    # ---- Admitting torrents and peers ----

    def have_room(self, peers: i64, weight: i64) -> bool:
        """Whether one more torrent, with `peers` peers and `weight` bytes, is within the limits."""
        totals = self.totals
        return (
            self.torrents.left(totals.torrents) > 0
            and self.peers.left(totals.peers) >= peers
            and self.memory.left(totals.bytes) >= weight
        )

    def screen(self, a: Announce, store: Store, minute: i64) -> None:
        """Clear `stored` of an announce whose new peer is over a limit, and count the refusal.

        With one port per address, a new port replaces the old one, since the newest is the most likely to be right.
        """
        if not a.stored or a.event == EVENT_STOPPED or store.knows(a.info_hash, a.peer):
            return
        if self.ports_per_address > 0:
            ports = store.ports_of(a.info_hash, a.peer)
            if ports > 0 and self.ports_per_address == 1:
                store.drop_host(a.info_hash, a.peer, minute)
                return
            if ports >= self.ports_per_address:
                a.stored = False
                self.counters.refused_ports += 1
                return
        a.stored = self.have_room_for_peer(store.size_of(a.info_hash))

    def have_room_for_peer(self, size: i64) -> bool:
        """Whether a torrent of `size` peers (NOT_THERE: it is new) may have one more; counts a refusal."""
        part = WHOLE if size != NOT_THERE else i64(ROOM)
        totals, counters = self.totals, self.counters
        if size >= self.peers_per_torrent:
            counters.refused_torrent_full += 1
        elif size == NOT_THERE and self.torrents.left(totals.torrents) <= 0:
            counters.refused_torrents += 1
        elif self.peers.is_near(totals.peers, part):
            counters.refused_peers += 1
        elif self.memory.is_near(totals.bytes + self.excess, part):
            counters.refused_memory += 1
        else:
            return True
        return False

    def spares(self, peers: i64, downloaded: i64, has_completed: bool) -> bool:
        """See Evictor.

        It drops torrents without peers, and torrents with one peer and no completed download but that peer's own: a
        stranger makes those with one packet. At the limit it drops every torrent with one peer.
        """
        if peers > 1:
            return True
        if peers == 1 and not self.is_near(self.lasting, WHOLE):
            if downloaded > (1 if has_completed else 0):
                return True
        self.counters.evicted_torrents += 1
        return False
