"""Requests between workers: what is packed is unpacked."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.messages import Announce
from opentracker.server.workers.requests import (
    HEAD_ONLY,
    KEEP_ALIVE,
    counts_at,
    pack_announce,
    pack_datagram,
    scraped,
    unpack_announce,
    unpack_datagram,
)
from tests.swarm.filled import filled, known

FIELDS = ("info_hash", "peer", "peer_id", "stored", "seeding", "event", "numwant")


@st.composite
def announces(draw: st.DrawFn) -> Announce:
    """The request fields of an announce over HTTP."""
    a = Announce(both_families=True)
    a.info_hash = draw(st.binary(min_size=20, max_size=20))
    size = draw(st.sampled_from([6, 18]))
    a.peer = draw(st.binary(min_size=size, max_size=size))
    a.peer_id = draw(st.sampled_from([b"", b"-XX0001-abcdefghijkl"]))
    a.stored, a.seeding = draw(st.booleans()), draw(st.booleans())
    a.event, a.numwant = draw(st.integers(0, 3)), draw(st.integers(0, 1000))
    return a


@given(announces(), st.sampled_from([0, KEEP_ALIVE, HEAD_ONLY, KEEP_ALIVE | HEAD_ONLY]))
def test_an_announce(a: Announce, form: int) -> None:
    found = Announce(both_families=True)
    assert unpack_announce(pack_announce(a, form), found) == form
    assert {name: getattr(found, name) for name in FIELDS} == {name: getattr(a, name) for name in FIELDS}


@given(st.sampled_from([4, 16]), st.binary(min_size=16, max_size=200))
def test_a_datagram(size: int, packet: bytes) -> None:
    assert unpack_datagram(pack_datagram(bytes(size), packet)) == (bytes(size), packet)


def test_counts_of_torrents() -> None:
    torrents = known(3)
    tracker = filled(torrents)
    asked = [*torrents, bytes(20)]
    entries = scraped(tracker, b"".join(asked))
    assert [counts_at(entries, number) for number in range(4)] == [*torrents.values(), (0, 0, 0)]
