"""The peers of one torrent as an operator sees them: small torrents and large swarms, both families, every age."""

import pytest

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.membership import Membership
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.crowd import address, put, tracker

HASH = b"A" * 20
SIZES = [16] if WANT_V6 else [4] if WANT_V4_ONLY else [4, 16]


def filled(peers: int) -> Tracker:
    """A torrent with a third of its peers seeding, one a minute, in all families."""
    into = tracker()
    for number in range(peers):
        a = Announce(both_families=True)
        a.info_hash = HASH
        a.peer = address(number, SIZES[number % len(SIZES)]) + (1000 + number).to_bytes(2, "big")
        a.stored = True
        a.seeding = number % 3 == 0
        into.announce(a, number % 40)
    return into


@pytest.mark.parametrize("peers", [1, 2, 7, SMALL, SMALL + 1, 1000])
def test_every_peer_is_there_once_with_its_role_and_age(peers: int) -> None:
    found = Membership(filled(peers).store, HASH, 40, 5000)
    assert found.size == len(found.members) == peers
    members = {member.peer: member for member in found.members}
    for number in range(peers):
        peer = address(number, SIZES[number % len(SIZES)]) + (1000 + number).to_bytes(2, "big")
        assert members[peer].seeding is (number % 3 == 0)
        assert members[peer].age == 40 - number % 40
    assert found.newest == 40 - min(peers - 1, 39)
    assert found.oldest == 40


@pytest.mark.parametrize("most", [0, 1, 5])
def test_only_as_many_are_listed_as_asked_for(most: int) -> None:
    found = Membership(filled(300).store, HASH, 40, most)
    assert (found.size, len(found.members)) == (300, most)
    assert (found.newest, found.oldest) == (1, 40)


def test_a_torrent_that_is_not_there_and_one_without_peers() -> None:
    assert Membership(tracker().store, HASH, 0, 10).size == 0
    into = tracker()
    put(into, HASH, address(1), seeding=True, event=1)
    put(into, HASH, address(1), event=EVENT_STOPPED)
    found = Membership(into.store, HASH, 0, 10)
    assert (found.size, found.newest, found.oldest, found.members) == (0, -1, -1, [])
