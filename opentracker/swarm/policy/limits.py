"""How much the tracker may hold: torrents, peers and bytes of memory, by the totals that its store keeps.

An announce that adds nothing asks for one boolean, `tight`, and pays for nothing else.

Bytes are what torrents and peers need. What the process has grown by may be many times that: strangers who let
torrents grow side by side and leave one behind here and there keep whole pools of Python's allocator from being used
for anything else. So a server measures it (`measured`), and what is beyond the bytes, the excess, counts with them.

Three marks rise one above the other, for peers and for bytes alike:

* from `ROOM` below a limit on, new torrents are refused: they would be the first to go;
* from `RESERVE` below it on, the cleaner drops torrents that are of least use, so that the others may grow;
* at the limit no newcomer is stored.

A peer that is known already is always refreshed, may become a seeder and may complete. A peer that is refused is
answered with peers and counts like any other.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.store.door import NOT_THERE, Evictor, Store, Totals

UNLIMITED: Final[i64] = 1 << 60
ROOM: Final = 16  # a sixteenth of a limit, and so on
RESERVE: Final = 32
WHOLE: Final[i64] = UNLIMITED + 1  # no part of any limit is held back

LASTING: Final = 30  # measurements, one a second: longer than a reload, shorter than a clean cycle


class Budget:
    """What may be used of something; 0 is no limit."""

    __slots__ = ("limit",)

    def __init__(self, limit: i64) -> None:
        self.limit: i64 = limit or UNLIMITED

    def left(self, used: i64) -> i64:
        """How much more may be used."""
        return self.limit - used

    def is_near(self, used: i64, part: i64) -> bool:
        """Whether no more than this part of the limit is left."""
        return self.limit - used <= self.limit // part


class Limits(Evictor):
    """What may be held, 0 meaning as much as there is.

    `near_limit` tells whether newcomers have to be looked at, `evicting` whether torrents of little use have to go.
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
        self.excess: i64 = 0  # of what was measured last, over the bytes of that moment
        self.lasting: i64 = 0  # the least that it was in the last so many measurements
        self.excesses: list[i64] = [0] * LASTING
        self.per_torrent_checks: bool = ports_per_address > 0  # or a torrent has met its limit at some time
        self.near_limit: bool = self.per_torrent_checks
        self.look()

    def renew(self, torrents: int, peers: int, peers_per_torrent: int, memory: int) -> None:
        """Set other limits; those who are here stay, though a torrent may have more peers than it now may."""
        self.torrents.limit = torrents or UNLIMITED
        self.peers.limit = peers or UNLIMITED
        self.memory.limit = memory or UNLIMITED
        self.peers_per_torrent = peers_per_torrent or UNLIMITED
        self.per_torrent_checks = self.ports_per_address > 0 or peers_per_torrent > 0
        self.look()

    def hold(self, totals: Totals, counters: Counters) -> None:
        """Watch the totals of a store, and count there who is refused."""
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
        """Whether no more than this part of the limits on peers or on bytes is left."""
        totals = self.totals
        return self.peers.is_near(totals.peers, part) or self.memory.is_near(totals.bytes + excess, part)

    def measured(self, grown: i64) -> None:
        """Record the process's growth in bytes, excluding whatever has its own limit. May be negative.

        Newcomers are refused by the excess of the moment. Torrents are dropped only for one that lasts, since what goes
        does not come back. When some have been dropped and the process is no smaller, the excess is larger by them;
        that has to last in turn before more of them go.
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

    # ---- What is let in ----

    def have_room(self, peers: i64, weight: i64) -> bool:
        """Whether one more torrent, of so many peers and bytes, is within the limits."""
        totals = self.totals
        return (
            self.torrents.left(totals.torrents) > 0
            and self.peers.left(totals.peers) >= peers
            and self.memory.left(totals.bytes) >= weight
        )

    def screen(self, a: Announce, store: Store, minute: i64) -> None:
        """Let a newcomer for whom there is no room be answered but not stored, and count it.

        Where an address may have one port, the newest is the likely one: it takes the place of the one before.
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
        """Whether a torrent that has so many peers (NOT_THERE: it is new) may have one more; if not, it is counted."""
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

        Torrents without peers go, and those with one peer and no completed download but maybe that peer's own: a
        stranger makes them with one packet. At the limit every torrent with one peer goes.
        """
        if peers > 1:
            return True
        if peers == 1 and not self.is_near(self.lasting, WHOLE):
            if downloaded > (1 if has_completed else 0):
                return True
        self.counters.evicted_torrents += 1
        return False
