"""Messages of WebTorrent: the forms of real clients, and everything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import MessageError
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED
from opentracker.protocol.webtorrent import (
    MOST_OFFERS,
    MOST_SCRAPED,
    Offer,
    WebAnnounce,
    WebScrape,
    parse_message,
    write_answer,
    write_files,
    write_forwarded_answer,
    write_offer,
    write_refusal,
)

HASH = '\x00\x1f"\\\x7f\x80\xff' + "h" * 13
PEER = "-WW0208-abcdefghijkl"
SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"


def announce(**more: Any) -> dict[str, Any]:
    """The fields of an announce."""
    return {"action": "announce", "info_hash": HASH, "peer_id": PEER, **more}


def offer(name: str = "o", **more: Any) -> dict[str, Any]:
    """The entry of an offer."""
    return {"offer": {"type": "offer", "sdp": SDP}, "offer_id": name * 20, **more}


def parsed(message: object) -> WebAnnounce:
    """A message that is an announce."""
    request = parse_message(json.dumps(message).encode())
    assert isinstance(request, WebAnnounce)
    return request


def refusal(message: object) -> tuple[str, str, str]:
    """The action, the reason and the torrent of a message that is refused."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    with pytest.raises(MessageError) as caught:
        parse_message(data)
    return caught.value.action, caught.value.reason, caught.value.info_hash


# As the clients send them (spec: JS is bittorrent-tracker 11, LT libtorrent, AX anacrolix/torrent, TR trystero).
FORMS = {
    "JS start": (
        announce(
            numwant=2, uploaded=0, downloaded=0, left=None, event="started", offers=[offer("1"), offer("2")]
        ),
        (EVENT_STARTED, True, 2),
    ),
    "JS seeder": (
        announce(numwant=50, uploaded=0, downloaded=0, left=0, event="completed"),
        (EVENT_COMPLETED, False, 0),
    ),
    "JS stop": (announce(numwant=50, uploaded=0, downloaded=0, event="stopped"), (EVENT_STOPPED, None, 0)),
    "LT paused": (
        announce(numwant=10, left=16384, corrupt=0, key="DEADBEEF", event="paused", offers=[]),
        (EVENT_NONE, True, 0),
    ),
    "AX": (announce(numwant=1, left=-1, event="started", offers=[offer()]), (EVENT_STARTED, True, 1)),
    "AX stop": (announce(numwant=0, left=-1, event="stopped", offers=None), (EVENT_STOPPED, True, 0)),
    "TR": (announce(numwant=3, offers=[offer("1")] * 3), (EVENT_NONE, None, 3)),
    "empty answer": (announce(answer=None, left=1), (EVENT_NONE, True, 0)),
    "tracker id": (announce(trackerid={"any": 1}, left=5), (EVENT_NONE, True, 0)),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_forms_of_real_clients(name: str) -> None:
    message, (event, left, offers) = FORMS[name]
    request = parsed(message)
    assert (request.info_hash, request.peer_id, request.to_peer_id) == (HASH, PEER, "")
    assert (request.event, request.left, len(request.offers)) == (event, left, offers)


def test_w17_a_hash_is_the_same_however_it_is_escaped() -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in HASH)
    for text in (f'"{escaped}"', json.dumps(HASH), json.dumps(HASH, ensure_ascii=False)):
        data = f'{{"action":"announce","info_hash":{text},"peer_id":"{PEER}"}}'.encode()
        request = parse_message(data)
        assert isinstance(request, WebAnnounce)
        assert request.info_hash == HASH


@pytest.mark.parametrize(
    ("left", "has_some"),
    [
        *((0, False), (0.0, False), (-0.0, False)),
        *(
            (1, True),
            (-1, True),
            (0.5, True),
            (None, True),
            ("", True),
            ("0", True),
            (False, True),
            ([], True),
        ),
    ],
)
def test_a_seeder_has_exactly_0_left(left: object, has_some: bool) -> None:
    assert parsed(announce(left=left)).left is has_some


@pytest.mark.parametrize("event", ["update", "empty", "", None, "paused"])
def test_events_that_mean_none(event: object) -> None:
    assert parsed(announce(event=event)).event == EVENT_NONE


def test_an_answer_is_no_announce() -> None:
    request = parsed(
        announce(
            answer={"type": "answer", "sdp": SDP}, to_peer_id="t" * 20, offer_id="o" * 20, event="x", offers=5
        )
    )
    assert (request.to_peer_id, request.offer_id, request.sdp) == ("t" * 20, "o" * 20, SDP)
    assert request.offers == []


@pytest.mark.parametrize("offers", [None, "x", {}, 5, []])
def test_what_is_no_list_has_no_offers(offers: object) -> None:
    assert parsed(announce(offers=offers)).offers == []


@pytest.mark.parametrize(
    "bad", ["h" * 19, "h" * 21, "68" * 20, "h" * 19 + "\u0100", 5, None, [], "\U0001f600" * 20]
)
def test_w18_what_is_no_hash(bad: object) -> None:
    assert refusal(announce(info_hash=bad)) == ("announce", "invalid info_hash", "")
    assert refusal(announce(peer_id=bad)) == ("announce", "invalid peer_id", HASH)
    assert refusal({"action": "scrape", "info_hash": [HASH, bad]}) == ("scrape", "invalid info_hash", "")


