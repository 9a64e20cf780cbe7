"""Messages of WebTorrent: trackers and browsers speak JSON over WebSockets. No BEP has them.

`parse_message` returns a request, or raises MessageError, which carries the answer; it raises nothing else. The forms
are those of bittorrent-tracker, aquatic, libtorrent and anacrolix/torrent. Strings of bytes, such as an info_hash, are
strings of the characters U+0000 to U+00FF.

A peer's `left` is 0 for a seeder alone: magnet links without metadata send null, other clients -1 or nothing. An
answer to an offer is an announce without most fields. Clients read every message as one of a torrent, so each answer
has `action` and `info_hash`; a message without a torrent gets none. The numbers are integers, and `interval` is in
answers to announces alone, since clients set their timer by each.
"""

from typing import Any, Final

from opentracker.errors import MessageError
from opentracker.protocol.json_text import decode, quoted
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED

ID_SIZE: Final = 20  # characters of an info_hash, a peer_id and an offer_id
MOST_OFFERS: Final = 50  # in a message; clients send 10 at most, older ones up to 50
MOST_SCRAPED: Final = 64  # hashes of a scrape that are answered, as over HTTP

# `paused` is libtorrent's, the rest are leniencies of bittorrent-tracker.
EVENTS: Final[dict[object, int]] = {
    None: EVENT_NONE,
    "": EVENT_NONE,
    "started": EVENT_STARTED,
    "completed": EVENT_COMPLETED,
    "stopped": EVENT_STOPPED,
    "paused": EVENT_NONE,
    "update": EVENT_NONE,
    "empty": EVENT_NONE,
}

ANNOUNCE: Final = "announce"
SCRAPE: Final = "scrape"


class Offer:
    """An offer of a WebRTC connection: `sdp` is for the peer that gets it."""

    __slots__ = ("offer_id", "sdp")

    def __init__(self, offer_id: str, sdp: str) -> None:
        self.offer_id = offer_id
        self.sdp = sdp


class WebAnnounce:
    """An announce, or the answer to an offer if `to_peer_id` is not empty.

    `left` is whether the client has something left: None if the message does not say so. All strings but `sdp` have 20
    characters.
    """

    __slots__ = ("event", "info_hash", "left", "offer_id", "offers", "peer_id", "sdp", "to_peer_id")

    def __init__(self, info_hash: str, peer_id: str) -> None:
        self.info_hash = info_hash
        self.peer_id = peer_id
        self.event = EVENT_NONE
        self.left: bool | None = None
        self.offers: list[Offer] = []
        self.to_peer_id = ""
        self.offer_id = ""
        self.sdp = ""  # of the answer


class WebScrape:
    """A scrape of some torrents."""

    __slots__ = ("info_hashes",)

    def __init__(self, info_hashes: list[str]) -> None:
        self.info_hashes = info_hashes


def parse_message(data: bytes) -> WebAnnounce | WebScrape:
    """Read a message. Raises MessageError."""
    try:
        message = decode(data)
    except (ValueError, RecursionError) as error:
        raise MessageError("not JSON") from error
    if not isinstance(message, dict):
        raise MessageError("not a JSON object")
    action = message.get("action")
    if action == ANNOUNCE:
        return _parse_announce(message)
    if action == SCRAPE:
        return _parse_scrape(message)
    raise MessageError("unknown action")


def is_id(value: object) -> bool:
    """Whether this is a string of 20 bytes."""
    return isinstance(value, str) and len(value) == ID_SIZE and (value.isascii() or max(value) <= "\xff")


def _parse_announce(message: dict[str, Any]) -> WebAnnounce:
    info_hash, peer_id = message.get("info_hash"), message.get("peer_id")
    if not is_id(info_hash):
        raise MessageError("invalid info_hash", ANNOUNCE)
    assert isinstance(info_hash, str)
    if not is_id(peer_id):
        raise MessageError("invalid peer_id", ANNOUNCE, info_hash)
    assert isinstance(peer_id, str)
    announce = WebAnnounce(info_hash, peer_id)
    if message.get("answer"):
        _parse_answer(message, announce)
        return announce
    event = message.get("event")
    if not isinstance(event, str | None) or event not in EVENTS:
        raise MessageError("invalid event", ANNOUNCE, info_hash)
    announce.event = EVENTS[event]
    if "left" in message:
        left = message["left"]
        announce.left = not (type(left) in (int, float) and left == 0)
    offers = message.get("offers")
    if isinstance(offers, list):
        if len(offers) > MOST_OFFERS:
            raise MessageError(f"more than {MOST_OFFERS} offers", ANNOUNCE, info_hash)
        announce.offers = [_parse_offer(offer, info_hash) for offer in offers]
    return announce


