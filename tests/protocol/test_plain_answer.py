"""The answer that is appended is the one that the writers of heads and bodies give together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter

from opentracker.protocol.bencode import write_announce
from opentracker.protocol.http import write_ok
from opentracker.protocol.messages import EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.protocol.plain_answer import append_announce, decimal
from tests.protocol.http_cases import PEER_ID

counts = st.one_of(st.integers(0, 20_000), st.integers(0, 2**31 - 1))


@given(
    numbers=st.tuples(counts, counts, counts, counts),
    peers=st.binary(max_size=2000),
    peers6=st.binary(max_size=2000),
    event=st.sampled_from([EVENT_NONE, EVENT_STOPPED]),
    peer_id=st.sampled_from([b"", PEER_ID, b"A2-1-36-0-abcdefghij"]),
    keep_alive=st.booleans(),
)
def test_an_answer_is_the_same(
    numbers: tuple[int, int, int, int],
    peers: bytes,
    peers6: bytes,
    event: int,
    peer_id: bytes,
    keep_alive: bool,
) -> None:
    a = Announce(both_families=True)
    a.complete, a.downloaded, a.incomplete, a.interval = numbers
    a.peers, a.peers6, a.event, a.peer_id = peers, peers6, event, peer_id
    out = BytesWriter()
    out.write(b"before")
    append_announce(out, a, keep_alive)
    assert out.getvalue() == b"before" + write_ok(write_announce(a), keep_alive, head_only=False)


@pytest.mark.parametrize("number", [0, 9, 10, 9_999, 10_000, 2**31 - 1])
def test_decimals(number: int) -> None:
    assert decimal(number) == b"%d" % number
