"""Announces, offers and answers of browsers, without a socket: the cases W-01 to W-15."""

import json
from typing import Any

import pytest
from librt.random import Random

from opentracker._features import (
    OT_WEBTORRENT_INTERVAL,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_CLIENT_APPROVAL,
    WANT_MAX_PEER,
)
from opentracker.features.webtorrent.metrics import COUNTERS
from opentracker.features.webtorrent.rendezvous import MOST_PEERS, PATIENCE, Rendezvous
from opentracker.swarm.browsers import Link
from opentracker.swarm.tracker import Tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission
    from opentracker.swarm.tracker import admit_by
if WANT_CLIENT_APPROVAL:
    from opentracker.swarm.policy.approval import parse_rule
if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
    from opentracker.swarm.tracker import limit_by

ONE, TWO = "i" * 20, "j" * 20


class Client(Link):
    """A peer on a link of its own."""

    def __init__(self, meeting: "Meeting", name: str) -> None:
        super().__init__()
        self.meeting = meeting
        self.peer_id = name * 20
        self.received: list[dict[str, Any]] = []

    def send(self, message: bytes) -> None:
        """See Link: a message that comes from the tracker."""
        self.received.append(json.loads(message))

    def take(self) -> list[dict[str, Any]]:
        """The messages that have come."""
        taken, self.received = self.received, []
        return taken

    def say(self, message: object) -> None:
        """Send a message to the tracker."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.meeting.rendezvous.receive(data, self, self.meeting.seconds)

    def announce(self, info_hash: str = ONE, offers: str = "", **more: Any) -> None:
        """Announce, with an offer for each letter."""
        listed = [
            {"offer": {"type": "offer", "sdp": f"sdp {each}"}, "offer_id": each * 20} for each in offers
        ]
        self.say(
            {"action": "announce", "info_hash": info_hash, "peer_id": self.peer_id, "offers": listed, **more}
        )

    def answer(self, to: str, offer: str, info_hash: str = ONE) -> None:
        """Answer an offer."""
        self.say(
            {
                "action": "announce",
                "info_hash": info_hash,
                "peer_id": self.peer_id,
                "to_peer_id": to * 20,
                "offer_id": offer * 20,
                "answer": {"type": "answer", "sdp": "sdp of the answer"},
            }
        )

    def scrape(self, *info_hashes: str) -> Any:
        """The files of a scrape."""
        self.say({"action": "scrape", "info_hash": list(info_hashes)})
        (answer,) = self.take()
        return answer["files"]


class Meeting:
    """A tracker, and a clock of the test's own."""

    def __init__(self) -> None:
        self.tracker = Tracker(Random(5))
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            admit_by(self.tracker, Admission())
        self.tracker.counters.bring(COUNTERS)
        self.rendezvous = Rendezvous(self.tracker, Random(6))
        self.seconds = 1000.0

    def client(self, name: str) -> Client:
        """A client with this letter as its peer_id."""
        return Client(self, name)

    def counted(self, name: str) -> int:
        """The value of a counter."""
        return self.tracker.counters.values()[name]


@pytest.fixture
def meeting() -> Meeting:
    return Meeting()


def told(complete: int, incomplete: int, info_hash: str = ONE) -> dict[str, Any]:
    """The answer to an announce."""
    return {
        "action": "announce",
        "info_hash": info_hash,
        "interval": OT_WEBTORRENT_INTERVAL,
        "complete": complete,
        "incomplete": incomplete,
    }


def offered(by: str, offer: str) -> dict[str, Any]:
    """An offer as it is forwarded."""
    return {
        "action": "announce",
        "info_hash": ONE,
        "peer_id": by * 20,
        "offer": {"type": "offer", "sdp": f"sdp {offer}"},
        "offer_id": offer * 20,
    }


def answered(by: str, offer: str) -> dict[str, Any]:
    """An answer as it is forwarded."""
    return {
        "action": "announce",
        "info_hash": ONE,
        "peer_id": by * 20,
        "answer": {"type": "answer", "sdp": "sdp of the answer"},
        "offer_id": offer * 20,
    }


def refused(reason: str, info_hash: str = ONE) -> dict[str, Any]:
    """A failure."""
    return {"action": "announce", "failure reason": reason, "info_hash": info_hash}


