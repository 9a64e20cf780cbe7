"""How many TCP connections may be open: in all, and of one address, IPv6 counted by /64.

Only those count that could not be served in one go: who sends slowly, reads slowly, or keeps a connection for the next
request. At the limit of all nobody is accepted until some have gone; the kernel keeps the rest waiting. Who has too
many of his own is closed at once, but for trusted proxies, behind whose address are many clients.
"""

import resource
from typing import Final

from mypy_extensions import i64

from opentracker.server.settings import Settings
from opentracker.swarm.permissions import MAY_PROXY, Permissions

SPARE: Final = 64  # descriptors for listening sockets, lists, state files and logs
SHARE: Final = 8  # an eighth of the memory is for connections
WEIGHT: Final = 32 << 10  # bytes: a head of 8 KiB that is not finished, or an answer that nobody reads
HOST6: Final = 8  # bytes of an IPv6 address that count
UNLIMITED: Final = 1 << 30


class Gate:
    """Counts connections and says who may come in; 0 is no limit."""

    def __init__(self, most: int, most_of_one: int, permissions: Permissions) -> None:
        self.most: i64 = most or UNLIMITED
        self.most_of_one: i64 = most_of_one or UNLIMITED
        self.permissions = permissions
        self.open: i64 = 0
        self.of_host: dict[bytes, int] = {}

    def is_full(self) -> bool:
        """Whether nobody more can be accepted."""
        return self.open >= self.most

    def has_room(self) -> bool:
        """Whether it is worth while to accept again: not for one connection at a time."""
        return self.open <= self.most - 1 - self.most // 16

    def is_crowded(self) -> bool:
        """Whether places are scarce: a quarter or less is left."""
        return self.open >= self.most - self.most // 4

    def refuses(self, address: bytes) -> bool:
        """Whether an address (4 or 16 bytes) has too many connections."""
        if not self.of_host:
            return False
        if self.of_host.get(host_of(address), 0) < self.most_of_one:
            return False
        return self.permissions.rights(address) & MAY_PROXY == 0

    def enter(self, address: bytes) -> None:
        """Count a connection."""
        host = host_of(address)
        self.open += 1
        self.of_host[host] = self.of_host.get(host, 0) + 1

    def leave(self, address: bytes) -> None:
        """Count one less."""
        host = host_of(address)
        self.open -= 1
        rest = self.of_host[host] - 1
        if rest > 0:
            self.of_host[host] = rest
        else:
            del self.of_host[host]


def host_of(address: bytes) -> bytes:
    """What counts as one address: an IPv4 address, or a /64 of IPv6."""
    return address if len(address) == 4 else address[:HOST6]


def gate_of(settings: Settings) -> Gate:
    """The gate that was asked for."""
    most = settings.limit_connections or most_by_default(settings.usable_memory)
    return Gate(most, settings.limit_connections_per_address, settings.permissions)


def most_by_default(memory: int) -> int:
    """As many as there are descriptors but for a few, and as the memory (bytes, 0: not known) has room for."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = UNLIMITED if descriptors == resource.RLIM_INFINITY else max(descriptors - SPARE, descriptors // 2)
    if memory > 0:
        most = min(most, memory // SHARE // WEIGHT)
    return max(most, 1)