@pytest.mark.parametrize(
    "entry",
    [
        *(None, {}, "x", 5, [], offer(offer_id="short"), offer(offer_id=None), offer(offer=None)),
        *(offer(offer={"type": "answer", "sdp": SDP}), offer(offer={"type": "offer"})),
        offer(offer={"type": "offer", "sdp": "\ud800"}),
    ],
)
def test_offers_that_are_none(entry: object) -> None:
    assert refusal(announce(offers=[offer(), entry])) == ("announce", "invalid offer", HASH)


def test_a_limit_on_offers() -> None:
    assert len(parsed(announce(offers=[offer()] * MOST_OFFERS)).offers) == MOST_OFFERS
    action, reason, info_hash = refusal(announce(offers=[offer()] * (MOST_OFFERS + 1)))
    assert (action, reason, info_hash) == ("announce", "more than 50 offers", HASH)


@pytest.mark.parametrize(
    "more",
    [
        {"to_peer_id": None},
        {"to_peer_id": "t" * 19},
        {"offer_id": "o"},
        {"answer": {"type": "offer", "sdp": SDP}},
        {"answer": {"type": "answer", "sdp": 5}},
        {"answer": "text"},
    ],
)
def test_answers_that_are_none(more: dict[str, Any]) -> None:
    good = {"answer": {"type": "answer", "sdp": SDP}, "to_peer_id": "t" * 20, "offer_id": "o" * 20}
    assert refusal(announce(**(good | more))) == ("announce", "invalid answer", HASH)


@pytest.mark.parametrize("event", ["Started", "x", 0, True, [], {}])
def test_other_events_are_refused(event: object) -> None:
    assert refusal(announce(event=event)) == ("announce", "invalid event", HASH)


BOMBS = {
    "null": b"null",
    "number": b"5",
    "list": b"[]",
    "cut": b"{",
    "not utf-8": b'{"action":"\xff"}',
    "utf-16": json.dumps({"action": "scrape"}).encode("utf-16"),
    "deep": b"[" * 60000,
    "deep in a key": b'{"action":"announce","x":' + b"[" * 30000 + b"]" * 30000 + b"}",
    "NaN": b'{"action":"announce","left":NaN}',
    "Infinity": b'{"action":"announce","left":-Infinity}',
    "digits": b'{"action":"announce","left":' + b"9" * 5000 + b"}",
    "control": b'{"action":"announce\x01"}',
    "no action": b"{}",
    "other action": b'{"action":"Announce"}',
    "action of another type": b'{"action":["announce"]}',
}


@pytest.mark.parametrize("name", BOMBS)
def test_w19_what_is_no_message_gets_no_answer(name: str) -> None:
    assert refusal(BOMBS[name])[0] == ""


def test_an_overflowing_number_is_a_leecher() -> None:
    data = json.dumps(announce()).replace("}", ',"left":1e400}')
    request = parse_message(data.encode())
    assert isinstance(request, WebAnnounce)
    assert request.left


def test_scrapes() -> None:
    for asked, info_hashes in (
        (HASH, [HASH]),
        ([HASH, "x" * 20], [HASH, "x" * 20]),
        ([], []),
        ([HASH] * 100, [HASH] * MOST_SCRAPED),
    ):
        request = parse_message(json.dumps({"action": "scrape", "info_hash": asked}).encode())
        assert isinstance(request, WebScrape)
        assert request.info_hashes == info_hashes


def test_scrapes_that_are_refused() -> None:
    assert refusal({"action": "scrape"}) == ("scrape", "full scrapes are not answered here", "")
    assert refusal({"action": "scrape", "info_hash": None})[1] == "full scrapes are not answered here"
    assert refusal({"action": "scrape", "info_hash": 5}) == ("scrape", "invalid info_hash", "")


def test_answers_have_exactly_the_fields_that_clients_need() -> None:
    assert json.loads(write_answer(HASH, 120, 1, 2)) == {
        "action": "announce",
        "info_hash": HASH,
        "interval": 120,
        "complete": 1,
        "incomplete": 2,
    }
    assert json.loads(write_offer(HASH, PEER, Offer("o" * 20, SDP))) == announce(
        offer={"type": "offer", "sdp": SDP}, offer_id="o" * 20
    )
    message = announce(answer={"type": "answer", "sdp": SDP}, offer_id="o" * 20)
    assert json.loads(write_forwarded_answer(parsed(message | {"to_peer_id": "t" * 20}))) == message
    assert json.loads(write_files({HASH: (1, 2, 3)})) == {
        "action": "scrape",
        "files": {HASH: {"complete": 1, "downloaded": 2, "incomplete": 3}},
    }
    assert json.loads(write_refusal("announce", "why", HASH)) == {
        "action": "announce",
        "failure reason": "why",
        "info_hash": HASH,
    }
    assert "info_hash" not in json.loads(write_refusal("scrape", "why", ""))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=25)
    | st.sampled_from([HASH, PEER]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = [
    "action",
    "info_hash",
    "peer_id",
    "event",
    "left",
    "offers",
    "answer",
    "to_peer_id",
    "offer_id",
    "numwant",
]


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=10), st.booleans())
def test_any_json_raises_the_declared_error_alone(message: dict[str, object], good: bool) -> None:
    if good:
        message |= announce()
    try:
        parse_message(json.dumps(message).encode())
    except MessageError:
        pass


@given(st.binary(max_size=200))
def test_any_bytes_raise_the_declared_error_alone(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse_message(data)
