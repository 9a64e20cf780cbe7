"""The settings of a cluster: the addresses of this tracker, and those of the other trackers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentracker._features import WANT_V6
from opentracker.config.options import LISTENING, Option
from opentracker.config.settings import Settings, Take
from opentracker.config.values import blessing, parse_port
from opentracker.errors import StartError
from opentracker.protocol.addresses import format_endpoint, format_ip, parse_endpoint
from opentracker.protocol.livesync import DEFAULT_PORT
from opentracker.swarm.policy.permissions import MAY_LIVESYNC

LONGEST_INTERFACE: Final = 15  # IFNAMSIZ with its final zero is 16

Endpoint = tuple[bytes, int, str]  # packed address, port, interface or empty


@dataclass
class SyncSettings:
    """The sockets of live sync."""

    binds: list[Endpoint] = field(default_factory=list)  # at most one of each address family
    peers: list[Endpoint] = field(default_factory=list)  # none: the multicast group

    def check(self) -> None:
        """Raise StartError for addresses that cannot work together, before any socket is opened."""
        if not self.binds:
            raise StartError(
                "live sync has no address: this build (WANT_SYNC_LIVE) needs livesync.cluster.listen, or -s"
            )
        of_family: dict[int, Endpoint] = {}
        for bind in self.binds:
            first = of_family.get(len(bind[0]))
            if first is not None:
                raise StartError(
                    f"livesync.cluster.listen {describe(bind)}: one address of a family can be used, "
                    f"and there is {describe(first)}"
                )
            of_family[len(bind[0])] = bind
        for peer in self.peers:
            if len(peer[0]) not in of_family:
                raise StartError(
                    f"livesync.cluster.peer {describe(peer)}: "
                    "no livesync.cluster.listen of its family to send from"
                )


def describe(endpoint: Endpoint) -> str:
    """`1.2.3.4:9696` or `[fe80::1%eth0]:9696`."""
    address, port, interface = endpoint
    return f"[{format_ip(address)}%{interface}]:{port}" if interface else format_endpoint(address, port)


def parse_sync_endpoint(value: str) -> Endpoint:
    """Address, port and interface of an endpoint: the forms of `parse_endpoint`, and `[fe80::1%eth0]:9696`.

    Every build accepts both families: trackers that serve IPv6 alone may sync over IPv4.
    """
    host, zone_mark, rest = value.partition("%")
    interface, bracket, port = rest.partition("]")
    address, number = parse_endpoint(host + bracket + port, DEFAULT_PORT)
    if zone_mark:
        good = interface.isascii() and interface.isprintable() and not set(interface) & set(" /:%[")
        if not (good and 0 < len(interface) <= LONGEST_INTERFACE):
            raise ValueError(f"expected the name of an interface behind '%', of up to {LONGEST_INTERFACE}")
        if len(address) == 4:
            raise ValueError("expected an IPv6 address before '%' and an interface")
    return address, number, interface


def sync_port(settings: Settings, value: str) -> None:
    """`-s`: binds the address of the latest `-i`; without one, the wildcard (of IPv4, if the build has it)."""
    address = settings.last_address
    if address is None:
        address = bytes(16 if WANT_V6 else 4)
    settings.of(SyncSettings).binds.append((address, parse_port(value), ""))


def sync_listen(settings: Settings, value: str) -> None:
    """`livesync.cluster.listen`."""
    settings.of(SyncSettings).binds.append(parse_sync_endpoint(value))


def sync_peer(settings: Settings, value: str) -> None:
    """`livesync.cluster.peer`."""
    settings.of(SyncSettings).peers.append(parse_sync_endpoint(value))


OPTION: Final = Option(LISTENING, "s", "port", sync_port, "bind a port for live sync now")
KEYS: Final[Mapping[str, Take]] = {
    "livesync.cluster.listen": sync_listen,
    "livesync.cluster.node_ip": blessing(MAY_LIVESYNC),
    "livesync.cluster.peer": sync_peer,
}
