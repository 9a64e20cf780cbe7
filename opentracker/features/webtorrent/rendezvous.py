"""A meeting point of browsers: announces, scrapes, offers and answers, without a socket.

Each offer of an announce goes to one random peer of the torrent, and each peer gets one offer of an announce at most;
further offers are dropped. An answer goes to the peer that made the offer, if the offer was sent to the peer that
answers, and not long ago. An answer that nobody waits for is dropped: its maker may have just left.
"""

from typing import Final

from librt.random import Random

from opentracker._features import (
    OT_WEBTORRENT_INTERVAL,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_CLIENT_APPROVAL,
    WANT_MAX_PEER,
)
from opentracker.errors import MessageError, TrackerFailure
from opentracker.features.webtorrent.metrics import (
    ANNOUNCED,
    ANSWERED,
    FAILED,
    MALFORMED,
    MESSAGES,
    OFFERED,
    SCRAPED,
    UNMATCHED,
)
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_STOPPED
from opentracker.protocol.webtorrent import (
    ANNOUNCE,
    WebAnnounce,
    WebScrape,
    parse_message,
    write_answer,
    write_files,
    write_forwarded_answer,
    write_offer,
    write_refusal,
)
from opentracker.swarm.browsers import BrowserPeer, Link
from opentracker.swarm.tracker import Tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import UNAUTHORIZED

# Seconds for an answer to an offer: clients give an offer up after 50 to 120.
PATIENCE: Final = 120.0
MOST_PEERS: Final = 2000  # of one link, in all torrents
TOO_MANY_PEERS: Final = f"more than {MOST_PEERS} torrents on a connection"
NO_ROOM: Final = "the tracker has no room for new peers"
NO_OFFER: Final = "no offer is waiting for this answer"


