"""Browsers over several workers: the owner of a torrent has its swarm, and any worker may have their WebSockets.

A worker passes messages of its WebSockets on to the owners, which know a browser by a link that leads back. Both ways
each message, or each part of it that fits into a frame, has a head::

    u16 worker that sends · u32 number of the link · u16 peers of the link · u8 1 if more follows

The peers are those with other owners than the one that is told, so that each knows how many torrents a connection
has. A successor has none of the links of the worker that has died. Behind an owner that has died, browsers come back
with their next announce.
"""

import struct
from typing import Final

from librt.random import Random
from mypy_extensions import i64

from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.protocol.webtorrent import WebAnnounce, WebScrape, write_files
from opentracker.server.clock import Now
from opentracker.server.workers.frames import MOST_PAYLOAD, TELL
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.requests import counts_at
from opentracker.server.workers.scrapes import SharedScrape
from opentracker.swarm.browsers import Link
from opentracker.swarm.tracker import Tracker

# Hearers of a worker.
MESSAGE: Final = b"browser"  # a message of another worker's browser
REPLY: Final = b"to-browser"  # a message for a browser of this worker
LEFT: Final = b"browser-left"  # a browser of another worker has left; the head alone

HEAD: Final = struct.Struct("<HIHB")
HEAD_SIZE: Final = HEAD.size
MOST_PART: Final = MOST_PAYLOAD - HEAD_SIZE - 32  # bytes of a message; the rest is for the hearer's name


def tell(mesh: Mesh, worker: i64, name: bytes, number: int, peers: int, message: bytes) -> None:
    """Tell another worker a message of a browser, or for one, in as many parts as it takes; lost if it is clogged."""
    if mesh.channels[int(worker)].is_clogged():
        return
    own = int(mesh.ownership.own)
    at = 0
    while len(message) - at > MOST_PART:
        send(mesh, worker, name, HEAD.pack(own, number, peers, 1) + message[at : at + MOST_PART])
        at += MOST_PART
    send(mesh, worker, name, HEAD.pack(own, number, peers, 0) + message[at:])


def send(mesh: Mesh, worker: i64, name: bytes, packed: bytes) -> None:
    """Give a message to a hearer of another worker, however much that one has to read."""
    mesh.send(int(worker), TELL, 0, name + b" " + packed)


class Parts:
    """The parts of messages whose last one has not come, by worker and link."""

    def __init__(self) -> None:
        self.parts: dict[tuple[int, int], bytes] = {}

    def join(self, worker: int, number: int, more: int, part: bytes) -> bytes:
        """The whole message with this part; empty if more parts follow."""
        whole = self.parts.pop((worker, number), b"") + part
        if more:
            self.parts[worker, number] = whole
            return b""
        return whole

    def forget(self, worker: int) -> None:
        """Forget the parts of a worker that has died."""
        for key in [key for key in self.parts if key[0] == worker]:
            del self.parts[key]


class RemoteLink(Link):
    """The way to a browser of another worker."""

    def __init__(self, mesh: Mesh, worker: int, number: int) -> None:
        super().__init__()
        self.mesh = mesh
        self.worker = worker
        self.number = number

    def send(self, message: bytes) -> None:
        """See Link."""
        tell(self.mesh, self.worker, REPLY, self.number, len(self.peers), message)


class OwnLink:
    """A link of this worker that other owners know; `peers` has its number of peers with each of them."""

    __slots__ = ("link", "number", "peers")

    def __init__(self, link: Link, number: int) -> None:
        self.link = link
        self.number = number
        self.peers: dict[int, int] = {}

    def set_peers(self, owner: int, many: int) -> None:
        """Set the number of peers with an owner."""
        self.peers[owner] = many
        self.link.elsewhere = sum(self.peers.values())


