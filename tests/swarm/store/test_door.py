"""The contract of the door: both stores do and answer the same, asked for everything that the house asks."""

from collections.abc import Callable

import pytest
from librt.random import Random
from librt.strings import BytesWriter

from opentracker._features import OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS, WANT_V4_ONLY, WANT_V6
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.store.door import NOT_TAKEN, NOT_THERE, Contents, Evictor, Store
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.store.rows import END, KEY, Rows, rows_apart
from opentracker.swarm.tracker import Tracker
from tests.swarm.engines import ENGINES
from tests.swarm.model import FAMILIES, peer_of
from tests.swarm.torrents import all_packed, peers_of

A, B = b"A" * 20, b"B" * 20
SIZE = FAMILIES[0]
SIZES = [1, 2, 5, SMALL, SMALL + 1, 3 * SMALL]


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> Store:
    make: Callable[[Random], Store] = ENGINES[request.param]
    return make(Random(1))


def announce(
    store: Store,
    info_hash: bytes,
    peer: bytes,
    minute: int = 0,
    *,
    seeding: bool = False,
    event: int = EVENT_NONE,
    numwant: int = 50,
) -> Announce:
    a = Announce(both_families=False)
    a.info_hash, a.peer, a.seeding, a.event, a.numwant, a.stored = (
        info_hash,
        peer,
        seeding,
        event,
        numwant,
        True,
    )
    store.announce(a, minute)
    return a


def fill(store: Store, info_hash: bytes, peers: int, minute: int = 0, size: int = SIZE) -> None:
    """Peers, every third of them a seeder, all of those having completed."""
    for number in range(1, peers + 1):
        seeding = number % 3 == 0
        event = EVENT_COMPLETED if seeding else EVENT_NONE
        announce(store, info_hash, peer_of(number, size), minute, seeding=seeding, event=event, numwant=0)


def finish(store: Store, minute: int, evictor: Evictor | None = None) -> None:
    """A clean cycle."""
    for shard in range(store.shards):
        for _ in store.clean(shard, minute, evictor or Evictor()):
            pass


def sound(store: Store, minute: int = 0) -> None:
    """The store is as it has to be, and counts what it holds."""
    torrents = peers = size = 0
    for shard in range(store.shards):
        for _ in store.check(shard, minute, 255):
            pass
        found = store.weigh(shard)
        assert found.torrents == store.count(shard)
        torrents, peers, size = torrents + found.torrents, peers + found.peers, size + found.bytes
    totals = store.totals
    assert (totals.torrents, totals.peers, totals.bytes) == (torrents, peers, size)


