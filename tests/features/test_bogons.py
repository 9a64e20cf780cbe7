"""The filter's table against what IANA's registries say, and who is listed to whom.

The registries: "IANA IPv4 Special-Purpose Address Registry", "IANA IPv6 Special-Purpose Address Registry" (RFC 6890,
RFC 8190), "IPv4 Multicast Address Space" (RFC 5771) and "Internet Protocol Version 6 Address Space" (RFC 4291).
"""

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librt.random import Random

from opentracker.config.settings import Settings
from opentracker.features.bogons import (
    NETWORKS,
    NEVER,
    PRIVATE,
    PUBLIC,
    SHARED,
    BogonFilter,
    BogonSettings,
    NetworkSet,
    listed_network,
    refused_ports,
)
from opentracker.protocol.addresses import parse_network
from opentracker.protocol.messages import Announce
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.policy.permissions import EVERYTHING, Permissions
from opentracker.swarm.tracker import Tracker
from tests.protocol.http_cases import announce
from tests.server.live import HOME, Live, announce_packet, packed

# Network, RFC, "Globally Reachable" (None: N/A in the registry).
SPECIAL = [
    ("0.0.0.0/8", "RFC 791", False),
    ("10.0.0.0/8", "RFC 1918", False),
    ("100.64.0.0/10", "RFC 6598", False),
    ("127.0.0.0/8", "RFC 1122", False),
    ("169.254.0.0/16", "RFC 3927", False),
    ("172.16.0.0/12", "RFC 1918", False),
    ("192.0.0.0/24", "RFC 6890", False),
    ("192.0.0.0/29", "RFC 7335", False),
    ("192.0.0.8/32", "RFC 7600", False),
    ("192.0.0.9/32", "RFC 7723", True),
    ("192.0.0.10/32", "RFC 8155", True),
    ("192.0.0.170/32", "RFC 8880", False),
    ("192.0.0.171/32", "RFC 8880", False),
    ("192.0.2.0/24", "RFC 5737", False),
    ("192.31.196.0/24", "RFC 7535", True),
    ("192.52.193.0/24", "RFC 7450", True),
    ("192.88.99.0/24", "RFC 7526", None),
    ("192.168.0.0/16", "RFC 1918", False),
    ("192.175.48.0/24", "RFC 7534", True),
    ("198.18.0.0/15", "RFC 2544", False),
    ("198.51.100.0/24", "RFC 5737", False),
    ("203.0.113.0/24", "RFC 5737", False),
    ("240.0.0.0/4", "RFC 1112", False),
    ("255.255.255.255/32", "RFC 8190", False),
    ("::1/128", "RFC 4291", False),
    ("::/128", "RFC 4291", False),
    ("::ffff:0:0/96", "RFC 4291", False),
    ("64:ff9b::/96", "RFC 6052", True),
    ("64:ff9b:1::/48", "RFC 8215", False),
    ("100::/64", "RFC 6666", False),
    ("100:0:0:1::/64", "RFC 9780", False),
    ("2001::/23", "RFC 2928", False),
    ("2001::/32", "RFC 4380", None),
    ("2001:1::1/128", "RFC 7723", True),
    ("2001:1::2/128", "RFC 8155", True),
    ("2001:1::3/128", "RFC 9665", True),
    ("2001:2::/48", "RFC 5180", False),
    ("2001:3::/32", "RFC 7450", True),
    ("2001:4:112::/48", "RFC 7535", True),
    ("2001:10::/28", "RFC 4843", None),
    ("2001:20::/28", "RFC 7343", True),
    ("2001:30::/28", "RFC 9374", True),
    ("2001:db8::/32", "RFC 3849", False),
    ("2002::/16", "RFC 3056", None),
    ("2620:4f:8000::/48", "RFC 7534", True),
    ("3fff::/20", "RFC 9637", False),
    ("5f00::/16", "RFC 9602", False),
    ("fc00::/7", "RFC 4193", False),
    ("fe80::/10", "RFC 4291", False),
]
MULTICAST = [("224.0.0.0/4", "RFC 5771"), ("ff00::/8", "RFC 4291")]
# Globally reachable says the registry, and no peer's address for all that: services that answer from anywhere
# (anycast), identifiers without a place, and IPv4 hosts seen through a translator.
NO_PEERS = {
    *("192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32"),
    *("2001:4:112::/48", "2001:20::/28", "2001:30::/28", "64:ff9b::/96"),
}
PRIVATE_USE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}
GLOBAL_UNICAST = ip_network("2000::/3")  # all of IPv6 that IANA gives to registries (RFC 4291, RFC 3513)

ALL = {4: NetworkSet(4), 16: NetworkSet(16)}


