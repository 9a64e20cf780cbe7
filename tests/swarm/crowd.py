"""Trackers with known content: peers put in one by one, by plain announces."""

from collections.abc import Iterable
from typing import TypeVar

from librt.random import Random

from opentracker._features import WANT_V6
from opentracker.protocol.messages import EVENT_NONE, Announce
from opentracker.swarm.surveys.scan import Scan
from opentracker.swarm.tracker import Tracker

SomeSurvey = TypeVar("SomeSurvey", bound=Scan)

OWN = 16 if WANT_V6 else 4  # bytes of an address of the family that every build has


def tracker() -> Tracker:
    """A tracker without torrents."""
    return Tracker(Random(1))


def address(number: int, size: int = OWN) -> bytes:
    """10.x.x.x, or 2001:db8::/32 with the number in front, so that both have networks of their own."""
    if size == 4:
        return b"\x0a" + number.to_bytes(3, "big")
    return b"\x20\x01\x0d\xb8" + number.to_bytes(4, "big") + bytes(8)


def put(
    into: Tracker,
    info_hash: bytes,
    where: bytes,
    *,
    seeding: bool = False,
    event: int = EVENT_NONE,
    port: int = 6881,
) -> None:
    """Announce a peer."""
    a = Announce(both_families=True)
    a.info_hash = info_hash
    a.peer = where + port.to_bytes(2, "big")
    a.stored = True
    a.seeding = seeding
    a.event = event
    into.announce(a, 0)


def fill(into: Tracker, torrents: Iterable[tuple[bytes, int, int]]) -> None:
    """Put in torrents, each with its numbers of seeders and leechers."""
    for info_hash, seeders, leechers in torrents:
        for number in range(seeders + leechers):
            put(into, info_hash, address(number), seeding=number < seeders)


def known() -> Tracker:
    """Case T-03: 15 peers, 4 of them seeders, in 11 torrents; the first has 3 and 2."""
    into = tracker()
    hashes = [bytes([number]) * 20 for number in range(1, 12)]
    fill(into, [(hashes[0], 3, 2), (hashes[1], 1, 0), *[(info_hash, 0, 1) for info_hash in hashes[2:]]])
    return into


def done(survey: SomeSurvey) -> SomeSurvey:
    """A survey that has been carried out."""
    for _ in survey.steps():
        pass
    return survey
