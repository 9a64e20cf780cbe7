"""The door to the torrents: all that the rest of the house may ask of them and do to them.

A `Store` knows where a torrent is and how it is laid out, and nobody else does. There are two: `packed` where Python is
interpreted, `flat` where it is compiled. Both do and answer the same.

Torrents are kept in shards, so that cleaning, full scrapes and statistics go shard by shard and no growth stalls
anybody. The shard of an info_hash is told by a hash that is keyed afresh in each process, so that a stranger cannot
aim at one.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker.protocol.messages import Announce
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.rows import Rows

NOT_THERE: Final[i64] = -1
NOT_TAKEN: Final[i64] = -1


class Totals:
    """What a store holds: torrents, their peers, and the bytes of memory that they take."""

    __slots__ = ("bytes", "peers", "torrents")

    def __init__(self) -> None:
        self.torrents: i64 = 0
        self.peers: i64 = 0
        self.bytes: i64 = 0


class Evictor:
    """What a cleaner asks about torrents whose room others need. Here: nobody does."""

    def __init__(self) -> None:
        self.evicting = False

    def look(self, peers: i64 = 0) -> None:
        """See how near the limits are, after the totals have changed; `peers` are those of the torrent that grew."""

    def spares(self, peers: i64, downloaded: i64, has_completed: bool) -> bool:
        """Whether a small torrent may stay; `has_completed`: its only peer is one of those who completed it."""
        return True


class Contents:
    """All that is known of one torrent, on its way into a store.

    The planes are those of `peers`, of the IPv4 and the IPv6 peers; in each the leechers stand first. `left_at` is the
    minute in which the last peer left, where there are none.
    """

    __slots__ = ("downloaded", "leechers4", "leechers6", "left_at", "planes4", "planes6")

    def __init__(self, downloaded: i64, left_at: i64) -> None:
        self.downloaded = downloaded
        self.left_at = left_at
        self.planes4 = b""
        self.leechers4: i64 = 0
        self.planes6 = b""
        self.leechers6: i64 = 0

    def words(self) -> i64:
        """Words of 64 bits that the peers take in the flat store."""
        return len(self.planes4) // (STRIDE4 + 2) + 3 * (len(self.planes6) // (STRIDE6 + 2))

    def size(self) -> i64:
        """How many peers there are."""
        return len(self.planes4) // (STRIDE4 + 2) + len(self.planes6) // (STRIDE6 + 2)


class Picture:
    """The torrents of one shard as of one moment, numbered, to be read bit by bit."""

    def size(self) -> i64:
        """How many there are."""
        raise NotImplementedError

    def note(self, start: i64, end: i64, rows: Rows) -> None:
        """Add some of the torrents to the rows of a segment, as far as they belong there."""
        raise NotImplementedError

    def count(self, start: i64, end: i64) -> tuple[i64, i64, i64, i64]:
        """IPv4 leechers, IPv4 seeders, IPv6 leechers and IPv6 seeders of some of the torrents, added up."""
        raise NotImplementedError

    def sizes(self, start: i64, end: i64) -> Counter[int]:
        """How many of some of the torrents have each number of peers."""
        raise NotImplementedError

    def larger(self, start: i64, end: i64, least: i64) -> list[tuple[bytes, i64, i64]]:
        """Info_hash, complete and incomplete of some of the torrents: of all with more peers than `least`."""
        raise NotImplementedError

    def addresses(self, index: i64, v6: bool) -> list[bytes]:
        """The addresses of one torrent's peers of a family, in planes of a few hundred at most."""
        raise NotImplementedError


class Store:
    """All torrents.

    `counts_ports` has to be set while no torrent is there: then `ports_of` can be asked, and `drop_host`.
    """

    def __init__(self, shards: i64) -> None:
        self.shards = shards  # how many there are
        self.totals = Totals()
        self.counts_ports = False
        self.has_completed = False

    # ---- One torrent ----

    def has(self, info_hash: bytes) -> bool:
        """Whether a torrent is there."""
        raise NotImplementedError

    def announce(self, a: Announce, minute: i64) -> None:
        """Carry out an announce: store or remove its peer, and fill in its answer but for the interval.

        The torrent comes into being if it is not there, and its peer is to be stored.
        """
        raise NotImplementedError

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
        """Carry out the announce of a datagram and append its answer; gives NOT_TAKEN, and does nothing, if it cannot.

        It can where the store writes peers without making objects, and the torrent is there, or `may_come`. Else it
        gives the minutes for which a peer that renews had not been heard of, or, for any other, -2 - the peers there
        are. `has_completed` tells whether a `completed` was counted.
        """
        return NOT_TAKEN

    def bring_near(self, packets: list[bytes], count: i64) -> None:
        """Look at what the first `count` datagrams ask for, so that it is in the processor's cache when they do."""

    def sync(self, a: Announce, minute: i64) -> None:
        """Store or remove a peer as live sync says; of the answer, only the counts are filled in."""
        raise NotImplementedError

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """(complete, downloaded, incomplete); zeros for a torrent that is not there."""
        raise NotImplementedError

    def size_of(self, info_hash: bytes) -> i64:
        """How many peers a torrent has; NOT_THERE."""
        raise NotImplementedError

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """Whether a torrent has this peer (address and port)."""
        raise NotImplementedError

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """How many peers of a torrent have the peer's IPv4 address, or are in its /64 of IPv6."""
        raise NotImplementedError

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """Remove from a torrent the peers that `ports_of` counts."""
        raise NotImplementedError

    def downloads(self, info_hash: bytes) -> i64:
        """How often `completed` was reported; NOT_THERE."""
        raise NotImplementedError

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """The minute in which a torrent that is there was last announced: its newest peer was heard of, or left."""
        raise NotImplementedError

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """Let a torrent that is there have been completed so often, if that is more than it was."""
        raise NotImplementedError

    def pack(self, info_hash: bytes) -> list[bytes]:
        """A torrent as state files hold it (see features/state/full.py), in parts; none if it is not there."""
        raise NotImplementedError

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """Take in a torrent that is not there."""
        raise NotImplementedError

    def weight_of(self, contents: Contents) -> i64:
        """Bytes of memory that a torrent will take, about."""
        raise NotImplementedError

    def remove(self, info_hash: bytes) -> None:
        """Remove a torrent, if it is there."""
        raise NotImplementedError

    # ---- The torrents of a shard ----

    def shard_of(self, info_hash: bytes) -> i64:
        """The shard that an info_hash belongs to."""
        raise NotImplementedError

    def count(self, shard: i64) -> i64:
        """How many torrents a shard has."""
        raise NotImplementedError

    def info_hashes(self, shard: i64) -> list[bytes]:
        """The torrents of a shard."""
        raise NotImplementedError

    def picture(self, shard: i64) -> Picture:
        """The torrents of a shard, to be read."""
        raise NotImplementedError

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """Remove the peers of a shard that have expired by `minute`, and the torrents that are over or have to go.

        Yields every few dozen torrents.
        """
        raise NotImplementedError

    def give_back(self, shard: i64) -> None:
        """Release the memory of a shard that has lost torrents."""
        raise NotImplementedError

    def weigh(self, shard: i64) -> Totals:
        """What a shard holds, each torrent looked at anew."""
        raise NotImplementedError

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """Look at how the torrents of a shard are kept; `oldest` is for how long a peer may not have been heard of.

        Yields after every torrent, and within large ones. Raises InvariantError, which names the torrent.
        """
        raise NotImplementedError
