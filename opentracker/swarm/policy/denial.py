"""Denial: networks that the tracker does not serve. Their datagrams get no answer, their HTTP requests a refusal."""

from typing import Final

from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, TURNED_DOWN, Family, Metric
from opentracker.swarm.policy.permissions import EVERYTHING, Permissions

NOT_SERVED: Final = b"This tracker does not serve your network."

DENIED: Final = Family("opentracker_denied_total", "Requests of networks that are not served, by protocol.")
COUNTERS: Final = (
    Metric(
        *("denied_udp", DENIED, 'protocol="udp"', "Datagrams of networks that are not served"),
        *(TURNED_DOWN, "udp_datagrams"),
    ),
    Metric("denied_http", DENIED, 'protocol="http"', "HTTP requests of networks that are not served", CAUSE),
)


class NetworkTable(Permissions):
    """A set of networks, in the table of permissions: a network in it has all rights."""

    def add(self, first: bytes, bits: int) -> None:
        """Add a network: its first address, packed, and its prefix length."""
        self.bless(first, bits, EVERYTHING)

    def remove(self, first: bytes, bits: int) -> None:
        """Remove a network, if it is in the set; larger and smaller ones stay."""
        tables = self.networks[len(first)]
        table = tables.get(bits)
        if table is not None:
            table.pop(int.from_bytes(first, "big") >> (8 * len(first) - bits), None)
            if not table:
                del tables[bits]

    def holds(self, address: bytes) -> bool:
        """Whether a network in the set contains an address (4 or 16 bytes)."""
        return self.rights(address) != 0

    def size(self) -> int:
        """The number of networks."""
        return sum([len(table) for family in self.networks.values() for table in family.values()])


class Denial:
    """The networks that are not served: those of the config, and those of a file, each replaced as a whole.

    `in_force` is False without any network, so that requests need no look-up.
    """

    def __init__(self, counters: Counters) -> None:
        self.udp, self.http = [counters.count_of(row) for row in COUNTERS]
        self.of_config = NetworkTable()
        self.of_file = NetworkTable()
        self.in_force = False

    def deny(self, of_config: NetworkTable, of_file: NetworkTable) -> None:
        """Install other networks, from the next request on."""
        self.of_config = of_config
        self.of_file = of_file
        self.in_force = of_config.size() + of_file.size() > 0

    def holds(self, address: bytes) -> bool:
        """Whether an address (4 or 16 bytes) is in a network that is not served."""
        return self.of_config.holds(address) or self.of_file.holds(address)