def kind_of(address: bytes) -> int:
    return int(ALL[len(address)].kind_of(address))


def corners(network: IPv4Network | IPv6Network) -> list[bytes]:
    """The first, the second, a middle and the last address of a network."""
    first, last = int(network[0]), int(network[-1])
    return [
        number.to_bytes(network.max_prefixlen // 8, "big")
        for number in {first, min(first + 1, last), (first + last) // 2, last}
    ]


@pytest.mark.parametrize(("text", "rfc", "reachable"), SPECIAL)
def test_the_special_purpose_registries(text: str, rfc: str, reachable: bool | None) -> None:
    expected = PUBLIC if reachable and text not in NO_PEERS else NEVER
    if text in PRIVATE_USE:
        expected = PRIVATE
    elif text == "100.64.0.0/10":
        expected = SHARED
    assert {kind_of(address) for address in corners(ip_network(text))} == {expected}, rfc


@pytest.mark.parametrize(("text", "rfc"), MULTICAST)
def test_multicast(text: str, rfc: str) -> None:
    assert {kind_of(address) for address in corners(ip_network(text))} == {NEVER}, rfc


def test_nothing_else_is_in_the_table() -> None:
    """Every network of ours is one of the registries', or outside of IPv6's global unicast."""
    known = {text for text, *_ in [*SPECIAL, *MULTICAST]}
    for text in NETWORKS:
        network = ip_network(text)
        if isinstance(network, IPv6Network) and not network.overlaps(GLOBAL_UNICAST):
            continue
        assert text in known


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
        ),
        *("128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255"),
        *("192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0"),
        *("198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0"),
        *("223.255.255.255", "2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::1", "2a00::1"),
        *("2400:cb00::1", "3ffe:ffff::", "3fff:1000::", "2001:1ff:ffff::"),
    ],
)
def test_their_neighbours(text: str) -> None:
    expected = NEVER if text == "2001:1ff:ffff::" else PUBLIC
    assert kind_of(packed(text)) == expected


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
def test_the_look_up_equals_the_table(address: bytes) -> None:
    number = int.from_bytes(address, "big")
    kinds = {}
    for text, kind in NETWORKS.items():
        first, bits = parse_network(text)
        if len(first) == len(address) and number >> (8 * len(first) - bits) == int.from_bytes(
            first, "big"
        ) >> (8 * len(first) - bits):
            kinds[bits] = kind
    assert kind_of(address) == (kinds[max(kinds)] if kinds else PUBLIC)
    assert ALL[len(address)].kind_of(address + b"\x1a\xe1") == kind_of(address)


# ---- Who is listed to whom ---------------------------------------------------------------------------------

HASH = b"A" * 20


class Filtered:
    """A tracker with a filter."""

    def __init__(self, refused_ports: frozenset[bytes] = frozenset(), *exceptions: str) -> None:
        permissions = Permissions()
        for text in exceptions:
            permissions.bless(*parse_network(text), EVERYTHING)
        self.tracker = Tracker(Random(1))
        self.tracker.visibility = BogonFilter(refused_ports, permissions, self.tracker.counters)
        self.counters: Counters = self.tracker.counters

    def announce(self, host: str, port: int = 6881, both_families: bool = False) -> Announce:
        a = Announce(both_families)
        a.info_hash, a.peer, a.stored, a.numwant = HASH, packed(host) + port.to_bytes(2, "big"), True, 50
        self.tracker.announce(a, 0)
        return a

    def seen_from(self, host: str) -> set[bytes]:
        """The addresses that are listed to an asker."""
        a = self.announce(host, both_families=True)
        peers = {a.peers[at : at + 4] for at in range(0, len(a.peers), 6)}
        return peers | {a.peers6[at : at + 16] for at in range(0, len(a.peers6), 18)}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "224.0.0.5", "0.0.0.0", "169.254.1.1", "255.255.255.255", "::1", "fe80::1"]
)
def test_a_bogon_is_answered_and_never_listed(host: str) -> None:
    filtered = Filtered()
    filtered.announce("198.41.0.4")
    a = filtered.announce(host)
    assert (a.incomplete, a.stored) == (1, False)
    assert a.peers == (packed("198.41.0.4") + b"\x1a\xe1" if ":" not in host else b"")
    assert filtered.counters.value("refused_bogons") == 1
    assert filtered.seen_from("1.2.3.4") == {packed("198.41.0.4")}


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_private_peers_are_listed_to_private_askers_alone() -> None:
    filtered = Filtered()
    hosts = {
        PUBLIC: ["198.41.0.4", "2a00::1"],
        PRIVATE: ["10.0.0.1", "192.168.0.1", "fd00::1"],
        SHARED: ["100.64.0.1"],
    }
    for several in hosts.values():
        for host in several:
            filtered.announce(host)

    def shown(*kinds: int) -> set[bytes]:
        return {packed(host) for kind in kinds for host in hosts[kind]}

    assert filtered.seen_from("127.0.0.1") == shown(PUBLIC)  # never listed itself, and public as an asker
    assert filtered.seen_from("172.16.0.9") == shown(PUBLIC, PRIVATE)
    assert filtered.seen_from("100.64.0.1") == shown(PUBLIC)  # itself is left out
    assert filtered.seen_from("100.65.0.1") == shown(PUBLIC, SHARED)
    assert filtered.seen_from("198.41.0.9") == shown(PUBLIC)
    assert filtered.tracker.scrape(HASH)[2] == 6 + 3  # with those who have asked since, but for loopback


