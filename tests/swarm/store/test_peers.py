"""Planes of packed peers against lists of peers; who is handed out is asked in test_tracker.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker.swarm.store.peers import (
    STRIDE4,
    STRIDE6,
    choose,
    find,
    insert,
    remove,
    share_of_family,
    share_of_leechers,
    window,
    without,
)

Peer = tuple[bytes, int, int]  # address and port, flags, stamp


def planes(peers: list[Peer]) -> bytes:
    addresses = b"".join(peer for peer, _, _ in peers)
    return addresses + bytes(flags for _, flags, _ in peers) + bytes(stamp for _, _, stamp in peers)


@st.composite
def swarms(draw: st.DrawFn) -> tuple[int, list[Peer]]:
    """A stride and peers whose addresses are of few bytes, so that they overlap in many ways."""
    stride = draw(st.sampled_from([STRIDE4, STRIDE6]))
    addresses = draw(
        st.lists(
            st.lists(st.sampled_from(b"\0\1"), min_size=stride, max_size=stride).map(bytes),
            max_size=12,
            unique=True,
        )
    )
    byte = st.integers(0, 255)
    return stride, [(address, draw(byte), draw(byte)) for address in addresses]


@given(swarms(), st.binary(max_size=9), st.binary(max_size=30))
def test_a_peer_is_found_where_it_is_and_nowhere_else(
    swarm: tuple[int, list[Peer]], before: bytes, behind: bytes
) -> None:
    stride, peers = swarm
    data = before + planes(peers) + behind
    for index, (address, _, _) in enumerate(peers):
        assert find(data, len(before), len(peers), stride, address) == index
    there = {address for address, _, _ in peers}
    whole = b"".join(address for address, _, _ in peers)
    for at in range(len(data) - stride + 1):
        candidate = data[at : at + stride]
        if candidate not in there:
            assert find(data, len(before), len(peers), stride, candidate) == -1
    assert data[len(before) :].startswith(whole)


@given(swarms(), st.binary(max_size=9), st.binary(max_size=30), st.data())
def test_inserting_and_removing(
    swarm: tuple[int, list[Peer]], before: bytes, behind: bytes, data: st.DataObject
) -> None:
    """The bytes behind the planes are kept; the bytes before them are replaced."""
    stride, peers = swarm
    n = len(peers)
    packed = before + planes(peers) + behind
    index = data.draw(st.integers(0, n))
    new = (b"\x07" * stride, 0x40, 255)
    expected = b"head" + planes([*peers[:index], new, *peers[index:]]) + behind
    assert insert(b"head", packed, len(before), n, stride, index, *new) == expected
    if index < n:
        rest = peers[:index] + peers[index + 1 :]
        assert remove(b"head", packed, len(before), n, stride, index) == b"head" + planes(rest) + behind
        assert without(packed, len(before), n, stride, index) == b"".join(address for address, _, _ in rest)
    assert without(packed, len(before), n, stride, -1) == b"".join(address for address, _, _ in peers)


def plane(numbers: range, stride: int) -> bytes:
    return b"".join(number.to_bytes(stride, "big") for number in numbers)


def numbers_of(addresses: bytes, stride: int) -> list[int]:
    assert len(addresses) % stride == 0
    return [int.from_bytes(addresses[at : at + stride], "big") for at in range(0, len(addresses), stride)]


@given(st.integers(0, 30), st.integers(-1, 40), st.sampled_from([STRIDE4, STRIDE6]), st.integers(0, 99))
def test_a_window_is_neighbours_on_a_ring(n: int, want: int, stride: int, seed: int) -> None:
    got = numbers_of(window(plane(range(n), stride), want, stride, Random(seed)), stride)
    assert len(set(got)) == len(got) == max(0, min(n, want))
    assert set(got) <= set(range(n))
    if 0 < len(got) < n:
        assert sum((number + 1) % n not in got for number in got) == 1


@given(
    leechers=st.integers(0, 20),
    seeders=st.integers(0, 20),
    want=st.integers(0, 45),
    seeding=st.booleans(),
    seed=st.integers(0, 99),
)
def test_leechers_stand_before_seeders(
    leechers: int, seeders: int, want: int, seeding: bool, seed: int
) -> None:
    n = leechers + seeders
    got = numbers_of(
        choose(plane(range(n), STRIDE4), leechers, want, seeding, STRIDE4, Random(seed)), STRIDE4
    )
    roles = [number >= leechers for number in got]
    assert len(set(got)) == len(got) == min(n, want)
    assert roles == sorted(roles)
    if seeding:
        assert roles.count(False) == min(leechers, want)


@pytest.mark.parametrize(("leechers", "seeders", "want"), [(1, 2, 1), (10, 5, 7), (1, 999, 50), (3, 1, 2)])
def test_the_share_of_leechers_is_fair_in_the_long_run(leechers: int, seeders: int, want: int) -> None:
    random = Random(1)
    rounds = 5_000
    shares = [int(share_of_leechers(leechers, seeders, want, False, random)) for _ in range(rounds)]
    fair = want * leechers / (leechers + seeders)
    assert max(abs(share - fair) for share in shares) < 1
    assert abs(sum(shares) / rounds - fair) < 7 * 0.5 / rounds**0.5


@given(want=st.integers(0, 300), own=st.integers(0, 400), other=st.integers(0, 400))
def test_h49_families_get_a_quarter_and_share_the_rest(want: int, own: int, other: int) -> None:
    mine = int(share_of_family(want, own, other))
    theirs = want - mine
    if own + other <= want:
        assert mine == own
        return
    assert min(own, want // 4) <= mine <= own
    assert min(other, want // 4) <= theirs <= other
    left = [max(0, there - want // 4) for there in (own, other)]
    sure = [min(there, want // 4) for there in (own, other)]
    assert abs(mine - sure[0] - (want - sum(sure)) * left[0] / sum(left)) < 1
