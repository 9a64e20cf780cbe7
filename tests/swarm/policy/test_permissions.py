from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.addresses import parse_ip, parse_network
from opentracker.swarm.policy.permissions import (
    EVERYTHING,
    MAY_FULLSCRAPE,
    MAY_LIVESYNC,
    MAY_PROXY,
    MAY_STAT,
    Permissions,
)


def blessed(*networks: tuple[str, int]) -> Permissions:
    permissions = Permissions()
    for text, rights in networks:
        first, bits = parse_network(text)
        permissions.bless(first, bits, rights)
    return permissions


def test_c09_an_address_has_the_rights_of_its_network() -> None:
    permissions = blessed(("10.0.0.0/8", MAY_PROXY))
    assert permissions.rights(parse_ip("10.255.255.255")) == MAY_PROXY
    assert permissions.rights(parse_ip("11.0.0.0")) == 0
    assert permissions.rights(parse_ip("::")) == 0


def test_rights_of_all_networks_with_the_address_add_up() -> None:
    permissions = blessed(
        ("0.0.0.0/0", MAY_FULLSCRAPE),
        ("192.0.2.0/24", MAY_STAT),
        ("192.0.2.0/24", MAY_PROXY),
        ("192.0.2.7", MAY_LIVESYNC),
    )
    assert permissions.rights(parse_ip("192.0.2.7")) == EVERYTHING
    assert permissions.rights(parse_ip("192.0.2.8")) == MAY_FULLSCRAPE | MAY_STAT | MAY_PROXY
    assert permissions.rights(parse_ip("192.0.3.7")) == MAY_FULLSCRAPE


def test_a_mapped_address_is_the_ipv4_address() -> None:
    permissions = blessed(("::ffff:192.0.2.0/120", MAY_STAT))
    assert permissions.rights(parse_ip("::ffff:192.0.2.9")) == MAY_STAT
    assert permissions.rights(parse_ip("192.0.2.9")) == MAY_STAT


def test_c10_there_may_be_any_number_of_networks() -> None:
    permissions = blessed(*((f"10.{i >> 8}.{i & 255}.1", MAY_STAT) for i in range(1000)))
    assert all(permissions.rights(bytes([10, i >> 8, i & 255, 1])) == MAY_STAT for i in range(1000))
    assert permissions.rights(parse_ip("10.4.0.1")) == 0


@pytest.mark.parametrize("right", [MAY_FULLSCRAPE, MAY_STAT, MAY_LIVESYNC, MAY_PROXY])
def test_whether_anybody_has_a_right(right: int) -> None:
    assert not Permissions().given(right)
    assert not blessed(("10.0.0.1", EVERYTHING & ~right), ("::1", EVERYTHING & ~right)).given(right)
    assert blessed(("10.0.0.1", EVERYTHING & ~right), ("::1", right)).given(right)


def test_single_addresses_that_have_a_right() -> None:
    given = blessed(
        ("10.0.0.0/8", MAY_STAT), ("10.0.0.1", MAY_STAT), ("10.0.0.2", MAY_PROXY), ("::1", EVERYTHING)
    )
    assert given.addresses(MAY_STAT) == [parse_ip("10.0.0.1"), parse_ip("::1")]


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4), st.integers(0, 32))
def test_c09_lengths_of_ipv4(network: bytes, address: bytes, bits: int) -> None:
    theirs = IPv4Network((network, bits), strict=False)
    ours = blessed((str(theirs), MAY_STAT))
    for each in (address, theirs[0].packed, theirs[-1].packed):
        assert (ours.rights(each) == MAY_STAT) == (ip_address(each) in theirs)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.integers(0, 95))
def test_c09_lengths_of_ipv6(network: bytes, address: bytes, bits: int) -> None:
    theirs = IPv6Network((network, bits), strict=False)
    ours = blessed((str(theirs), MAY_STAT))
    for each in (address, theirs[0].packed, theirs[-1].packed):
        assert (ours.rights(each) == MAY_STAT) == (ip_address(each) in theirs)


def test_permissions_are_equal_where_they_give_the_same() -> None:
    one, other = Permissions(), Permissions()
    assert one == other
    one.bless(bytes(4), 8, MAY_STAT)
    assert one != other
    other.bless(bytes(4), 8, MAY_STAT)
    assert one == other
    assert one != {}
    with pytest.raises(TypeError, match="change"):
        hash(one)


def test_all_networks_with_their_rights() -> None:
    permissions = Permissions()
    assert permissions.blessed() == []
    permissions.bless(bytes([10, 0, 0, 0]), 8, MAY_STAT)
    permissions.bless(bytes([10, 1, 2, 3]), 32, MAY_STAT)
    permissions.bless(bytes([10, 0, 0, 0]), 8, MAY_FULLSCRAPE)
    permissions.bless(bytes(16), 0, MAY_PROXY)
    assert permissions.blessed() == [
        (bytes([10, 0, 0, 0]), 8, MAY_STAT | MAY_FULLSCRAPE),
        (bytes([10, 1, 2, 3]), 32, MAY_STAT),
        (bytes(16), 0, MAY_PROXY),
    ]


def test_rights_that_another_gives_are_taken_over_by_whoever_has_these() -> None:
    one, other = Permissions(), Permissions()
    one.bless(bytes([10, 0, 0, 0]), 8, MAY_STAT)
    other.bless(bytes([192, 0, 2, 0]), 24, MAY_STAT)
    one.take_over(other)
    assert one.rights(bytes([10, 0, 0, 1])) == 0
    assert one.rights(bytes([192, 0, 2, 1])) == MAY_STAT
