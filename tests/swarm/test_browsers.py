"""Swarms of browsers, beside the tracker's own peers."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker.protocol.messages import Announce
from opentracker.swarm.browsers import MOST_OFFERED, BrowserPeer, BrowserSwarms, Link
from opentracker.swarm.tracker import Tracker

HASH, OTHER = b"a" * 20, b"b" * 20


class Sent(Link):
    """A link that keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []

    def send(self, message: bytes) -> None:
        self.messages.append(message)


@pytest.fixture
def swarms() -> BrowserSwarms:
    return BrowserSwarms()


def ids(peers: list[BrowserPeer]) -> set[str]:
    return {peer.peer_id for peer in peers}


def test_peers_are_counted_by_their_role(swarms: BrowserSwarms) -> None:
    link = Sent()
    one = swarms.announce(HASH, "one", link)
    swarms.announce(HASH, "two", link)
    swarms.set_seeder(one, True)
    swarms.set_seeder(one, True)
    assert swarms.counts(HASH) == (1, 1)
    assert swarms.counts(OTHER) == (0, 0)
    swarms.set_seeder(one, False)
    assert swarms.counts(HASH) == (0, 2)


def test_a_torrent_is_gone_with_its_last_peer(swarms: BrowserSwarms) -> None:
    peer = swarms.announce(HASH, "one", Sent())
    swarms.set_seeder(peer, True)
    swarms.remove(peer)
    assert (swarms.by_hash, swarms.peers, swarms.seeders) == ({}, 0, 0)


def test_a_link_that_closes_takes_all_its_peers_along(swarms: BrowserSwarms) -> None:
    link, stays = Sent(), Sent()
    for info_hash in (HASH, OTHER):
        for name in ("one", "two"):
            swarms.announce(info_hash, name, link)
    swarms.announce(HASH, "three", stays)
    swarms.leave(link)
    assert swarms.counts(HASH) == (0, 1)
    assert swarms.counts(OTHER) == (0, 0)


def test_w16_a_peer_belongs_to_the_link_that_announced_it_last(swarms: BrowserSwarms) -> None:
    old, new = Sent(), Sent()
    peer = swarms.announce(HASH, "one", old)
    assert swarms.announce(HASH, "one", new) is peer
    swarms.leave(old)
    assert swarms.find(HASH, "one") is peer
    assert peer.link is new
    swarms.leave(new)
    assert swarms.find(HASH, "one") is None


def test_chosen_peers_are_distinct_others(swarms: BrowserSwarms) -> None:
    link = Sent()
    for number in range(10):
        swarms.announce(HASH, str(number), link)
    swarm = swarms.by_hash[HASH]
    random = Random(1)
    for asker in list(swarm.members):
        for wanted in (0, 1, 5, 9, 10, 50):
            chosen = swarm.choose(wanted, asker, random)
            assert len(chosen) == len(ids(chosen)) == min(wanted, 9)
            assert asker not in chosen


def test_each_peer_is_chosen_as_often_as_any_other(swarms: BrowserSwarms) -> None:
    link = Sent()
    for number in range(8):
        swarms.announce(HASH, str(number), link)
    asker = swarms.announce(HASH, "asker", link)
    random = Random(7)
    often = dict.fromkeys(map(str, range(8)), 0)
    for _ in range(4000):
        for peer in asker.swarm.choose(2, asker, random):
            often[peer.peer_id] += 1
    expected = 4000 * 2 / 8
    assert sum((count - expected) ** 2 / expected for count in often.values()) < 24.3  # χ², 7 degrees, 0.1 %


def test_an_offer_is_answered_once_and_in_time() -> None:
    peer = BrowserSwarms().announce(HASH, "one", Sent())
    peer.note_offer("maker", "offer", 100.0)
    assert not peer.take_offer("another", "offer", 0.0)
    assert peer.take_offer("maker", "offer", 0.0)
    assert not peer.take_offer("maker", "offer", 0.0)
    peer.note_offer("maker", "offer", 100.0)
    assert not peer.take_offer("maker", "offer", 100.5)


def test_a_peer_remembers_so_and_so_many_offers() -> None:
    peer = BrowserSwarms().announce(HASH, "one", Sent())
    for number in range(MOST_OFFERED + 1):
        peer.note_offer("maker", str(number), 0.0)
        peer.note_offer("maker", "1", 0.0)  # repeated by some clients: it stays the latest
    assert len(peer.offered) == MOST_OFFERED
    assert not peer.take_offer("maker", "0", 0.0)
    assert peer.take_offer("maker", "1", 0.0)


def test_the_counts_of_a_torrent_are_those_of_all_its_peers() -> None:
    tracker = Tracker(Random(1))
    a = Announce(both_families=True)
    a.info_hash, a.peer_id, a.peer = HASH, b"p" * 20, b"\xc6\x33\x64\x01\x1a\xe1"
    a.stored, a.seeding, a.numwant = True, True, 50
    browsers = tracker.browsers
    browsers.set_seeder(browsers.announce(HASH, "one", Sent()), True)
    browsers.announce(HASH, "two", Sent())
    tracker.announce(a, 1)
    assert (a.complete, a.incomplete) == (2, 1)
    assert (a.peers, a.peers6) == (b"", b"")
    assert tracker.scrape(HASH) == (2, 0, 1)
    assert tracker.scrape(OTHER) == (0, 0, 0)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["announce", "seed", "remove", "leave"]),
        st.integers(0, 2),
        st.integers(0, 4),
        st.integers(0, 2),
    ),
    max_size=60,
)


@given(STEPS)
def test_counts_and_members_are_those_of_a_plain_model(steps: list[tuple[str, int, int, int]]) -> None:
    swarms, random = BrowserSwarms(), Random(3)
    links = [Sent() for _ in range(3)]
    model: dict[tuple[int, int], tuple[int, bool]] = {}  # torrent and peer -> link, whether it is a seeder

    def announce(torrent: int, peer: int, link: int) -> None:
        swarms.announce(bytes([torrent]), str(peer), links[link])
        model[torrent, peer] = (link, model.get((torrent, peer), (0, False))[1])

    def seed(torrent: int, peer: int, link: int) -> None:
        found = swarms.find(bytes([torrent]), str(peer))
        assert (found is not None) == ((torrent, peer) in model)
        if found is not None:
            swarms.set_seeder(found, True)
            model[torrent, peer] = (model[torrent, peer][0], True)

    def remove(torrent: int, peer: int, link: int) -> None:
        found = swarms.find(bytes([torrent]), str(peer))
        if found is not None:
            swarms.remove(found)
            del model[torrent, peer]

    def leave(torrent: int, peer: int, link: int) -> None:
        swarms.leave(links[link])
        for key in [key for key, (its, _) in model.items() if its == link]:
            del model[key]

    actions: dict[str, Callable[[int, int, int], None]] = {
        "announce": announce,
        "seed": seed,
        "remove": remove,
        "leave": leave,
    }
    for action, torrent, peer, link in steps:
        actions[action](torrent, peer, link)
        assert swarms.peers == len(model)
        for number in range(3):
            roles = [is_seeder for (its, _), (_, is_seeder) in model.items() if its == number]
            assert swarms.counts(bytes([number])) == (sum(roles), len(roles) - sum(roles))
        swarm = swarms.by_hash.get(bytes([torrent]))
        if swarm is not None:
            asker = swarm.members[peer % len(swarm.members)]
            others = {str(its) for where, its in model if where == torrent} - {asker.peer_id}
            assert ids(swarm.choose(100, asker, random)) == others
    for number, link_ in enumerate(links):
        assert len(link_.peers) == sum(its == number for its, _ in model.values())