@pytest.mark.needs(WANT_V4_ONLY=False)
def test_over_udp_the_same() -> None:
    filtered = Filtered()
    filtered.announce("10.0.0.1")
    filtered.announce("198.41.0.4")
    assert filtered.announce("198.41.0.5").peers == packed("198.41.0.4") + b"\x1a\xe1"
    assert len(filtered.announce("10.0.0.2").peers) == 18
    filtered.announce("fd00::1")
    assert filtered.announce("2a00::1").peers == b""
    assert len(filtered.announce("fd00::2").peers) == 36


def test_a_tracker_that_only_has_public_peers_looks_at_no_list() -> None:
    filtered = Filtered()
    filtered.announce("198.41.0.4")
    filtered.announce("127.0.0.1")
    assert not filtered.tracker.visibility.hides
    filtered.announce("10.0.0.1")
    assert filtered.tracker.visibility.hides


def test_refused_ports() -> None:
    filtered = Filtered(frozenset([(25).to_bytes(2, "big")]))
    filtered.announce("198.41.0.4", 25)
    filtered.announce("198.41.0.4", 26)
    assert (filtered.counters.value("refused_port_numbers"), filtered.counters.value("refused_bogons")) == (
        1,
        0,
    )
    assert filtered.announce("1.2.3.4").peers == packed("198.41.0.4") + b"\0\x1a"


def test_networks_that_are_listed_all_the_same() -> None:
    filtered = Filtered(frozenset(), "127.0.0.0/8", "10.0.0.0/8")
    filtered.announce("127.0.0.1")
    filtered.announce("10.0.0.1")
    filtered.announce("192.168.0.1")
    assert filtered.seen_from("1.2.3.4") == {packed("127.0.0.1"), packed("10.0.0.1")}


def test_on_real_sockets_loopback_is_not_listed() -> None:
    live = Live(Settings(), filtered=True)
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    for port in (1000, 1001):
        answer = client.ask(announce_packet(connection_id, port=port))
        assert (len(answer), answer[12:20]) == (20, bytes(8))
    assert live.ask(live.listen_tcp(), announce(1002)).status == 200
    assert live.counters.value("refused_bogons") == 3
    live.close()


def test_on_real_sockets_what_is_excepted_is_listed() -> None:
    settings = Settings()
    settings.of(BogonSettings).listed_networks.bless(*parse_network(HOME), EVERYTHING)
    live = Live(settings, filtered=True)
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    for number, port in enumerate((1000, 1001)):
        answer = client.ask(announce_packet(connection_id, port=port))
        assert answer[12:16] == (number + 1).to_bytes(4, "big")
    live.close()


# ---- What a config file says of addresses and ports ---------------------------------------------------------


def numbers(settings: Settings) -> list[int]:
    """The refused ports."""
    return sorted(int.from_bytes(port, "big") for port in settings.of(BogonSettings).refused_ports)


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
    assert Settings().of(BogonSettings).refused_ports == frozenset()


@pytest.mark.parametrize("value", ["", " ", "x", "1-", "-1", "5-3", "1,2", "65536", "1--2"])
def test_what_are_no_ports(value: str) -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="expected"):
        refused_ports(settings, value)
    assert settings == Settings()


def test_a_key_for_networks_that_are_listed_all_the_same() -> None:
    settings = Settings()
    listed_network(settings, "10.0.0.0/8")
    listed_network(settings, "::1")
    assert settings.of(BogonSettings).listed_networks.rights(bytes([10, 1, 2, 3])) != 0
    assert settings.of(BogonSettings).listed_networks.rights(bytes([11, 1, 2, 3])) == 0
    assert settings.of(BogonSettings).listed_networks.rights(bytes(15) + b"\1") != 0
    with pytest.raises(ValueError, match="not an IPv4 or IPv6 address"):
        listed_network(settings, "here")
