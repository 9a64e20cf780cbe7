"""Swarms of browsers: peers behind WebSockets, which have no address, and reach each other by offers.

They are beside the tracker's own peers, and in the same torrents: the counts are common, the peers are never handed to
the other kind. A peer is known by its torrent and its peer_id, and belongs to the link (a WebSocket) that announced it
last. It lives until it stops, or its link closes.
"""

from typing import Final

from librt.random import Random
from mypy_extensions import i64, mypyc_attr

from opentracker.protocol.messages import Announce

MOST_OFFERED: Final = 64  # offers that a peer may still answer; the oldest are forgotten


@mypyc_attr(allow_interpreted_subclasses=True)
class Link:
    """The way to the peers of one connection."""

    def __init__(self) -> None:
        self.peers: set[BrowserPeer] = set()
        self.elsewhere = 0  # peers of the connection that are in swarms of other workers

    def send(self, message: bytes) -> None:
        """Send a message (UTF-8)."""
        raise NotImplementedError


class BrowserPeer:
    """A peer of one torrent. `offered` has the offers that were sent to it: their maker and id, and the time."""

    __slots__ = ("is_seeder", "link", "offered", "peer_id", "place", "swarm")

    def __init__(self, swarm: "BrowserSwarm", peer_id: str, link: Link) -> None:
        self.swarm = swarm
        self.peer_id = peer_id
        self.link = link
        self.is_seeder = False
        self.place: i64 = 0  # in the swarm's list
        self.offered: dict[tuple[str, str], float] = {}

    def note_offer(self, maker: str, offer_id: str, seconds: float) -> None:
        """Remember an offer that is sent to this peer."""
        self.offered.pop((maker, offer_id), None)  # a repeated one is the latest
        self.offered[maker, offer_id] = seconds
        if len(self.offered) > MOST_OFFERED:
            del self.offered[next(iter(self.offered))]

    def take_offer(self, maker: str, offer_id: str, since: float) -> bool:
        """Forget an offer that this peer answers; returns whether it was made after `since`."""
        return self.offered.pop((maker, offer_id), since - 1.0) >= since


class BrowserSwarm:
    """The peers of one torrent."""

    __slots__ = ("by_id", "info_hash", "members", "seeders")

    def __init__(self, info_hash: bytes) -> None:
        self.info_hash = info_hash
        self.by_id: dict[str, BrowserPeer] = {}
        self.members: list[BrowserPeer] = []  # in any order
        self.seeders: i64 = 0

    def choose(self, wanted: i64, asker: BrowserPeer, random: Random) -> list[BrowserPeer]:
        """Up to `wanted` random peers without the asker; the list of members is shuffled as far as is needed."""
        members = self.members
        self.swap(asker.place, len(members) - 1)
        others: i64 = len(members) - 1
        count = min(wanted, others)
        for place in range(count):
            self.swap(place, place + random.randrange(others - place))
        return members[:count]

    def swap(self, one: i64, other: i64) -> None:
        """Let two members change places."""
        members = self.members
        members[one], members[other] = members[other], members[one]
        members[one].place = one
        members[other].place = other


class BrowserSwarms:
    """The swarms of all torrents that have browsers."""

    def __init__(self) -> None:
        self.by_hash: dict[bytes, BrowserSwarm] = {}
        self.peers: i64 = 0
        self.seeders: i64 = 0

    def find(self, info_hash: bytes, peer_id: str) -> BrowserPeer | None:
        """A peer, if it is there."""
        swarm = self.by_hash.get(info_hash)
        return None if swarm is None else swarm.by_id.get(peer_id)

    def announce(self, info_hash: bytes, peer_id: str, link: Link) -> BrowserPeer:
        """The peer, which is new or known; from now on it belongs to this link."""
        swarm = self.by_hash.get(info_hash)
        if swarm is None:
            swarm = self.by_hash[info_hash] = BrowserSwarm(info_hash)
        peer = swarm.by_id.get(peer_id)
        if peer is None:
            peer = swarm.by_id[peer_id] = BrowserPeer(swarm, peer_id, link)
            peer.place = len(swarm.members)
            swarm.members.append(peer)
            self.peers += 1
        elif peer.link is not link:
            peer.link.peers.discard(peer)
            peer.link = link
        link.peers.add(peer)
        return peer

    def set_seeder(self, peer: BrowserPeer, is_seeder: bool) -> None:
        """Count a peer as a seeder or as a leecher."""
        if peer.is_seeder != is_seeder:
            peer.is_seeder = is_seeder
            change: i64 = 1 if is_seeder else -1
            peer.swarm.seeders += change
            self.seeders += change

    def remove(self, peer: BrowserPeer) -> None:
        """Remove a peer that is there."""
        self.set_seeder(peer, False)
        swarm = peer.swarm
        swarm.swap(peer.place, len(swarm.members) - 1)
        swarm.members.pop()
        del swarm.by_id[peer.peer_id]
        peer.link.peers.discard(peer)
        self.peers -= 1
        if not swarm.members:
            del self.by_hash[swarm.info_hash]

    def leave(self, link: Link) -> None:
        """Remove all peers of a link that is closed."""
        for peer in list(link.peers):
            self.remove(peer)

    def add_counts(self, a: Announce) -> None:
        """Add the torrent's browsers to the counts of an answer."""
        swarm = self.by_hash.get(a.info_hash)
        if swarm is not None:
            a.complete += swarm.seeders
            a.incomplete += len(swarm.members) - swarm.seeders

    def counts(self, info_hash: bytes) -> tuple[i64, i64]:
        """The seeders and the leechers of a torrent."""
        swarm = self.by_hash.get(info_hash)
        if swarm is None:
            return 0, 0
        return swarm.seeders, len(swarm.members) - swarm.seeders
