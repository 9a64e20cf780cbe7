"""The interface of the store: every operation that the rest of the package may use on torrents.

Only a `Store` knows where a torrent is and how it is laid out. There are two stores: `packed` for interpreted builds,
`flat` for compiled ones. Both behave the same.

Torrents are kept in shards, so that cleaning, full scrapes and statistics go shard by shard, and growing one table
stalls no request. A hash with a new key in each process chooses the shard of an info_hash, so that a stranger cannot
aim at a shard.
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
    """The totals of a store: torrents, their peers, and the bytes of memory that both take."""

    __slots__ = ("bytes", "peers", "torrents")

    def __init__(self) -> None:
        self.torrents: i64 = 0
        self.peers: i64 = 0
        self.bytes: i64 = 0


class Evictor:
    """Tells the cleaner which torrents to drop near a limit. This one drops none."""

    def __init__(self) -> None:
        self.evicting = False

    def look(self, peers: i64 = 0) -> None:
        """Compare the changed totals with the limits; `peers` is the size of the torrent that grew."""

    def spares(self, peers: i64, downloaded: i64, has_completed: bool) -> bool:
        """Whether a small torrent may stay; `has_completed` is whether its only peer completed the download."""
        return True


class Contents:
    """The whole state of one torrent, on its way into a store.

    `planes4` and `planes6` hold the IPv4 and the IPv6 peers in the format of `peers`, leechers first. `left_at` is the
    minute in which the last peer left, for a torrent without peers.
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
        """The number of peers."""
        return len(self.planes4) // (STRIDE4 + 2) + len(self.planes6) // (STRIDE6 + 2)


class Picture:
    """A numbered snapshot of the torrents of one shard, to be read in small steps."""

    def size(self) -> i64:
        """The number of torrents."""
        raise NotImplementedError

    def count(self, start: i64, end: i64) -> tuple[i64, i64, i64, i64]:
        """The sums of IPv4 leechers, IPv4 seeders, IPv6 leechers and IPv6 seeders of some torrents."""
        raise NotImplementedError

    def sizes(self, start: i64, end: i64) -> Counter[int]:
        """The number of torrents for each number of peers, among some torrents."""
        raise NotImplementedError

    def larger(self, start: i64, end: i64, least: i64) -> list[tuple[bytes, i64, i64]]:
        """Info_hash, complete and incomplete of the torrents from `start` up to `end` with more than `least` peers."""
        raise NotImplementedError

    def addresses(self, index: i64, v6: bool) -> list[bytes]:
        """The addresses of one torrent's peers of a family, in planes of a few hundred at most."""
        raise NotImplementedError


class Store:
    """All torrents.

    `ports_of` and `drop_host` need `counts_ports`, which has to be set before there are any torrents.
    """

    def __init__(self, shards: i64) -> None:
        self.shards = shards  # the number of shards
        self.totals = Totals()
        self.counts_ports = False
        self.has_completed = False
        self.most_rows: i64 = 1 << 19  # of a segment, see `rows`, while info_hashes are spread evenly

    # ---- One torrent ----

    def has(self, info_hash: bytes) -> bool:
        """Whether a torrent is stored."""
        raise NotImplementedError

    def announce(self, a: Announce, minute: i64) -> None:
        """Carry out an announce: store or remove its peer, and fill in its answer but for the interval.

        It creates the torrent if it is not there and the peer is to be stored.
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
        """Carry out the announce of a datagram and append its answer; returns NOT_TAKEN, without effect, if it cannot.

        It needs a store that writes peers without making objects, and a stored torrent unless `may_come`. It returns
        the minutes since the last announce of a known peer; for any other peer -2 minus the torrent's number of peers.
        `has_completed` is set to whether a `completed` was counted.
        """
        return NOT_TAKEN

    def bring_near(self, packets: list[bytes], addresses: list[bytes], count: i64) -> None:
        """Read the torrents of the first `count` datagrams, so that they are in the CPU's caches when answered.

        `addresses` are the datagrams' sources, of 4 or 16 bytes.
        """

    def sync(self, a: Announce, minute: i64) -> None:
        """Carry out an announce that came by live sync; only the counts of its answer are filled in."""
        raise NotImplementedError

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """(complete, downloaded, incomplete); zeros for a torrent that is not there."""
        raise NotImplementedError

    def partial_seeds(self, info_hash: bytes) -> i64:
        """The number of leechers of a torrent that download nothing more (BEP 21); 0 in builds without."""
        raise NotImplementedError

    def size_of(self, info_hash: bytes) -> i64:
        """The number of peers of a torrent, or NOT_THERE."""
        raise NotImplementedError

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """Whether a torrent has this peer (address and port)."""
        raise NotImplementedError

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """The number of peers of a torrent with the IPv4 address of `peer`, or in its /64 of IPv6."""
        raise NotImplementedError

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """Remove the peers that `ports_of` counts."""
        raise NotImplementedError

    def downloads(self, info_hash: bytes) -> i64:
        """The number of `completed` events of a torrent, or NOT_THERE."""
        raise NotImplementedError

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """The minute of a stored torrent's last announce: the newest stamp, or the minute its last peer left."""
        raise NotImplementedError

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """Raise a stored torrent's downloads to `count`, if they are fewer."""
        raise NotImplementedError

    def pack(self, info_hash: bytes) -> list[bytes]:
        """The bytes of a torrent for a state file (features/state/full_file.py), in parts; none if it is not there."""
        raise NotImplementedError

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """Store a torrent that is not there."""
        raise NotImplementedError

    def weight_of(self, contents: Contents) -> i64:
        """Approximate bytes of memory that a torrent will take."""
        raise NotImplementedError

    def remove(self, info_hash: bytes) -> None:
        """Remove a torrent, if it is there."""
        raise NotImplementedError

    # ---- The torrents of a shard ----

    def shard_of(self, info_hash: bytes) -> i64:
        """The shard that an info_hash belongs to."""
        raise NotImplementedError

    def count(self, shard: i64) -> i64:
        """The number of torrents of a shard."""
        raise NotImplementedError

    def info_hashes(self, shard: i64) -> list[bytes]:
        """The torrents of a shard."""
        raise NotImplementedError

    def picture(self, shard: i64) -> Picture:
        """A snapshot of a shard's torrents."""
        raise NotImplementedError

    def rows(self, bits: i64, number: i64) -> Rows:
        """The torrents whose info_hashes begin with `bits` bits (4 at most) that are `number`."""
        raise NotImplementedError

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """Remove the peers of a shard that have expired by `minute`, and the torrents that are over or evicted.

        Yields every few dozen torrents.
        """
        raise NotImplementedError

    def give_back(self, shard: i64) -> None:
        """Release the memory of a shard that has lost torrents."""
        raise NotImplementedError

    def weigh(self, shard: i64) -> Totals:
        """The totals of a shard, recounted torrent by torrent."""
        raise NotImplementedError

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """Check the layout of a shard's torrents; `oldest` is the highest allowed age of a peer, in minutes.

        Yields after every torrent, and within large ones. Raises InvariantError, which names the torrent.
        """
        raise NotImplementedError
