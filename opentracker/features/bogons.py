"""The bogon filter: unreachable addresses are never listed, and private ones only to clients on private addresses.

The table is our own, made from the IANA special-purpose address registries and the multicast registries (a test
compares it with them), since Python's `ipaddress` knows other networks in each version. In IPv6 only 2000::/3 is global
unicast. An IPv4-mapped address never gets here: it was converted to its IPv4 address before.

An announce from an address that is never listed is answered like any other, and not stored. Peers on private addresses
are listed to clients on private addresses alone; peers in the shared space behind a carrier's NAT only to clients in
that space. An answer may have fewer peers than wanted, since hidden ones are removed; the counts include them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from mypy_extensions import i64

from opentracker.config.settings import Settings, Take
from opentracker.config.values import parse_port
from opentracker.features.feature import Feature, Host
from opentracker.protocol.addresses import parse_network
from opentracker.protocol.messages import Announce
from opentracker.swarm.counting.core_metrics import REFUSED
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import UNLISTED, Metric
from opentracker.swarm.policy.permissions import EVERYTHING, Permissions
from opentracker.swarm.policy.visibility import Visibility

PUBLIC: Final = 0
NEVER: Final = 1
PRIVATE: Final = 2  # RFC 1918, and the unique local addresses of IPv6
SHARED: Final = 3  # RFC 6598
MIXED: Final = 4  # of a first byte: the kind depends on further bytes

NETWORKS: Final = {
    "0.0.0.0/8": NEVER,  # this network
    "10.0.0.0/8": PRIVATE,
    "100.64.0.0/10": SHARED,
    "127.0.0.0/8": NEVER,  # loopback
    "169.254.0.0/16": NEVER,  # link-local
    "172.16.0.0/12": PRIVATE,
    "192.0.0.0/24": NEVER,  # protocol assignments
    "192.0.2.0/24": NEVER,  # documentation
    "192.88.99.0/24": NEVER,  # 6to4 relays, deprecated
    "192.168.0.0/16": PRIVATE,
    "198.18.0.0/15": NEVER,  # benchmarks
    "198.51.100.0/24": NEVER,  # documentation
    "203.0.113.0/24": NEVER,  # documentation
    "224.0.0.0/4": NEVER,  # multicast
    "240.0.0.0/4": NEVER,  # reserved, and broadcast
    "::/3": NEVER,  # unspecified, loopback, mapped, translated, discard-only: no host has such an address
    "2001::/23": NEVER,  # protocol assignments, Teredo, benchmarks
    "2001:db8::/32": NEVER,  # documentation
    "2002::/16": NEVER,  # 6to4
    "3fff::/20": NEVER,  # documentation
    "4000::/2": NEVER,  # segment routing, otherwise not in use
    "8000::/2": NEVER,  # not in use
    "c000::/3": NEVER,
    "e000::/4": NEVER,
    "f000::/5": NEVER,
    "f800::/6": NEVER,
    "fc00::/7": PRIVATE,
    "fe00::/8": NEVER,  # link-local, site-local
    "ff00::/8": NEVER,  # multicast
}
HEAD_BYTES: Final = 4  # of an address; no network above has a longer prefix


COUNTERS: Final = (
    Metric("refused_bogons", REFUSED, 'reason="unroutable_address"', "Unroutable addresses", UNLISTED),
    Metric("refused_port_numbers", REFUSED, 'reason="port_number"', "Refused port numbers", UNLISTED),
)


class NetworkSet:
    """The table for one family: by the first byte of an address, and by masks if the byte is not enough."""

    def __init__(self, size: int) -> None:
        self.by_first = bytearray(256)
        self.rest: list[tuple[int, int, int]] = []  # of mixed first bytes: mask, value, kind
        for text, kind in NETWORKS.items():
            first, bits = parse_network(text)
            if len(first) != size:
                continue
            if bits <= 8:
                for byte in range(first[0], first[0] + (1 << (8 - bits))):
                    self.by_first[byte] = kind
            else:
                self.by_first[first[0]] = MIXED
                mask = 0xFFFFFFFF >> (32 - bits) << (32 - bits)
                self.rest.append((mask, int.from_bytes(first[:HEAD_BYTES], "big"), kind))

    def kind_of(self, address: bytes) -> i64:
        """PUBLIC, NEVER, PRIVATE or SHARED, for an address or bytes that begin with one."""
        kind: i64 = self.by_first[address[0]]
        if kind != MIXED:
            return kind
        head = int.from_bytes(address[:HEAD_BYTES], "big")
        for mask, value, found in self.rest:
            if head & mask == value:
                return found
        return PUBLIC


class BogonFilter(Visibility):
    """Hides bogons and refused ports (2-byte strings); networks in `exceptions` are listed like public ones."""

    def __init__(self, refused_ports: frozenset[bytes], exceptions: Permissions, counters: Counters) -> None:
        super().__init__()
        self.bogons, self.port_numbers = [counters.count_of(row) for row in COUNTERS]
        self.refused_ports = refused_ports
        self.exceptions = exceptions
        self.v4 = NetworkSet(4)
        self.v6 = NetworkSet(16)

    def kind_of(self, peer: bytes) -> i64:
        """The kind of a peer's address (6 or 18 bytes with the port); PUBLIC for an exception."""
        kind = self.v4.kind_of(peer) if len(peer) == 6 else self.v6.kind_of(peer)
        if kind != PUBLIC and self.exceptions.rights(peer[:-2]) != 0:
            return PUBLIC
        return kind

    def screen(self, a: Announce) -> None:
        """See Visibility."""
        if not a.stored:
            return
        kind = self.kind_of(a.peer)
        if kind == NEVER:
            a.stored = False
            self.bogons.value += 1
        elif a.peer[-2:] in self.refused_ports:
            a.stored = False
            self.port_numbers.value += 1
        elif kind != PUBLIC:
            self.hides = True

    def lists(self, peer: bytes) -> bool:
        """See Visibility."""
        kind = self.kind_of(peer)
        if kind == NEVER or peer[-2:] in self.refused_ports:
            return False
        if kind != PUBLIC:
            self.hides = True
        return True

    def hide(self, a: Announce) -> None:
        """See Visibility."""
        kind = self.kind_of(a.peer)
        a.peers = self.shown_to(kind, a.peers, 6 if a.both_families else len(a.peer))
        a.peers6 = self.shown_to(kind, a.peers6, 18)

    def shown_to(self, kind: i64, peers: bytes, stride: i64) -> bytes:
        """The peers of a compact list that a client with an address of this kind may see."""
        shown = []
        for at in range(0, len(peers), stride):
            peer = peers[at : at + stride]
            its = self.kind_of(peer)
            if its == kind or its == PUBLIC:  # noqa: PLR1714, SIM109 - a tuple would be made for each
                shown.append(peer)
        return b"".join(shown)