@pytest.mark.parametrize("peers", SIZES)
@pytest.mark.parametrize("size", FAMILIES)
def test_what_is_known_of_a_torrent(store: Store, peers: int, size: int) -> None:
    fill(store, A, peers, 7, size)
    assert store.has(A)
    assert not store.has(B)
    assert store.scrape(A) == (peers // 3, peers // 3, peers - peers // 3)
    assert (store.size_of(A), store.size_of(B)) == (peers, NOT_THERE)
    assert (store.downloads(A), store.downloads(B)) == (peers // 3, NOT_THERE)
    assert store.knows(A, peer_of(peers, size))
    assert not store.knows(A, peer_of(peers + 1, size))
    assert not store.knows(B, peer_of(1, size))
    assert store.touched(A, 30) == 7
    assert A in store.info_hashes(store.shard_of(A))
    sound(store, 7)


@pytest.mark.parametrize("peers", SIZES)
def test_a_torrent_that_is_removed_leaves_nothing(store: Store, peers: int) -> None:
    fill(store, B, 1)
    fill(store, A, peers)
    store.remove(A)
    store.remove(A)
    assert not store.has(A)
    assert store.pack(A) == []
    assert (store.totals.torrents, store.totals.peers) == (1, 1)
    sound(store)


@pytest.mark.parametrize("peers", SIZES)
def test_what_was_packed_is_put_and_packed_again(store: Store, peers: int) -> None:
    tracker = Tracker(Random(1), store)
    for size in FAMILIES:
        fill(store, A, peers, 3, size)
    before = peers_of(tracker, A)
    contents = Contents(store.downloads(A), 0)
    for size in FAMILIES:
        mine = sorted(
            (seeding, peer, flags, stamp)
            for peer, (seeding, flags, stamp) in before.items()
            if len(peer) == size
        )
        planes = b"".join(peer for _, peer, _, _ in mine)
        planes += bytes(flags for _, _, flags, _ in mine) + bytes(stamp for _, _, _, stamp in mine)
        leechers = sum(not seeding for seeding, _, _, _ in mine)
        if size == 6:
            contents.planes4, contents.leechers4 = planes, leechers
        else:
            contents.planes6, contents.leechers6 = planes, leechers
    store.put(B, contents)
    assert peers_of(tracker, B) == before
    assert store.scrape(B) == store.scrape(A)
    assert store.weight_of(contents) > 0
    sound(store, 3)


def test_a_torrent_without_peers(store: Store) -> None:
    store.put(A, Contents(5, -77))
    assert store.scrape(A) == (0, 5, 0)
    assert store.touched(A, 3) == -77
    store.raise_downloads(A, 3)
    assert store.downloads(A) == 5
    store.raise_downloads(A, 9)
    assert (store.downloads(A), store.touched(A, 3)) == (9, -77)
    sound(store)


@pytest.mark.parametrize("peers", [3, 3 * SMALL])
def test_downloads_are_raised(store: Store, peers: int) -> None:
    fill(store, A, peers)
    store.raise_downloads(A, 1000)
    assert store.scrape(A) == (peers // 3, 1000, peers - peers // 3)
    announce(store, A, peer_of(peers + 1, SIZE), seeding=True, event=EVENT_COMPLETED)
    assert store.downloads(A) == 1001


@pytest.mark.parametrize("others", [0, 20, 3 * SMALL])
@pytest.mark.parametrize("size", FAMILIES)
def test_ports_of_a_host_are_counted_and_dropped(store: Store, others: int, size: int) -> None:
    store.counts_ports = True
    fill(store, A, others, 0, size)
    host = b"\x0b" * 4 if size == 6 else b"\x20\x01\x0d\xb8" + b"\x0b" * 12
    for port in range(100, 140):
        announce(store, A, host + port.to_bytes(2, "big"), seeding=port % 2 == 0)
    assert store.ports_of(A, host + b"\0\1") == 40
    assert store.ports_of(B, host + b"\0\1") == 0
    store.drop_host(A, host + b"\0\1", 0)
    assert store.ports_of(A, host + b"\0\1") == 0
    assert sum(store.scrape(A)[::2]) == others
    sound(store)


@pytest.mark.parametrize("peers", SIZES)
def test_a_picture(store: Store, peers: int) -> None:
    for size in FAMILIES:
        fill(store, A, peers, 0, size)
    picture = store.picture(store.shard_of(A))
    assert picture.size() == 1
    assert sum(picture.count(0, 1)) == peers * len(FAMILIES)
    assert picture.sizes(0, 1) == {peers * len(FAMILIES): 1}
    complete, _, incomplete = store.scrape(A)
    assert picture.larger(0, 1, peers * len(FAMILIES) - 1) == [(A, complete, incomplete)]
    if peers > SMALL:
        assert picture.larger(0, 1, 2 * SMALL * peers) in ([], [(A, complete, incomplete)])
    for v6 in (False, True):
        size = 18 if v6 else 6
        there = {peer_of(number, size) for number in range(1, peers + 1)} if size in FAMILIES else set()
        planes = picture.addresses(0, v6)
        assert {plane[at : at + size] for plane in planes for at in range(0, len(plane), size)} == there


@pytest.mark.parametrize("bits", range(5))
@pytest.mark.parametrize("peers", SIZES)
def test_the_rows_of_a_segment(store: Store, peers: int, bits: int) -> None:
    for size in FAMILIES:
        fill(store, A, peers, 0, size)
    fill(store, b"\xff" * 20, 1)
    own = A[0] >> 8 - bits
    for number in range(1 << bits):
        found = all_rows(store.rows(bits, number))
        assert (A, store.scrape(A)) in found or number != own
        assert len(found) == (2 if bits == 0 else number == own or number == (1 << bits) - 1)


def all_rows(rows: Rows) -> list[tuple[bytes, tuple[int, int, int]]]:
    """Info_hashes and counts, in order."""
    while rows.prepare_some():
        pass
    found: list[tuple[bytes, tuple[int, int, int]]] = []
    start = rows.start()
    while start != END:
        some, start = rows.rows_from(start)
        found += [(row[:KEY], rows.counts(row[KEY:])) for row in rows_apart(some)]
    return found


@pytest.mark.parametrize("peers", SIZES)
def test_a_torrent_goes_when_its_time_is_up(store: Store, peers: int) -> None:
    fill(store, A, peers, 5)
    finish(store, 5 + OT_PEER_TIMEOUT)
    assert store.size_of(A) == peers
    finish(store, 6 + OT_PEER_TIMEOUT)
    finish(store, 6 + OT_PEER_TIMEOUT)
    assert store.has(A) is (peers >= 3)
    sound(store, 6 + OT_PEER_TIMEOUT)
    finish(store, 7 + 2 * OT_PEER_TIMEOUT + OT_TORRENT_TIMEOUT_HOURS * 60)
    assert not store.has(A)
    assert (store.totals.torrents, store.totals.peers) == (0, 0)
    sound(store)


class NoMercy(Evictor):
    """Lets every torrent of one peer go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int, bool]] = []
        self.evicting = True

    def spares(self, peers: int, downloaded: int, has_completed: bool) -> bool:
        """See Evictor."""
        self.asked.append((int(peers), int(downloaded), has_completed))
        return peers > 1


@pytest.mark.needs(WANT_COMPILED=False)  # a compiled class has no interpreted subclass
def test_torrents_that_have_to_go(store: Store) -> None:
    fill(store, A, 5)
    announce(store, B, peer_of(1, SIZE), seeding=True, event=EVENT_COMPLETED)
    evictor = NoMercy()
    finish(store, 0, evictor)
    assert (store.has(A), store.has(B)) == (True, False)
    assert set(evictor.asked) == {(5, 1, False), (1, 1, True)} or set(evictor.asked) == {
        (5, 1, True),
        (1, 1, True),
    }
    sound(store)


def test_many_torrents_that_grow_side_by_side(store: Store) -> None:
    """Each gets its first peer, then each its second: places are left and used again."""
    names = [number.to_bytes(20, "big") for number in range(2000)]
    for number in range(1, 12):
        for each in names:
            announce(
                store,
                each,
                peer_of(number, FAMILIES[number % len(FAMILIES)]),
                seeding=number % 2 == 0,
                numwant=0,
            )
    sound(store)
    tracker = Tracker(Random(1), store)
    assert len(all_packed(tracker)) == 2000
    assert all(len(peers_of(tracker, each)) == 11 for each in names[::97])
    for each in names[::2]:
        store.remove(each)
    for number in range(1, 11):
        for each in names[1::2]:
            announce(store, each, peer_of(number, FAMILIES[number % len(FAMILIES)]), event=EVENT_STOPPED)
    finish(store, 0)
    sound(store)
    assert store.totals.peers == 1000
    assert all(sum(store.scrape(each)[::2]) == 1 for each in names[1::2])


@pytest.mark.parametrize("peers", SIZES)
@pytest.mark.parametrize("size", FAMILIES)
def test_an_announce_hands_out_the_others(store: Store, peers: int, size: int) -> None:
    fill(store, A, peers, 0, size)
    a = announce(store, A, peer_of(1, size), 1, numwant=10_000)
    got = {a.peers[at : at + size] for at in range(0, len(a.peers), size)}
    assert got == {peer_of(number, size) for number in range(2, peers + 1)}
    assert a.age == 1
    few = announce(store, A, peer_of(1, size), 1, numwant=3)
    assert len(few.peers) == min(3, peers - 1) * size


@pytest.mark.parametrize("size", FAMILIES)
def test_every_peer_is_handed_out_as_often(store: Store, size: int) -> None:
    """Of a small torrent, and of a large one."""
    for peers in (60, 3 * SMALL):
        info_hash = bytes([peers % 256]) * 20
        fill(store, info_hash, peers, 0, size)
        seen: dict[bytes, int] = {}
        rounds = 40 * peers // 30
        for _ in range(rounds):
            a = announce(store, info_hash, peer_of(1, size), numwant=30)
            for at in range(0, len(a.peers), size):
                seen[a.peers[at : at + size]] = seen.get(a.peers[at : at + size], 0) + 1
        assert len(seen) == peers - 1
        mean = rounds * 30 / (peers - 1)
        assert max(seen.values()) < mean + 7 * mean**0.5
        assert min(seen.values()) > mean - 6.3 * mean**0.5


def test_families_in_builds_of_one() -> None:
    assert len(FAMILIES) == (1 if WANT_V4_ONLY or WANT_V6 else 2)


def datagram(info_hash: bytes, peer: bytes, *, left: int = 1, event: int = 0) -> bytes:
    """An announce; the address is that of the sender."""
    start = b"".join(
        [bytes(8), b"\0\0\0\1", b"tran", info_hash, bytes(28), left.to_bytes(8, "big"), bytes(8)]
    )
    return start + event.to_bytes(4, "big") + bytes(8) + b"\xff\xff\xff\xff" + peer[-2:]


@pytest.mark.parametrize("peers", SIZES)
@pytest.mark.parametrize("size", FAMILIES)
def test_a_datagram_is_answered_as_its_announce(store: Store, peers: int, size: int) -> None:
    """By a store that can: counts, peers, age and the count of downloads are the same, and the torrent afterwards."""
    other = type(store)(Random(1))  # type: ignore[arg-type]
    for each in (store, other):
        fill(each, A, peers, 0, size)
    asked = [
        (1, 1, EVENT_NONE),
        (peers, 0, EVENT_COMPLETED),
        (peers + 1, 1, EVENT_NONE),
        (2, 1, EVENT_STOPPED),
    ]
    for number, left, event in [*asked, (1, 0, EVENT_NONE), (1, 1, EVENT_NONE)]:
        peer = peer_of(number, size)
        out = BytesWriter()
        age = store.answer_udp(datagram(A, peer, left=left, event=event), peer[:-2], 10_000, 77, 3, True, out)
        if age == NOT_TAKEN:
            assert out.getvalue() == b""
            announce(store, A, peer, 3, seeding=left == 0, event=event)
            announce(other, A, peer, 3, seeding=left == 0, event=event)
            continue
        a = Announce(both_families=False)
        a.info_hash, a.peer, a.seeding, a.event, a.numwant, a.stored = A, peer, left == 0, event, 10_000, True
        other.announce(a, 3)
        text = out.getvalue()
        head = [int.from_bytes(text[at : at + 4], "big") for at in range(0, 20, 4)]
        assert head == [1, int.from_bytes(b"tran", "big"), 77, a.incomplete, a.complete]
        assert sorted(text[at : at + size] for at in range(20, len(text), size)) == sorted(
            a.peers[at : at + size] for at in range(0, len(a.peers), size)
        )
        assert age == (a.age if a.age >= 0 else -2 - a.complete - a.incomplete)
        assert store.has_completed is a.has_completed
    trackers = [Tracker(Random(1), each) for each in (store, other)]
    assert peers_of(trackers[0], A) == peers_of(trackers[1], A)
    sound(store, 3)


def test_a_datagram_for_an_unknown_torrent(store: Store) -> None:
    peer = peer_of(1, SIZE)
    out = BytesWriter()
    if (
        store.answer_udp(datagram(A, peer, event=EVENT_STOPPED), peer[:-2], 50, 77, 0, False, out)
        == NOT_TAKEN
    ):
        return  # the packed store
    assert len(out.getvalue()) == 20
    assert store.answer_udp(datagram(A, peer), peer[:-2], 50, 77, 0, False, out) == NOT_TAKEN
    assert not store.has(A)
    assert store.answer_udp(datagram(A, peer[:-2] + b"\0\1"), peer[:-2], 50, 77, 0, True, out) == -2
    assert not store.has(A), "port 1 cannot be listed"
    assert store.answer_udp(datagram(A, peer), peer[:-2], 50, 77, 0, True, out) == -3
    assert store.knows(A, peer)


def test_what_is_brought_near_is_not_changed(store: Store) -> None:
    """A batch may hold announces of stored torrents, of others, and datagrams that are no announce."""
    fill(store, A, 3)
    fill(store, B, 3 * SMALL)
    before = all_packed(Tracker(Random(1), store))
    packets = [datagram(info_hash, peer_of(1, SIZE)) for info_hash in (A, B, b"C" * 20)] + [bytes(2048)]
    addresses = [bytes(SIZE - 2)] * len(packets)
    store.bring_near(packets * 20, addresses * 20, 70)
    store.bring_near(packets, addresses, 0)
    assert all_packed(Tracker(Random(1), store)) == before
    sound(store)
