import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.connection_ids import ID_SIZE, REMEMBERED, SECRET_SIZE, ConnectionIds
from tests.swarm.ids import id_for

SECRET = bytes(range(SECRET_SIZE))
HOME, NEIGHBOUR, HOME6 = b"\x7f\0\0\x01", b"\x7f\0\0\x02", bytes(15) + b"\x01"

addresses = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))


def ids_in(epoch: int, secret: bytes = SECRET) -> ConnectionIds:
    ids = ConnectionIds(secret)
    ids.rotate(epoch)
    return ids


@given(addresses)
def test_an_id_has_eight_bytes_and_is_accepted(address: bytes) -> None:
    ids = ids_in(0)
    connection_id = id_for(ids, address)
    assert len(connection_id) == ID_SIZE == 8
    assert ids.accepts(connection_id, address)
    assert id_for(ids, address) == connection_id, "an epoch has one id for an address"


@given(addresses, addresses)
def test_p7_an_id_is_for_one_address(first: bytes, second: bytes) -> None:
    ids = ids_in(7)
    assert ids.accepts(id_for(ids, first), second) is (first == second)


@pytest.mark.parametrize("epoch", [0, 1, 2, 1_000_000])
@pytest.mark.parametrize(("passed", "good"), [(0, True), (1, True), (2, False), (3, False), (100, False)])
@pytest.mark.parametrize("step", [True, False], ids=["one by one", "at once"])
def test_u17_an_id_is_good_in_its_epoch_and_the_next(epoch: int, passed: int, good: bool, step: bool) -> None:
    """However often the clock was looked at in between, and whoever else connected."""
    ids = ids_in(epoch)
    connection_id = id_for(ids, HOME)
    for later in range(epoch, epoch + passed) if step else ():
        ids.rotate(later)
        id_for(ids, NEIGHBOUR)
    ids.rotate(epoch + passed)
    assert ids.accepts(connection_id, HOME) is good
    assert ids.accepts(connection_id, NEIGHBOUR) is False


def test_an_epoch_has_its_own_ids() -> None:
    ids = ids_in(0)
    seen = set()
    for epoch in range(100):
        ids.rotate(epoch)
        seen.add(id_for(ids, HOME))
    assert len(seen) == 100


def test_turning_to_the_same_epoch_changes_nothing() -> None:
    ids = ids_in(3)
    connection_id = id_for(ids, HOME)
    ids.rotate(3)
    assert id_for(ids, HOME) == connection_id


def test_u16_who_shares_the_secret_takes_each_others_ids() -> None:
    """Another socket, another worker: also one that never heard of the address, an epoch later."""
    connection_id = id_for(ids_in(5), HOME)
    assert ids_in(5).accepts(connection_id, HOME)
    assert ids_in(6).accepts(connection_id, HOME)
    assert not ids_in(7).accepts(connection_id, HOME)
    assert not ids_in(4).accepts(connection_id, HOME), "an id of an epoch to come"


def test_u18_u19_another_secret_another_tracker() -> None:
    connection_id = id_for(ids_in(0), HOME)
    for bit in range(0, 8 * SECRET_SIZE, 7):
        secret = (int.from_bytes(SECRET, "big") ^ 1 << bit).to_bytes(SECRET_SIZE, "big")
        other = ids_in(0, secret)
        assert id_for(other, HOME) != connection_id
        assert not other.accepts(connection_id, HOME)


def test_u20_no_random_id_is_accepted() -> None:
    ids = ids_in(0)
    for address in (HOME, HOME6):
        guesses = random.Random(20).randbytes(ID_SIZE * 500_000)
        assert not any(
            ids.accepts(guesses[at : at + ID_SIZE], address) for at in range(0, len(guesses), ID_SIZE)
        )


@pytest.mark.parametrize("address", [HOME, HOME6])
def test_u21_u22_every_bit_of_an_id_matters(address: bytes) -> None:
    ids = ids_in(0)
    connection_id = int.from_bytes(id_for(ids, address), "big")
    for bit in range(64):
        assert not ids.accepts((connection_id ^ 1 << bit).to_bytes(8, "big"), address)
    assert not ids.accepts(bytes.fromhex("0000041727101980"), address)
    assert not ids.accepts(bytes(8), address)


def test_ids_do_not_follow_from_each_other() -> None:
    """Of neighbouring addresses and epochs about half the bits differ: as good as no two share a part."""
    ids = ids_in(0)
    seen = [id_for(ids, b"\x0a\0" + number.to_bytes(2, "big")) for number in range(2_000)]
    ids.rotate(1)
    seen += [id_for(ids, b"\x0a\0" + number.to_bytes(2, "big")) for number in range(2_000)]
    assert len(set(seen)) == len(seen)
    for bit in range(64):
        ones = sum(int.from_bytes(connection_id, "big") >> bit & 1 for connection_id in seen)
        assert abs(ones - 2_000) < 7 * 4_000**0.5 / 2


@pytest.mark.needs(WANT_COMPILED=False)  # nothing is remembered there
def test_what_is_remembered_is_bounded_and_forgetting_spoils_no_id() -> None:
    """A stranger who can forge addresses can ask from all of them."""
    ids = ids_in(0)
    first = id_for(ids, HOME)
    for epoch in (0, 1):
        ids.rotate(epoch)
        for number in range(2 * REMEMBERED + 10):
            ids.accepts(bytes(8), number.to_bytes(4, "big"))
        assert max(len(ids.current), len(ids.previous)) <= REMEMBERED
        assert ids.accepts(first, HOME)
    ids.rotate(5)
    assert len(ids.current) + len(ids.previous) == 0
