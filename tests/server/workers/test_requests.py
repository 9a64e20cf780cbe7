"""Requests between workers: what is packed is unpacked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from opentracker.protocol.messages import EVENT_PAUSED, Announce
from opentracker.server.workers.requests import (
    ENTRY,
    HEAD_ONLY,
    KEEP_ALIVE,
    counts_at,
    pack_announce,
    pack_datagram,
    partial_seeds_in,
    scraped,
    unpack_announce,
    unpack_datagram,
)
from tests.server.live import HOME, packed
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
    packed_fields = BytesWriter()
    pack_announce(packed_fields, a, form)
    found = Announce(both_families=True)
    assert unpack_announce(packed_fields.getvalue(), found) == form
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


@pytest.mark.needs("WANT_EXTENDED_ANSWERS")
def test_h56_partial_seeds_of_torrents() -> None:
    ((info_hash, counts),) = known(1).items()
    tracker = filled({info_hash: counts})
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.event, a.stored = info_hash, packed(HOME) + b"\x1a\xe1", EVENT_PAUSED, True
    tracker.store.announce(a, 0)
    entries = scraped(tracker, bytes(20) + info_hash)
    assert [partial_seeds_in(entries[at:]) for at in (0, ENTRY)] == [0, 1]
    assert counts_at(entries, 1) == (counts[0], counts[1], counts[2] + 1)
