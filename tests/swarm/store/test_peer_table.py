"""Tables of peers: blocks that split and merge, and windows on them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker.swarm.store.peer_table import BLOCK, PeerTable
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from tests.swarm.model import peer_of

STRIDES = [STRIDE4, STRIDE6]


def contents(table: PeerTable) -> dict[bytes, tuple[int, int]]:
    """Every peer with its flags and stamp."""
    addresses, flags, stamps = table.planes()
    stride = table.stride
    assert len(addresses) == stride * table.peers
    return {
        addresses[index * stride : (index + 1) * stride]: (flags[index], stamps[index])
        for index in range(table.peers)
    }


def find_in(table: PeerTable, peer: bytes) -> tuple[int, int]:
    at = table.block_of(peer)
    return at, table.index_in(at, peer)


@pytest.mark.parametrize("stride", STRIDES)
def test_a_table_grows_and_shrinks_and_loses_nobody(stride: int) -> None:
    walk = random.Random(stride)
    table = PeerTable(stride)
    model: dict[bytes, tuple[int, int]] = {}
    most_blocks = 0
    for step in range(16_000):
        peer = peer_of(walk.randrange(4_000), stride)
        joining = walk.random() < (0.9 if step < 6_000 else 0.02)
        if peer in model and not joining:
            flags, stamp = model.pop(peer)
            assert table.take(peer) == flags * 256 + stamp
        elif peer not in model and joining:
            model[peer] = (walk.randrange(256), walk.randrange(256))
            table.add(peer, *model[peer])
        elif peer in model:
            flags, former = model[peer]
            model[peer] = (flags, step & 255)
            assert table.refresh(*find_in(table, peer), step & 255) == former
        else:
            assert find_in(table, peer)[1] == -1
            assert table.take(peer) == -1
        most_blocks = max(most_blocks, len(table.blocks))
        if step % 2_000 == 0:
            assert contents(table) == model
    assert contents(table) == model
    assert all(find_in(table, peer)[1] >= 0 for peer in model)
    assert most_blocks > 2_000 // BLOCK
    assert len(table.blocks) < most_blocks // 2, "it gives the blocks back"


@pytest.mark.parametrize("stride", STRIDES)
def test_no_block_grows_far_beyond_the_others(stride: int) -> None:
    """What an announce costs: it copies one block, and no more."""
    table = PeerTable(stride)
    for number in range(20_000):
        table.add(peer_of(number, stride), 0, 0)
    assert max(len(block) for block in table.blocks) // (stride + 2) < 4 * BLOCK


@pytest.mark.parametrize("stride", STRIDES)
@given(n=st.integers(0, 3 * BLOCK), want=st.integers(0, 4 * BLOCK), seed=st.integers(0, 99), data=st.data())
def test_a_window_leaves_the_asker_out(
    stride: int, n: int, want: int, seed: int, data: st.DataObject
) -> None:
    table = PeerTable(stride)
    peers = [peer_of(number, stride) for number in range(n)]
    for peer in peers:
        table.add(peer, 0, 0)
    asker = data.draw(st.sampled_from([None, *peers]))
    at, index = (-1, -1) if asker is None else find_in(table, asker)
    packed = table.window(want, at, index, Random(seed))
    got = [packed[place : place + stride] for place in range(0, len(packed), stride)]
    others = set(peers) - {asker}
    assert len(set(got)) == len(got) == min(want, len(others))
    assert set(got) <= others
