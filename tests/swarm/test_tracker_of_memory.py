"""What an announce over UDP allocates in a compiled build: nothing, if its peer is known."""

import pytest
from librt.random import Random
from librt.strings import BytesWriter

from opentracker.protocol.messages import Announce
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker
from tests.swarm.model import FAMILIES, peer_of

allocator = pytest.importorskip("_testcapi", reason="this Python cannot make its allocations fail")
pytestmark = pytest.mark.needs(WANT_COMPILED=True)

TORRENT = b"T" * 20


def renewal(peer: bytes, seeding: bool) -> bytes:
    """The datagram of an announce, see BEP 15."""
    left = 0 if seeding else 1
    return bytes(16) + TORRENT + bytes(28) + left.to_bytes(8, "big") + bytes(24) + peer[-2:]


@pytest.mark.parametrize("size", FAMILIES)
@pytest.mark.parametrize("peers", [1, 60, SMALL - 1, SMALL + 1, 5_000])
def test_a_renewal_makes_no_object(peers: int, size: int) -> None:
    tracker = Tracker(Random(1))
    a = Announce(both_families=False)
    a.info_hash, a.stored, a.numwant = TORRENT, True, 0
    datagrams = []
    for number in range(peers):
        a.peer, a.seeding = peer_of(number, size), number % 3 == 0
        tracker.announce(a, 0)
        datagrams.append((renewal(a.peer, a.seeding), a.peer[:-2]))
    out = BytesWriter()
    answer = tracker.answer_udp
    assert answer(*datagrams[0], 50, 0, out)  # from now on `out` has room for an answer
    taken = True
    requests = iter(datagrams)
    allocator.set_nomemory(0)  # every allocation fails
    try:
        for datagram, address in requests:
            out.truncate(0)
            taken = answer(datagram, address, 50, 1, out) and taken
    finally:
        allocator.remove_mem_hooks()
    assert taken
    assert sum(tracker.renewals) == peers + 1
    assert len(out) == 20 + min(peers - 1, 50) * size
