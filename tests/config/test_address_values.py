"""What a config file says of addresses and ports that are listed or not."""

import pytest

from opentracker.config import file as config
from opentracker.config.address_values import KEYS, listed_network, refused_ports
from opentracker.config.settings import Settings


def numbers(settings: Settings) -> list[int]:
    """The refused ports."""
    return sorted(int.from_bytes(port, "big") for port in settings.refused_ports)


def test_the_keys_are_in_the_table_of_all_keys() -> None:
    assert all(config.KEYS[key] == "WANT_BOGON_FILTER" for key in KEYS)
    assert all(config.ACTIONS[key] is action for key, action in KEYS.items())


@pytest.mark.parametrize(
    ("value", "expected"),
    [("25", [25]), ("25 80", [25, 80]), ("6000-6003\t1", [1, 6000, 6001, 6002, 6003]), ("7-7", [7])],
)
def test_ports_and_ranges(value: str, expected: list[int]) -> None:
    settings = Settings()
    refused_ports(settings, value)
    assert numbers(settings) == expected


def test_what_is_said_twice_adds_up() -> None:
    settings = Settings()
    refused_ports(settings, "1 2")
    refused_ports(settings, "2-3")
    assert numbers(settings) == [1, 2, 3]
    assert Settings().refused_ports == frozenset()


@pytest.mark.parametrize("value", ["", " ", "x", "1-", "-1", "5-3", "1,2", "65536", "1--2"])
def test_what_are_no_ports(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="expected"):
        refused_ports(settings, value)
    assert settings == Settings()


def test_networks_that_are_listed_all_the_same() -> None:
    settings = Settings()
    listed_network(settings, "10.0.0.0/8")
    listed_network(settings, "::1")
    assert settings.listed_networks.rights(bytes([10, 1, 2, 3])) != 0
    assert settings.listed_networks.rights(bytes([11, 1, 2, 3])) == 0
    assert settings.listed_networks.rights(bytes(15) + b"\1") != 0
    with pytest.raises(ValueError, match="not an IPv4 or IPv6 address"):
        listed_network(settings, "here")
