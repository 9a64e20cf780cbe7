"""Denial: the networks of the config and of the file together, by the longest and the shortest prefixes."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.addresses import parse_ip, parse_network
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.denial import Denial, NetworkTable


def table(*networks: str) -> NetworkTable:
    made = NetworkTable()
    for network in networks:
        made.add(*parse_network(network))
    return made


@pytest.mark.parametrize(
    ("address", "denied"),
    [
        ("192.0.2.1", True),
        ("192.0.3.1", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:f::1", True),
        ("2001:db8:e::1", False),
        ("::ffff:192.0.2.1", True),
    ],
)
def test_networks_of_both_sources(address: str, denied: bool) -> None:
    denial = Denial(Counters())
    denial.deny(table("192.0.2.0/24", "2001:db8:f::/48"), table("198.51.100.7"))
    assert denial.in_force
    assert denial.holds(parse_ip(address)) is denied


def test_without_networks_nothing_is_looked_up() -> None:
    denial = Denial(Counters())
    assert not denial.in_force
    denial.deny(table(), table("192.0.2.0/24"))
    assert denial.in_force
    denial.deny(table(), table())
    assert not denial.in_force


def test_a_network_of_everything() -> None:
    everything = table("0.0.0.0/0")
    assert everything.holds(parse_ip("203.0.113.1"))
    assert not everything.holds(parse_ip("2001:db8::1"))
    assert everything.size() == 1


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 32)), max_size=8), st.data())
def test_as_the_standard_library_says(networks: list[tuple[int, int]], data: st.DataObject) -> None:
    named = [ip_network((number, bits), strict=False) for number, bits in networks]
    made = table(*(str(network) for network in named))
    near = [number for number, _ in networks] or [0]
    address = ip_address(data.draw(st.sampled_from(near)) ^ (1 << data.draw(st.integers(0, 31))))
    assert made.holds(address.packed) is any(address in network for network in named)
    assert made.size() == len(set(named))


def test_exactly_the_removed_network_is_gone() -> None:
    made = table("192.0.2.0/24", "192.0.2.0/25", "2001:db8::/32")
    made.remove(parse_ip("192.0.2.0"), 25)
    made.remove(parse_ip("192.0.2.0"), 26)
    made.remove(parse_ip("2001:db8::"), 32)
    assert made.blessed() == table("192.0.2.0/24").blessed()
    assert made.holds(parse_ip("192.0.2.1"))
    made.remove(parse_ip("192.0.2.0"), 24)
    assert made.size() == 0
