"""Places by address: who may have another, and that nothing is remembered of who left."""

from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.permissions import MAY_PROXY, MAY_STAT, Permissions
from opentracker.swarm.places import Places
from tests.server.live import packed

ONE, OTHER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def test_so_many_in_all() -> None:
    places = Places(2, 0, Permissions())
    places.enter(ONE)
    assert not places.is_full()
    places.enter(OTHER)
    assert places.is_full()
    places.leave(ONE)
    assert not places.is_full()


def test_so_many_of_one_address() -> None:
    places = Places(0, 2, Permissions())
    for _ in range(2):
        assert not places.refuses(ONE)
        places.enter(ONE)
    assert places.refuses(ONE)
    assert not places.refuses(OTHER)
    places.leave(ONE)
    assert not places.refuses(ONE)
    assert not places.is_full()


def test_ipv6_counts_by_its_64() -> None:
    places = Places(0, 1, Permissions())
    places.enter(packed("2001:db8:1:2::1"))
    assert places.refuses(packed("2001:db8:1:2:ffff::9"))
    assert not places.refuses(packed("2001:db8:1:3::1"))


def test_a_trusted_proxy_may_have_more() -> None:
    permissions = Permissions()
    permissions.bless(ONE, 32, MAY_PROXY)
    permissions.bless(OTHER, 32, MAY_STAT)
    places = Places(0, 1, permissions)
    places.enter(ONE)
    places.enter(OTHER)
    assert not places.refuses(ONE)
    assert places.refuses(OTHER)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_nothing_is_remembered_of_those_who_left(steps: list[tuple[int, bool]]) -> None:
    places = Places(0, 3, Permissions())
    there: list[bytes] = []
    for number, comes in steps:
        address = bytes([192, 0, 2, number])
        if comes:
            assert places.refuses(address) is (there.count(address) >= 3)
            places.enter(address)
            there.append(address)
        elif address in there:
            there.remove(address)
            places.leave(address)
        assert places.open == len(there)
        assert places.of_host == {address: there.count(address) for address in set(there)}