class Rendezvous:
    """Handles messages; each comes from a link, and its answers are sent to links."""

    def __init__(self, tracker: Tracker, random: Random) -> None:
        self.tracker = tracker
        self.browsers = tracker.browsers
        self.random = random
        count_of = tracker.counters.count_of
        self.messages, self.failed, self.malformed = map(count_of, (MESSAGES, FAILED, MALFORMED))
        self.announced, self.scraped = count_of(ANNOUNCED), count_of(SCRAPED)
        self.offered, self.answered, self.unmatched = map(count_of, (OFFERED, ANSWERED, UNMATCHED))

    def receive(self, data: bytes, link: Link, seconds: float) -> None:
        """Handle a message of a link at a time in seconds of the loop's clock."""
        self.messages.value += 1
        self.handle(data, link, seconds)

    def handle(self, data: bytes, link: Link, seconds: float) -> None:
        """As `receive`, for a message that is counted already."""
        try:
            message = parse_message(data)
            if isinstance(message, WebScrape):
                self.scrape(message, link)
            else:
                self.carry_out(message, data, link, seconds)
        except MessageError as error:
            self.refuse(error, link)

    def carry_out(self, message: WebAnnounce, data: bytes, link: Link, seconds: float) -> None:
        """Carry out an announce, or the answer to an offer, that `data` is. Raises MessageError."""
        if message.to_peer_id:
            self.answer(message, link, seconds)
        else:
            self.announce(message, link, seconds)

    def refuse(self, error: MessageError, link: Link) -> None:
        """Tell a client about its message, if the message was about something."""
        if error.action:
            self.failed.value += 1
            link.send(write_refusal(error.action, error.reason, error.info_hash))
        else:
            self.malformed.value += 1

    def check(self, info_hash: bytes, name: str) -> None:
        """Raise MessageError for a torrent that the access list refuses."""
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if not self.tracker.admits(info_hash):
                self.tracker.refused.value += 1
                raise MessageError(UNAUTHORIZED.decode("ascii"), ANNOUNCE, name)

    def check_client(self, message: WebAnnounce) -> None:
        """Raise MessageError for a client that is not approved."""
        if WANT_CLIENT_APPROVAL and self.tracker.approval.in_force:
            try:
                self.tracker.approval.check(message.peer_id.encode("latin-1"))
            except TrackerFailure as failure:
                raise MessageError(failure.reason.decode("ascii"), ANNOUNCE, message.info_hash) from failure

    def find_or_add(self, info_hash: bytes, message: WebAnnounce, link: Link) -> BrowserPeer:
        """The peer of a message, which now belongs to this link. Raises MessageError if a new one is too many."""
        if self.browsers.find(info_hash, message.peer_id) is None:
            if len(link.peers) + link.elsewhere >= MOST_PEERS:
                raise MessageError(TOO_MANY_PEERS, ANNOUNCE, message.info_hash)
            if WANT_MAX_PEER and self.tracker.limits.near_limit:
                raise MessageError(NO_ROOM, ANNOUNCE, message.info_hash)
        return self.browsers.announce(info_hash, message.peer_id, link)

    def announce(self, message: WebAnnounce, link: Link, seconds: float) -> None:
        """Store or remove a peer, tell it the counts, and forward its offers."""
        info_hash = message.info_hash.encode("latin-1")
        self.check(info_hash, message.info_hash)
        self.check_client(message)
        peer: BrowserPeer | None = None
        if message.event == EVENT_STOPPED:
            gone = self.browsers.find(info_hash, message.peer_id)
            if gone is not None and gone.link is link:
                self.browsers.remove(gone)
        else:
            peer = self.find_or_add(info_hash, message, link)
            if message.event == EVENT_COMPLETED:
                self.browsers.set_seeder(peer, True)
            elif message.left is not None:
                self.browsers.set_seeder(peer, not message.left)
        complete, _, incomplete = self.tracker.scrape(info_hash)
        self.announced.value += 1
        link.send(write_answer(message.info_hash, OT_WEBTORRENT_INTERVAL, complete, incomplete))
        if message.offers and peer in link.peers:  # the connection may have ended with the answer
            self.forward(message, peer, seconds)

    def forward(self, message: WebAnnounce, peer: BrowserPeer, seconds: float) -> None:
        """Send each offer to a peer of its own."""
        chosen = peer.swarm.choose(len(message.offers), peer, self.random)
        for offer, other in zip(message.offers, chosen, strict=False):
            other.note_offer(peer.peer_id, offer.offer_id, seconds)
            other.link.send(write_offer(message.info_hash, peer.peer_id, offer))
        self.offered.value += len(chosen)

    def answer(self, message: WebAnnounce, link: Link, seconds: float) -> None:
        """Send an answer to the peer that made the offer. It has no answer itself, and changes no role."""
        info_hash = message.info_hash.encode("latin-1")
        self.check(info_hash, message.info_hash)
        peer = self.browsers.find(info_hash, message.peer_id)
        maker = self.browsers.find(info_hash, message.to_peer_id)
        if peer is None or peer.link is not link:
            self.unmatched.value += 1
            raise MessageError(NO_OFFER, ANNOUNCE, message.info_hash)
        was_offered = peer.take_offer(message.to_peer_id, message.offer_id, seconds - PATIENCE)
        if maker is None:  # it has left
            self.unmatched.value += 1
        elif was_offered:
            self.answered.value += 1
            maker.link.send(write_forwarded_answer(message))
        else:
            self.unmatched.value += 1
            raise MessageError(NO_OFFER, ANNOUNCE, message.info_hash)

    def scrape(self, message: WebScrape, link: Link) -> None:
        """Tell the counts of some torrents."""
        counts = {}
        for name in message.info_hashes:
            counts[name] = self.tracker.scrape(name.encode("latin-1"))
        self.scraped.value += 1
        link.send(write_files(counts))

    def leave(self, link: Link) -> None:
        """Remove the peers of a link that is closed."""
        self.browsers.leave(link)