def test_w01_to_w15_in_order(meeting: Meeting) -> None:
    """The rows of the page of cases, with their state."""
    a, b, c = map(meeting.client, "ABC")
    a.announce(event="started", left=10, offers="12")  # W-01
    assert a.take() == [told(0, 1)]

    b.announce(event="started", left=10, offers="345")  # W-02
    assert b.take() == [told(0, 2)]
    assert a.take() == [offered("B", "3")]

    a.answer("B", "3")  # W-03
    assert (a.take(), b.take()) == ([], [answered("A", "3")])

    a.answer("B", "3")  # W-04
    assert (a.take(), b.take()) == ([refused("no offer is waiting for this answer")], [])

    c.announce(left=0, offers="678")  # W-05
    assert c.take() == [told(1, 2)]
    to_a, to_b = a.take(), b.take()
    assert len(to_a) == len(to_b) == 1
    assert {each["offer_id"][0] for each in to_a + to_b} == {"6", "7"}

    c.announce(left=0, numwant=50)  # W-06
    assert (c.take(), a.take(), b.take()) == ([told(1, 2)], [], [])

    a.answer("Z", "6")  # W-07
    assert (a.take(), b.take(), c.take()) == ([], [], [])

    a.announce(left=10, offers="90")  # W-08
    assert a.take() == [told(1, 2)]
    (to_c,) = c.take()
    c.answer("A", to_c["offer_id"][0])
    assert a.take() == [answered("C", to_c["offer_id"][0])]
    assert a.scrape(ONE) == {ONE: {"complete": 1, "incomplete": 2, "downloaded": 0}}
    b.take()

    b.announce(event="completed", left=0, numwant=50)  # W-09
    assert b.take() == [told(2, 1)]
    b.announce(event="completed", left=0, numwant=50)  # W-10
    assert b.take() == [told(2, 1)]

    a.announce(TWO, left=None)  # W-11
    assert a.take() == [told(0, 1, TWO)]
    assert b.scrape(ONE)[ONE]["incomplete"] == 1

    a.announce(event="stopped")  # W-12
    assert a.take() == [told(2, 0)]
    b.announce(left=0, offers="wxy")
    assert (b.take(), a.take(), len(c.take())) == ([told(2, 0)], [], 1)

    a.announce(event="stopped")  # W-13
    assert a.take() == [told(2, 0)]

    unknown = "u" * 20
    zeros = {"complete": 0, "incomplete": 0, "downloaded": 0}
    assert b.scrape(ONE, TWO, unknown) == {  # W-14
        ONE: zeros | {"complete": 2},
        TWO: zeros | {"incomplete": 1},
        unknown: zeros,
    }

    meeting.rendezvous.leave(a)  # W-15
    assert b.scrape(TWO) == {TWO: zeros}


def test_the_messages_are_counted(meeting: Meeting) -> None:
    a, b = map(meeting.client, "AB")
    a.announce()
    b.announce(offers="1")
    a.answer("B", "1")
    a.answer("B", "1")
    a.take()
    a.scrape(ONE)
    a.say(b"null")
    assert {
        name: meeting.counted(f"web_{name}")
        for name in (
            "messages",
            "announces",
            "offers",
            "answers",
            "unmatched",
            "scrapes",
            "failures",
            "malformed",
        )
    } == {
        "messages": 6,
        "announces": 2,
        "offers": 1,
        "answers": 1,
        "unmatched": 1,
        "scrapes": 1,
        "failures": 1,
        "malformed": 1,
    }


def test_w16_the_newest_link_of_a_peer_gets_its_offers(meeting: Meeting) -> None:
    old, new, b = meeting.client("A"), meeting.client("A"), meeting.client("B")
    old.announce()
    new.announce()
    b.announce(offers="1")
    assert (len(old.take()), len(new.take())) == (1, 2)
    old.announce(event="stopped")  # it is no longer the old one's
    assert old.take() == [told(0, 2)]
    meeting.rendezvous.leave(old)
    b.take()
    b.announce(offers="2")
    assert (b.take(), new.take()) == ([told(0, 2)], [offered("B", "2")])


def test_w21_an_answer_that_nobody_asked_for(meeting: Meeting) -> None:
    a, b, c = map(meeting.client, "ABC")
    for each in (a, b):
        each.announce()
        each.take()
    a.answer("B", "1")
    assert (a.take(), b.take()) == ([refused("no offer is waiting for this answer")], [])
    c.answer("B", "1")  # who is not in the torrent
    assert (c.take(), b.take()) == ([refused("no offer is waiting for this answer")], [])
    assert b.scrape(ONE)[ONE]["incomplete"] == 2


def test_w22_an_answer_that_comes_too_late(meeting: Meeting) -> None:
    a, b = map(meeting.client, "AB")
    a.announce()
    b.announce(offers="12")
    b.announce(offers="2")
    a.take()
    b.take()
    meeting.seconds += PATIENCE
    a.answer("B", "1")
    assert b.take() == [answered("A", "1")]
    meeting.seconds += 0.1
    a.answer("B", "2")
    assert (a.take(), b.take()) == ([refused("no offer is waiting for this answer")], [])


def test_w23_an_answer_for_somebody_who_has_left_is_dropped(meeting: Meeting) -> None:
    a, b = map(meeting.client, "AB")
    a.announce()
    b.announce(offers="1")
    meeting.rendezvous.leave(b)
    a.take()
    a.answer("B", "1")
    assert a.take() == []
    assert meeting.counted("web_unmatched") == 1


