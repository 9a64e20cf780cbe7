"""Tables of peers, of bytes and of words: blocks that split and merge, and windows on them."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker.swarm.store.peers import COMPLETED, FROM_SYNC, STRIDE4, STRIDE6
from opentracker.swarm.store.table import SHARES, Table
from tests.swarm.engines import TABLES
from tests.swarm.model import peer_of

STRIDES = [STRIDE4, STRIDE6]
FLAGS = [0, COMPLETED, FROM_SYNC, COMPLETED | FROM_SYNC]
MOST = (
    128  # peers of a block on average; a table of words has far more, of which no test could fill many blocks
)
Maker = Callable[[int, bool], Table]
each_table = pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)


def small(make: Maker, stride: int) -> Table:
    """A table with small blocks."""
    table = make(stride, False)
    table.most = MOST
    return table


def contents(table: Table) -> dict[bytes, tuple[int, int]]:
    """Every peer with its flags and stamp."""
    addresses, flags, stamps = table.planes()
    stride = table.stride
    assert len(addresses) == stride * table.peers
    return {
        addresses[index * stride : (index + 1) * stride]: (flags[index], stamps[index])
        for index in range(table.peers)
    }


def find_in(table: Table, peer: bytes) -> tuple[int, int]:
    at = table.block_of(peer)
    return at, table.index_in(at, peer)


@each_table
@pytest.mark.parametrize("stride", STRIDES)
def test_a_table_grows_and_shrinks_and_loses_nobody(stride: int, make: Maker) -> None:
    walk = random.Random(stride)
    table = small(make, stride)
    model: dict[bytes, tuple[int, int]] = {}
    most_blocks = 0
    for step in range(16_000):
        peer = peer_of(walk.randrange(4_000), stride)
        joining = walk.random() < (0.9 if step < 6_000 else 0.02)
        if peer in model and not joining:
            flags, stamp = model.pop(peer)
            assert table.take(peer) == flags * 256 + stamp
        elif peer not in model and joining:
            model[peer] = (walk.choice(FLAGS), walk.randrange(256))
            table.add(peer, *model[peer])
        elif peer in model:
            flags, former = model[peer]
            model[peer] = (flags, step & 255)
            assert table.refresh(*find_in(table, peer), step & 255) == former
        else:
            assert find_in(table, peer)[1] == -1
            assert table.take(peer) == -1
        most_blocks = max(most_blocks, int(table.count))
        if step % 2_000 == 0:
            assert contents(table) == model
    assert contents(table) == model
    assert all(find_in(table, peer)[1] >= 0 for peer in model)
    assert most_blocks > 2_000 // table.most
    assert int(table.count) < most_blocks // 2, "it gives the blocks back"


@each_table
@pytest.mark.parametrize("stride", STRIDES)
def test_no_block_grows_far_beyond_the_others(stride: int, make: Maker) -> None:
    """An announce copies one block, and no more."""
    table = make(stride, False)
    for number in range(20_000):
        table.add(peer_of(number, stride), 0, 0)
    assert max(table.size_of(at) for at in range(table.count)) < 4 * table.most


@each_table
@pytest.mark.parametrize("stride", STRIDES)
@given(n=st.integers(0, 5 * MOST), want=st.integers(0, 6 * MOST), seed=st.integers(0, 99), data=st.data())
def test_a_window_leaves_the_asker_out(
    stride: int, make: Maker, n: int, want: int, seed: int, data: st.DataObject
) -> None:
    table = small(make, stride)
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


def host(number: int, port: int, stride: int) -> bytes:
    address = number.to_bytes(4, "big") if stride == STRIDE4 else number.to_bytes(8, "big") + bytes(8)
    return address + port.to_bytes(2, "big")


@each_table
@pytest.mark.parametrize("stride", STRIDES)
def test_what_strangers_did_before_makes_no_announce_dear(stride: int, make: Maker) -> None:
    """Eleven hundred ports of one host, all but one gone again: a draw needs few darts still."""
    table = make(stride, True)
    for number in range(4_000):
        table.add(host(1_000 + number, 6881, stride), 0, 0)
    for port in range(2_000, 3_100):
        table.add(host(77, port, stride), 0, 0)
    assert len(table.ports_of(host(77, 1, stride))) == 1_100
    for port in range(2_001, 3_100):
        table.take(host(77, port, stride))
    assert len(table.ports_of(host(77, 1, stride))) == 1
    darts = int(table.count * table.longest) / int(table.peers)
    assert darts < 2 * 4 * 2
    for number in range(3_990):
        table.take(host(1_000 + number, 6881, stride))
    assert table.count == 1
    assert len({table.draw(-1, Random(seed)) for seed in range(200)}) == table.peers == 11
    assert SHARES > 1


@each_table
@pytest.mark.parametrize("stride", STRIDES)
def test_flags_are_taken_off_and_what_has_expired_goes(stride: int, make: Maker) -> None:
    table = small(make, stride)
    for number in range(500):
        table.add(peer_of(number, stride), COMPLETED | FROM_SYNC, number & 1)
    for number in range(500):
        table.unmark(*find_in(table, peer_of(number, stride)), FROM_SYNC)
    for at in range(table.count):
        table.expire(at, bytes([1]) + bytes(255))
    assert contents(table) == {peer_of(number, stride): (COMPLETED, 1) for number in range(1, 500, 2)}
    assert table.weight() >= 250 * (stride + 2)


@each_table
@pytest.mark.parametrize("stride", STRIDES)
@given(gone=st.lists(st.booleans(), max_size=60))
def test_any_of_a_blocks_peers_may_expire(stride: int, make: Maker, gone: list[bool]) -> None:
    table = make(stride, False)
    for number, has_expired in enumerate(gone):
        table.add(peer_of(number, stride), number & COMPLETED, 7 if has_expired else 8)
    table.expire(0, bytes(7) + bytes([1]) + bytes(248))
    kept = [number for number, has_expired in enumerate(gone) if not has_expired]
    assert contents(table) == {peer_of(number, stride): (number & COMPLETED, 8) for number in kept}
    assert all(table.has(peer_of(number, stride)) for number in kept)
    table.add(peer_of(1_000, stride), 0, 8)
    assert table.peers == len(kept) + 1
