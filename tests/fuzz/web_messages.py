"""Messages of WebTorrent at a tracker with two browsers: declared errors alone, and answers that clients understand."""

import json
from typing import Any

from librt.random import Random

from opentracker.features.webtorrent.metrics import COUNTERS
from opentracker.features.webtorrent.rendezvous import Rendezvous
from opentracker.swarm.browsers import Link
from opentracker.swarm.tracker import Tracker

WORDS = [
    b'"action":"announce"',
    b'"action":"scrape"',
    b'"info_hash":"',
    b"aaaaaaaaaaaaaaaaaaaa",
    b'"peer_id":"',
]
WORDS += [
    b"pppppppppppppppppppp",
    b"qqqqqqqqqqqqqqqqqqqq",
    b'"offers":[',
    b'"offer":{"type":"offer","sdp":"x"}',
]
WORDS += [
    b'"answer":{"type":"answer","sdp":"x"}',
    b'"to_peer_id":"',
    b'"offer_id":"',
    b'"left":',
    b'"event":"',
]
WORDS += [
    b"null",
    b"\\u0000",
    b"\\ud800",
    b"\xc3\xbf",
    b"[" * 50,
    b"1e400",
    b"NaN",
    b"9" * 400,
    b"{",
    b"}",
    b",",
]

FIELDS = {
    "interval": {"action", "info_hash", "interval", "complete", "incomplete"},
    "offer": {"action", "info_hash", "peer_id", "offer", "offer_id"},
    "answer": {"action", "info_hash", "peer_id", "answer", "offer_id"},
    "files": {"action", "files"},
}


class Heard(Link):
    """A link that keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.messages.append(message)


def check_message(message: dict[str, Any]) -> None:
    """An answer has all of the fields of its kind, and no others."""
    assert message["action"] in ("announce", "scrape")
    if "failure reason" in message:
        assert set(message) <= {"action", "failure reason", "info_hash"}
    else:
        (kind,) = set(FIELDS) & set(message)
        assert set(message) == FIELDS[kind]
    assert len(message.get("info_hash", "i" * 20)) == 20


def check(data: bytes) -> None:
    """A message of one browser, with another one in the torrent of the seeds; then it closes."""
    tracker = Tracker(Random(1))
    tracker.counters.bring(COUNTERS)
    rendezvous = Rendezvous(tracker, Random(2))
    other, link = Heard(), Heard()
    offer = {"offer": {"type": "offer", "sdp": "x"}, "offer_id": "o" * 20}
    announce = {"action": "announce", "info_hash": "a" * 20, "peer_id": "p" * 20}
    rendezvous.receive(json.dumps(announce).encode(), link, 1.0)
    rendezvous.receive(json.dumps(announce | {"peer_id": "q" * 20, "offers": [offer]}).encode(), other, 2.0)
    rendezvous.receive(data, link, 3.0)
    for message in link.messages + other.messages:
        check_message(json.loads(message))
    browsers = tracker.browsers
    assert browsers.peers == len(link.peers) + len(other.peers)
    assert browsers.peers == sum(len(swarm.members) for swarm in browsers.by_hash.values())
    rendezvous.leave(link)
    rendezvous.leave(other)
    assert (browsers.peers, browsers.seeders, browsers.by_hash) == (0, 0, {})
