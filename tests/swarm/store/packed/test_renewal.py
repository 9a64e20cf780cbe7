"""The fast way of a renewal over UDP: what it takes, and that it does as the slow way does."""

import pytest
from librt.random import Random
from librt.strings import BytesWriter

from opentracker._features import WANT_SYNC_LIVE
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.protocol.udp import parse_announce
from opentracker.swarm.store.door import NOT_TAKEN
from opentracker.swarm.store.packed.store import PackedStore
from opentracker.swarm.store.records import SMALL
from tests.swarm.model import FAMILIES, peer_of

A, B = b"A" * 20, b"B" * 20
SIZES = [2, 30, SMALL, SMALL + 1, 5 * SMALL]
each_family = pytest.mark.parametrize("size", FAMILIES)
each_size = pytest.mark.parametrize("peers", SIZES)
each_way = pytest.mark.parametrize("by_host", [False, True], ids=["by peer", "by host"])


def datagram(peer: bytes, *, info_hash: bytes = A, seeding: bool = False, event: int = EVENT_NONE) -> bytes:
    left = bytes(8) if seeding else bytes(7) + b"\1"
    fields = [bytes(8), b"\0\0\0\1", b"tran", info_hash, bytes(28), left, bytes(8), event.to_bytes(4, "big")]
    return b"".join([*fields, bytes(8), b"\xff\xff\xff\xff", peer[-2:]])


def renewed(
    store: PackedStore, packet: bytes, peer: bytes, minute: int, numwant: int = 50
) -> tuple[int, bytes]:
    """The age of a renewal, or NOT_TAKEN, and the bytes of its answer."""
    out = BytesWriter()
    age = store.answer_udp(packet, peer[:-2], numwant, 1800, minute, False, out)
    return int(age), out.getvalue()


def announced(store: PackedStore, packet: bytes, peer: bytes, minute: int, sync_age: int = -1) -> Announce:
    a = Announce(both_families=False)
    parse_announce(packet, len(packet), peer[:-2], a)
    a.sync_age = sync_age
    if sync_age < 0:
        store.announce(a, minute)
    else:
        store.sync(a, minute)
    return a


def is_seeder(number: int) -> bool:
    return number % 3 == 0


def filled(peers: int, size: int, by_host: bool = False) -> PackedStore:
    store = PackedStore(Random(1))
    store.counts_ports = by_host
    for number in range(peers):
        peer = peer_of(number, size)
        announced(store, datagram(peer, seeding=is_seeder(number)), peer, 0)
    return store


def contents(store: PackedStore) -> bytes:
    return b"".join(store.pack(A))


@each_way
@each_size
@each_family
def test_a_renewal_is_taken_and_renews_the_stamp(peers: int, size: int, by_host: bool) -> None:
    """Of leechers and seeders, whether their last announce was in this minute or before."""
    store, other = filled(peers, size, by_host), filled(peers, size, by_host)
    for minute in (0, 1, 1, 200):
        for number in range(0, peers, 7):
            peer = peer_of(number, size)
            packet = datagram(peer, seeding=is_seeder(number), event=EVENT_STARTED)
            a = announced(other, packet, peer, minute)
            age, answer = renewed(store, packet, peer, minute)
            assert age == a.age
            head = [int.from_bytes(answer[at : at + 4], "big") for at in range(0, 20, 4)]
            assert head == [1, int.from_bytes(b"tran", "big"), 1800, a.incomplete, a.complete]
        assert contents(store) == contents(other)
    assert store.totals.bytes == other.totals.bytes


@pytest.mark.parametrize("numwant", [0, 1, 10, 10_000])
@each_size
@each_family
def test_a_renewal_is_answered_with_other_peers(peers: int, size: int, numwant: int) -> None:
    """As many as there are, or as are wanted; none twice, and never the asking one."""
    store = filled(peers, size)
    everyone = {peer_of(number, size) for number in range(peers)}
    for number in range(0, peers, 13):
        peer = peer_of(number, size)
        _, answer = renewed(store, datagram(peer, seeding=is_seeder(number)), peer, 0, numwant)
        given = [answer[at : at + size] for at in range(20, len(answer), size)]
        assert len(given) == len(set(given)) == min(numwant, peers - 1)
        assert set(given) <= everyone - {peer}


@each_size
@each_family
def test_leechers_are_handed_out_first(peers: int, size: int) -> None:
    """A seeder gets as many leechers as possible."""
    store = filled(peers, size)
    peer = peer_of(0, size)
    leechers = [number for number in range(peers) if not is_seeder(number)]
    want = len(leechers)
    _, answer = renewed(store, datagram(peer, seeding=True), peer, 0, want)
    given = {answer[at : at + size] for at in range(20, len(answer), size)}
    assert given == {peer_of(number, size) for number in leechers}


@each_way
@each_size
@each_family
def test_every_other_announce_is_left_without_an_effect(peers: int, size: int, by_host: bool) -> None:
    store = filled(peers, size, by_host)
    before = contents(store)
    known, stranger = peer_of(1, size), peer_of(peers + 1, size)
    for packet, peer in [
        (datagram(known, seeding=True), known),
        (datagram(peer_of(0, size)), peer_of(0, size)),
        (datagram(known, event=EVENT_STOPPED), known),
        (datagram(known, event=EVENT_COMPLETED), known),
        (datagram(stranger), stranger),
        (datagram(stranger, seeding=True), stranger),
        (datagram(known, info_hash=B), known),
    ]:
        assert renewed(store, packet, peer, 1) == (NOT_TAKEN, b"")
    assert contents(store) == before
    assert not store.has(B)


@each_family
def test_a_torrent_without_peers_has_nobody_to_renew(size: int) -> None:
    """Its record is short, also if the bytes of the peer are the bytes of its head."""
    store = PackedStore(Random(1))
    peer = peer_of(1, size)
    announced(store, datagram(peer, seeding=True, event=EVENT_COMPLETED), peer, 0)
    announced(store, datagram(peer, event=EVENT_STOPPED), peer, 0)
    assert store.size_of(A) == 0
    for asked in (peer, bytes(size), contents(store)[:6]):
        assert renewed(store, datagram(asked), asked, 1)[0] == NOT_TAKEN


@each_family
def test_bytes_of_two_neighbours_are_no_peer(size: int) -> None:
    """They look like a third peer, which lies between the two."""
    first, second = bytes(range(65, 65 + size)), bytes(range(97, 97 + size))
    store = PackedStore(Random(1))
    for peer in (first, second):
        announced(store, datagram(peer), peer, 0)
    for between in (first[2:] + second[:2], second[2:] + first[:2]):
        assert renewed(store, datagram(between), between, 1) == (NOT_TAKEN, b"")
    assert renewed(store, datagram(first), first, 1)[0] == 1


if WANT_SYNC_LIVE:

    @each_size
    @each_family
    def test_the_first_own_announce_of_a_synced_peer_is_left(peers: int, size: int) -> None:
        """It clears the mark of live sync; the announces after it are renewals."""
        store = filled(peers, size)
        peer = peer_of(peers + 3, size)
        packet = datagram(peer)
        announced(store, packet, peer, 0, sync_age=0)
        assert renewed(store, packet, peer, 1) == (NOT_TAKEN, b"")
        announced(store, packet, peer, 1)
        assert renewed(store, packet, peer, 2)[0] == 1