# ---- The feature -------------------------------------------------------------------------------------------


@dataclass
class BogonSettings:
    """Exceptions in both directions."""

    # Listed to every client, also if the table says otherwise.
    listed_networks: Permissions = field(default_factory=Permissions)
    refused_ports: frozenset[bytes] = frozenset()  # never listed; two bytes each


def listed_network(settings: Settings, value: str) -> None:
    """`limits.listed_network`: peers of this address or network are listed to every client."""
    settings.of(BogonSettings).listed_networks.bless(*parse_network(value), EVERYTHING)


def refused_ports(settings: Settings, value: str) -> None:
    """`limits.refused_ports`: ports and ranges of ports, separated by blanks, such as `25 6000-6063`."""
    ports: set[bytes] = set()
    for part in value.split():
        first, dash, last = part.partition("-")
        low = parse_port(first)
        high = parse_port(last) if dash else low
        if high < low:
            raise ValueError(f"expected a range of ports that ends behind its beginning, not {part}")
        ports.update(port.to_bytes(2, "big") for port in range(low, high + 1))
    if not ports:
        raise ValueError("expected ports or ranges of ports, such as 25 6000-6063")
    settings.of(BogonSettings).refused_ports |= ports


class BogonFeature(Feature[Host]):
    """The filter, as a feature."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {
        "limits.listed_network": listed_network,
        "limits.refused_ports": refused_ports,
    }
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS

    renewed: ClassVar[frozenset[str]] = frozenset({"limits.listed_network", "limits.refused_ports"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.filter: BogonFilter | None = None

    def renew(self, settings: Settings) -> None:
        """Install other exceptions and refused ports, for announces from now on."""
        if self.filter is not None:
            asked = settings.of(BogonSettings)
            self.filter.refused_ports = asked.refused_ports
            self.filter.exceptions = asked.listed_networks

    def join(self, host: Host) -> None:
        """Let the filter decide which peers are listed."""
        asked = self.settings.of(BogonSettings)
        host.tracker.visibility = self.filter = BogonFilter(
            asked.refused_ports, asked.listed_networks, host.tracker.counters
        )