def test_w24_another_peer_cannot_answer_in_its_name(meeting: Meeting) -> None:
    """The entry of a peer is its link's; an answer does not take it over, as an announce would."""
    a, b, thief = meeting.client("A"), meeting.client("B"), meeting.client("A")
    a.announce()
    b.announce(offers="1")
    b.take()
    thief.answer("B", "1")
    assert (thief.take(), b.take()) == ([refused("no offer is waiting for this answer")], [])
    a.answer("B", "1")
    assert b.take() == [answered("A", "1")]


def test_a_leecher_becomes_a_seeder_and_back(meeting: Meeting) -> None:
    a = meeting.client("A")
    for more, counts in (
        ({"left": 10}, (0, 1)),
        ({"left": 0}, (1, 0)),
        ({}, (1, 0)),  # without a word on it
        ({"left": 5}, (0, 1)),
        ({"event": "completed"}, (1, 0)),
        ({"left": None}, (0, 1)),
    ):
        a.announce(**more)
        assert a.take() == [told(*counts)]


def test_offers_of_who_stops_are_not_forwarded(meeting: Meeting) -> None:
    a, b = map(meeting.client, "AB")
    a.announce()
    a.take()
    b.announce(event="stopped", offers="1")
    assert (a.take(), b.take()) == ([], [told(0, 1)])


def test_two_peers_on_one_link_are_two_peers(meeting: Meeting) -> None:
    one, b = meeting.client("A"), meeting.client("B")
    one.announce()
    one.peer_id = "C" * 20
    one.announce(offers="1")
    assert one.take() == [told(0, 1), told(0, 2), offered("C", "1")]
    b.announce()
    assert b.take() == [told(0, 3)]
    meeting.rendezvous.leave(one)
    b.announce()
    assert b.take() == [told(0, 1)]


def test_w28_a_connection_that_ends_while_it_is_answered(meeting: Meeting) -> None:
    """Its offers are not forwarded, and its peers are gone."""

    class Ending(Client):
        """One that is reset as soon as it is sent something."""

        def send(self, message: bytes) -> None:
            self.meeting.rendezvous.leave(self)

    a = meeting.client("A")
    a.announce()
    a.take()
    ending = Ending(meeting, "E")
    ending.announce(offers="12")
    assert a.take() == []
    a.announce(offers="3")
    assert a.take() == [told(0, 1)]


def test_w25_a_limit_on_the_torrents_of_a_link(meeting: Meeting) -> None:
    a = meeting.client("A")
    for number in range(MOST_PEERS):
        a.announce(f"{number:020}")
    a.take()
    a.announce("x" * 20)
    a.announce(f"{0:020}")
    failure, answer = a.take()
    assert failure == refused(f"more than {MOST_PEERS} torrents on a connection", "x" * 20)
    assert answer == told(0, 1, f"{0:020}")


@pytest.mark.needs("WANT_MAX_PEER")
def test_w26_near_a_limit_newcomers_are_refused(meeting: Meeting) -> None:
    a, b = map(meeting.client, "AB")
    a.announce()
    limits = Limits()
    limits.near_limit = True
    limit_by(meeting.tracker, limits)
    meeting.tracker.limits.near_limit = True
    a.announce()
    b.announce()
    assert a.take() == [told(0, 1), told(0, 1)]
    assert b.take() == [refused("the tracker has no room for new peers")]


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    class Refusing(Admission):
        """Refuses one torrent."""

        def allows(self, info_hash: bytes) -> bool:
            return info_hash != ONE.encode()

    def test_w27_a_refused_torrent_has_no_browsers(meeting: Meeting) -> None:
        text = "Requested download is not authorized for use with this tracker."
        a, b = map(meeting.client, "AB")
        a.announce()
        b.announce(offers="1")
        a.take()
        b.take()
        admit_by(meeting.tracker, Refusing())
        a.announce()
        a.answer("B", "1")
        assert a.take() == [refused(text), refused(text)]
        assert b.take() == []
        a.announce(TWO)
        assert a.take() == [told(0, 1, TWO)]
        assert meeting.counted("refused_accesslist") == 2


@pytest.mark.needs("WANT_CLIENT_APPROVAL")
def test_v02_a_browser_that_is_not_approved(meeting: Meeting) -> None:
    meeting.tracker.approval.install([parse_rule("-WW")], [])
    client = meeting.client("x")
    client.announce()
    (refusal,) = client.take()
    assert refusal["failure reason"].startswith("Your client xxxxxxxx is not allowed on this tracker")
    client.peer_id = "-WW0102-" + "x" * 12
    client.announce()
    (answer,) = client.take()
    assert answer["incomplete"] == 1
