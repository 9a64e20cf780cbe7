"""Places by address: who may have another, and that nothing is remembered of who left."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.policy.permissions import MAY_PROXY, MAY_STAT, Permissions
from opentracker.swarm.policy.slots import Slots
from tests.server.live import packed

ONE, OTHER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def test_so_many_in_all() -> None:
    slots = Slots(2, 0, Permissions())
    slots.enter(ONE)
    assert not slots.is_full()
    slots.enter(OTHER)
    assert slots.is_full()
    slots.leave(ONE)
    assert not slots.is_full()


def test_so_many_of_one_address() -> None:
    slots = Slots(0, 2, Permissions())
    for _ in range(2):
        assert not slots.refuses(ONE)
        slots.enter(ONE)
    assert slots.refuses(ONE)
    assert not slots.refuses(OTHER)
    slots.leave(ONE)
    assert not slots.refuses(ONE)
    assert not slots.is_full()


def test_ipv6_counts_by_its_64() -> None:
    slots = Slots(0, 1, Permissions())
    slots.enter(packed("2001:db8:1:2::1"))
    assert slots.refuses(packed("2001:db8:1:2:ffff::9"))
    assert not slots.refuses(packed("2001:db8:1:3::1"))


def test_a_trusted_proxy_may_have_more() -> None:
    permissions = Permissions()
    permissions.bless(ONE, 32, MAY_PROXY)
    permissions.bless(OTHER, 32, MAY_STAT)
    slots = Slots(0, 1, permissions)
    slots.enter(ONE)
    slots.enter(OTHER)
    assert not slots.refuses(ONE)
    assert slots.refuses(OTHER)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_nothing_is_remembered_of_those_who_left(steps: list[tuple[int, bool]]) -> None:
    slots = Slots(0, 3, Permissions())
    there: list[bytes] = []
    for number, comes in steps:
        address = bytes([192, 0, 2, number])
        if comes:
            assert slots.refuses(address) is (there.count(address) >= 3)
            slots.enter(address)
            there.append(address)
        elif address in there:
            there.remove(address)
            slots.leave(address)
        assert slots.open == len(there)
        assert slots.of_host == {address: there.count(address) for address in set(there)}
