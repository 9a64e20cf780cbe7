"""Scrape sync without a socket: who asks whom, and what becomes of the answer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker._features import (
    OT_TORRENT_TIMEOUT_HOURS,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_MAX_PEER,
)
from opentracker.config.settings import Settings
from opentracker.features.cluster.livesync import LiveSync
from opentracker.features.cluster.scrape_sync import PACKETS, ScrapeSync
from opentracker.protocol.livesync import kind_of, write_head
from opentracker.protocol.messages import EVENT_COMPLETED, Announce
from opentracker.protocol.scrape_sync import (
    TELL_TYPE,
    parse_told,
    told_count,
    write_beacon,
    write_inquire,
    write_told,
)
from opentracker.server.wiring import Server
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from opentracker.swarm.store.records import MOST_DOWNLOADED, SMALL
from opentracker.swarm.tracker import Tracker
from tests.server.live import SECRET, SEED
from tests.swarm.model import FAMILIES, peer_of
from tests.swarm.torrents import info_hashes

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.tracker import admit_by
if WANT_MAX_PEER:
    from opentracker.swarm.policy.limits import Limits
    from opentracker.swarm.tracker import limit_by

OWN, LARGE, LARGER = 0x01020304, 0x0A0A0A0A, 0x0B0B0B0B
OWN_ID = OWN.to_bytes(4, "big")
NODE = bytes([10, 0, 0, 2])


def hash_of(number: int) -> bytes:
    return number.to_bytes(20, "big")


class Node:
    """A tracker that takes part in scrape sync, and what it has sent."""

    def __init__(self, torrents: int = 0, tracker_id: int = OWN) -> None:
        self.tracker = Tracker(Random(1))
        permissions = Permissions()
        permissions.bless(NODE, 32, MAY_LIVESYNC)
        self.sync = LiveSync(self.tracker, permissions, tracker_id)
        self.scrapes = ScrapeSync(self.tracker, tracker_id)
        self.scrapes.send = self.send
        self.sync.extension = self.scrapes
        self.sent: list[bytes] = []
        for number in range(torrents):
            self.announce(hash_of(number))
        self.tick(0.0)

    def send(self, packet: bytes) -> int:
        self.sent.append(packet)
        return 0

    def announce(
        self, info_hash: bytes, number: int = 1, *, completed: bool = False, minute: int = 0
    ) -> None:
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.stored, a.seeding = info_hash, peer_of(number, FAMILIES[0]), True, completed
        a.event = EVENT_COMPLETED if completed else 0
        self.tracker.announce(a, minute)

    def tick(self, seconds: float) -> list[bytes]:
        """Let a moment come; gives what is sent in it."""
        self.sent = []
        for _ in self.scrapes.tick(seconds, int(seconds) // 60) or ():
            pass
        return self.sent

    def hear(self, packet: bytes) -> None:
        self.sync.received(packet, NODE, 0)


def tell(*torrents: tuple[bytes, int, int]) -> bytes:
    return write_head(LARGE, TELL_TYPE) + b"".join(write_told(*torrent) for torrent in torrents)


def told(packets: list[bytes]) -> dict[bytes, tuple[int, int]]:
    """The torrents in the packets of a tell: info_hash -> (minutes, downloads)."""
    found = {}
    for packet in packets:
        assert kind_of(packet) == 3
        assert len(packet) <= 1480
        for index in range(told_count(packet)):
            info_hash, minutes, count = parse_told(packet, index)
            assert info_hash not in found
            found[info_hash] = (minutes, count)
    return found


# ---- Beacons -----------------------------------------------------------------------------------------------


def test_beacons_come_every_minute_after_half_an_hour() -> None:
    node = Node(torrents=3)
    assert node.tick(1799.0) == []
    assert node.tick(1800.0) == [write_beacon(OWN, 3)]
    assert node.tick(1859.0) == []
    assert node.tick(1860.0) == [write_beacon(OWN, 3)]


def test_a_tell_puts_off_beacons() -> None:
    node = Node()
    node.tick(1799.0)
    node.hear(tell((hash_of(1), 0, 1)))
    assert node.tick(1858.0) == []
    assert node.tick(1859.0) == [write_beacon(OWN, 1)]


# ---- Inquiries ---------------------------------------------------------------------------------------------


def test_the_largest_is_asked_after_two_minutes_until_somebody_tells() -> None:
    node = Node(torrents=10)
    node.tick(100.0)
    node.hear(write_beacon(LARGE, 20))
    node.tick(150.0)
    node.hear(write_beacon(LARGER, 30))
    assert node.tick(219.0) == []
    assert node.tick(220.0) == [write_inquire(OWN, LARGER.to_bytes(4, "big"))]
    node.hear(write_beacon(LARGE, 1000))  # one at a time
    assert node.tick(279.0) == []
    assert node.tick(280.0) == [write_inquire(OWN, LARGER.to_bytes(4, "big"))]
    node.hear(tell((hash_of(1), 0, 1)))
    assert node.tick(400.0) == []
    assert node.tick(1000.0) == []


def test_a_tell_that_is_heard_meanwhile_makes_an_inquiry_needless() -> None:
    node = Node()
    node.hear(write_beacon(LARGE, 20))
    node.hear(tell((hash_of(1), 0, 1)))
    assert node.tick(500.0) == []


@pytest.mark.parametrize(
    ("own", "theirs", "asks"), [(74, 100, True), (75, 100, False), (0, 1, True), (0, 0, False)]
)
def test_three_quarters_are_enough(own: int, theirs: int, asks: bool) -> None:
    node = Node(torrents=own)
    node.hear(write_beacon(LARGE, theirs))
    assert (node.tick(120.0) != []) is asks


# ---- Telling -----------------------------------------------------------------------------------------------


def test_the_one_who_is_asked_tells_all_in_slices() -> None:
    node = Node(torrents=5000)
    for number in range(SMALL + 1):
        node.announce(hash_of(1), number, completed=number < 7)
    node.announce(hash_of(2), completed=True)
    node.hear(write_inquire(LARGE, OWN_ID))
    node.hear(write_inquire(LARGER, OWN_ID))  # it tells everybody, once
    first = node.tick(60.0 * 30)[1:]  # a beacon is due as well
    assert len(first) == PACKETS
    rest = node.tick(1801.0)
    assert len(rest) == 9
    assert node.tick(1802.0) == []
    found = told(first + rest)
    assert set(found) == {hash_of(number) for number in range(5000)}
    assert found[hash_of(1)] == (30, 7)
    assert found[hash_of(2)] == (30, 1)
    assert found[hash_of(3)] == (30, 0)


def test_another_is_asked() -> None:
    node = Node(torrents=3)
    node.hear(write_inquire(LARGE, LARGER.to_bytes(4, "big")))
    assert node.tick(1.0) == []


def test_torrents_that_come_and_go_meanwhile() -> None:
    node = Node(torrents=3000)
    node.hear(write_inquire(LARGE, OWN_ID))
    work = node.scrapes.tick(1.0, 0)
    assert work is not None
    assert node.scrapes.tick(2.0, 0) is None  # one slice at a time
    next(work)
    for info_hash in info_hashes(node.tracker):
        node.tracker.remove(info_hash)
    for _ in work:
        pass
    assert 0 < len(told(node.sent)) < 3000


def test_a09_refused_torrents_are_not_told() -> None:
    if not (WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE):
        pytest.skip("this build has no access lists")
    node = Node(torrents=3)
    listed = [hash_of(0), hash_of(2)] if WANT_ACCESSLIST_WHITE else [hash_of(1)]
    admit_by(node.tracker, AccessList(frozenset(listed)))
    node.hear(write_inquire(LARGE, OWN_ID))
    assert set(told(node.tick(1.0))) == {hash_of(0), hash_of(2)}
    node.hear(tell((hash_of(1), 0, 5), (hash_of(2), 0, 5)))
    assert node.tracker.store.downloads(hash_of(2)) == 5
    assert node.tracker.scrape(hash_of(1))[1] == 0


# ---- Hearing -----------------------------------------------------------------------------------------------


def test_the_larger_count_is_taken() -> None:
    node = Node()
    large, small, unknown = hash_of(1), hash_of(2), hash_of(3)
    for number in range(SMALL + 1):
        node.announce(large, number, completed=number < 7)
    for number in range(3):
        node.announce(small, number, completed=True)
    node.hear(tell((large, 0, 5), (small, 0, 2), (unknown, 0, 9)))
    assert [node.tracker.scrape(each)[1] for each in (large, small, unknown)] == [7, 3, 9]
    node.hear(tell((large, 0, 50), (small, 0, 40), (unknown, 0, 2**62)))
    assert [node.tracker.scrape(each)[1] for each in (large, small, unknown)] == [50, 40, MOST_DOWNLOADED]
    assert node.tracker.scrape(small)[0] == 3


def test_an_unknown_torrent_is_as_old_as_it_is() -> None:
    node = Node()
    node.tick(600.0)
    most = OT_TORRENT_TIMEOUT_HOURS * 60
    node.hear(tell((hash_of(1), 7, 1), (hash_of(2), most, 1), (hash_of(3), most + 1, 1), (hash_of(4), 0, 0)))
    store = node.tracker.store
    ages = {info_hash: 10 - store.touched(info_hash, 10) for info_hash in info_hashes(node.tracker)}
    assert ages == {hash_of(1): 7, hash_of(2): most, hash_of(4): 0}
    cleaner = Cleaner(node.tracker)
    for _ in range(store.shards):
        for _ in cleaner.clean_next(11):
            pass
    assert len(info_hashes(node.tracker)) == 1


def test_no_more_torrents_than_the_limit() -> None:
    if not WANT_MAX_PEER:
        pytest.skip("this build has no limits")
    node = Node()
    limit_by(node.tracker, Limits(torrents=2))
    node.hear(tell(*((hash_of(number), 0, 5) for number in range(10))))
    assert len(info_hashes(node.tracker)) == 2


def test_two_trackers_end_with_the_same_counts() -> None:
    many, few = Node(torrents=500, tracker_id=LARGE), Node()
    for number in range(100):
        many.announce(hash_of(number), completed=True)
    second = 0.0
    while few.scrapes.torrents() < 500:
        second += 1.0
        assert second < 3600
        for sender, hearer in ((many, few), (few, many)):
            for packet in sender.tick(second):
                hearer.hear(packet)
    assert 1800 + 120 <= second <= 1800 + 120 + 60
    assert all(few.tracker.scrape(hash_of(number))[1] == 1 for number in range(100))


@given(st.lists(st.binary(max_size=100).map(lambda rest: LARGE.to_bytes(4, "big") + bytes(3) + rest)))
def test_p1_any_packets_raise_nothing(packets: list[bytes]) -> None:
    node = Node(torrents=2)
    for second, packet in enumerate(packets):
        node.hear(packet)
        node.tick(second * 60.0)


def test_a_server_takes_part(tmp_path: Path) -> None:
    server = Server(Settings(), [], SECRET, SEED)
    assert isinstance(server.part(LiveSync).extension, ScrapeSync)
    server.close()
