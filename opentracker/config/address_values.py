"""What the config keys of the address filter (WANT_BOGON_FILTER) do; see `values`."""

from collections.abc import Callable
from typing import Final

from opentracker.config.settings import Settings
from opentracker.config.values import parse_port
from opentracker.protocol.addresses import parse_network
from opentracker.swarm.policy.permissions import EVERYTHING


def listed_network(settings: Settings, value: str) -> None:
    """`limits.listed_network`: peers of this address or network are listed to everybody, whatever it is."""
    settings.listed_networks.bless(*parse_network(value), EVERYTHING)


def refused_ports(settings: Settings, value: str) -> None:
    """`limits.refused_ports`: ports and ranges of them, with blanks between, such as `25 6000-6063`."""
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
    settings.refused_ports |= ports


KEYS: Final[dict[str, Callable[[Settings, str], None]]] = {
    "limits.listed_network": listed_network,
    "limits.refused_ports": refused_ports,
}