class SharedRendezvous(Rendezvous):
    """The meeting point of one worker."""

    def __init__(self, tracker: Tracker, random: Random, mesh: Mesh, now: Now) -> None:
        super().__init__(tracker, random)
        self.mesh = mesh
        self.now = now
        self.own_links: dict[Link, OwnLink] = {}
        self.by_number: dict[int, OwnLink] = {}
        self.remote_links: dict[tuple[int, int], RemoteLink] = {}  # by worker and number
        self.messages_in, self.replies_in = Parts(), Parts()

    def head(self, number: int) -> bytes:
        """The head of a message without more than it."""
        return HEAD.pack(int(self.mesh.ownership.own), number, 0, 0)

    # ---- See Rendezvous ------------------------------------------------------------------------------------------

    def carry_out(self, message: WebAnnounce, data: bytes, link: Link, seconds: float) -> None:
        """See Rendezvous."""
        owner = self.mesh.ownership.owner_at(message.info_hash.encode("latin-1"), 0)
        if owner == self.mesh.ownership.own:
            super().carry_out(message, data, link, seconds)
        else:
            self.pass_on(int(owner), data, link)

    def scrape(self, message: WebScrape, link: Link) -> None:
        """See Rendezvous."""
        names = message.info_hashes

        def answer(scrape: SharedScrape) -> None:
            counts = [counts_at(entry, 0) for entry in scrape.entries]
            link.send(write_files(dict(zip(names, counts, strict=True))))

        self.scraped.value += 1
        scrape = SharedScrape(self.tracker, self.mesh, [name.encode("latin-1") for name in names])
        if not scrape.begin(answer):
            answer(scrape)

    def leave(self, link: Link) -> None:
        """See Rendezvous."""
        super().leave(link)
        own = self.own_links.pop(link, None)
        if own is not None:
            del self.by_number[own.number]
            for owner in own.peers:
                send(self.mesh, owner, LEFT, self.head(own.number))

    # ---- Between workers -----------------------------------------------------------------------------------------

    def pass_on(self, owner: int, data: bytes, link: Link) -> None:
        """Pass a message of a browser of this worker on to the owner of its torrent."""
        own = self.own_links.get(link)
        if own is None:
            own = self.own_links[link] = OwnLink(link, self.mesh.next_number())
            self.by_number[own.number] = own
        there = own.peers.setdefault(owner, 0)
        tell(self.mesh, owner, MESSAGE, own.number, len(link.peers) + link.elsewhere - there, data)

    def hear_message(self, packed: bytes) -> None:
        """Handle a message of another worker's browser."""
        worker, number, peers, more = HEAD.unpack_from(packed)
        data = self.messages_in.join(worker, number, more, packed[HEAD_SIZE:])
        if data:
            link = self.remote_links.get((worker, number))
            if link is None:
                link = self.remote_links[worker, number] = RemoteLink(self.mesh, worker, number)
            link.elsewhere = peers
            self.handle(data, link, self.now.seconds)

    def hear_reply(self, packed: bytes) -> None:
        """Send a message of an owner to a browser of this worker, unless it has left."""
        owner, number, peers, more = HEAD.unpack_from(packed)
        message = self.replies_in.join(owner, number, more, packed[HEAD_SIZE:])
        own = self.by_number.get(number)
        if message and own is not None:
            own.set_peers(owner, peers)
            own.link.send(message)

    def hear_left(self, packed: bytes) -> None:
        """Remove the peers of another worker's browser."""
        worker, number, _, _ = HEAD.unpack_from(packed)
        self.messages_in.parts.pop((worker, number), None)
        link = self.remote_links.pop((worker, number), None)
        if link is not None:
            self.browsers.leave(link)

    def succeeded(self, worker: int) -> None:
        """Forget the browsers of a worker that has died, and the peers that it owned."""
        self.messages_in.forget(worker)
        self.replies_in.forget(worker)
        for key in [key for key in self.remote_links if key[0] == worker]:
            self.browsers.leave(self.remote_links.pop(key))
        for own in self.own_links.values():
            if worker in own.peers:
                own.set_peers(worker, 0)