def _parse_answer(message: dict[str, Any], announce: WebAnnounce) -> None:
    to_peer_id, offer_id = message.get("to_peer_id"), message.get("offer_id")
    sdp = _sdp_of(message["answer"], "answer")
    if sdp is None or not is_id(to_peer_id) or not is_id(offer_id):
        raise MessageError("invalid answer", ANNOUNCE, announce.info_hash)
    assert isinstance(to_peer_id, str)
    assert isinstance(offer_id, str)
    announce.to_peer_id, announce.offer_id, announce.sdp = to_peer_id, offer_id, sdp


def _parse_offer(entry: object, info_hash: str) -> Offer:
    if isinstance(entry, dict) and is_id(entry.get("offer_id")):
        sdp = _sdp_of(entry.get("offer"), "offer")
        if sdp is not None:
            return Offer(entry["offer_id"], sdp)
    raise MessageError("invalid offer", ANNOUNCE, info_hash)


def _sdp_of(description: object, kind: str) -> str | None:
    """The SDP of a session description; None if it is no description, or its text could not be sent on as UTF-8."""
    if not isinstance(description, dict) or description.get("type") != kind:
        return None
    sdp = description.get("sdp")
    if not isinstance(sdp, str):
        return None
    try:
        sdp.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return sdp


def _parse_scrape(message: dict[str, Any]) -> WebScrape:
    asked = message.get("info_hash")
    if asked is None:
        raise MessageError("full scrapes are not answered here", SCRAPE)
    info_hashes = asked if isinstance(asked, list) else [asked]
    if not all(map(is_id, info_hashes)):
        raise MessageError("invalid info_hash", SCRAPE)
    return WebScrape(info_hashes[:MOST_SCRAPED])


# ---- Answers: UTF-8, from templates, as the encoder of a dict would cost twice as much -------------------------


def write_answer(info_hash: str, interval: int, complete: int, incomplete: int) -> bytes:
    """The answer to an announce."""
    return b'{"action":"announce","info_hash":%b,"interval":%d,"complete":%d,"incomplete":%d}' % (
        quoted(info_hash),
        interval,
        complete,
        incomplete,
    )


def write_offer(info_hash: str, peer_id: str, offer: Offer) -> bytes:
    """An offer, for the peer that gets it; `peer_id` is that of the peer that made it."""
    return _write_forwarded(info_hash, peer_id, b"offer", offer.sdp, offer.offer_id)


def write_forwarded_answer(announce: WebAnnounce) -> bytes:
    """The answer to an offer, for the peer that made the offer."""
    return _write_forwarded(announce.info_hash, announce.peer_id, b"answer", announce.sdp, announce.offer_id)


def _write_forwarded(info_hash: str, peer_id: str, kind: bytes, sdp: str, offer_id: str) -> bytes:
    form = b'{"action":"announce","info_hash":%b,"peer_id":%b,"%b":{"type":"%b","sdp":%b},"offer_id":%b}'
    return form % (quoted(info_hash), quoted(peer_id), kind, kind, quoted(sdp), quoted(offer_id))


def write_files(counts: dict[str, tuple[int, int, int]]) -> bytes:
    """The answer to a scrape: (complete, downloaded, incomplete) by info_hash."""
    files = [
        b'%b:{"complete":%d,"incomplete":%d,"downloaded":%d}'
        % (quoted(info_hash), complete, incomplete, downloaded)
        for info_hash, (complete, downloaded, incomplete) in counts.items()
    ]
    return b'{"action":"scrape","files":{%b}}' % b",".join(files)


def write_refusal(action: str, reason: str, info_hash: str) -> bytes:
    """A failure. Clients would close their connection, or end, if the action or the torrent were missing."""
    torrent = b',"info_hash":' + quoted(info_hash) if info_hash else b""
    return b'{"action":%b,"failure reason":%b%b}' % (quoted(action), quoted(reason), torrent)
