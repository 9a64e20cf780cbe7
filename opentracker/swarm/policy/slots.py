"""Places that are taken for a while: so many in all, and so many by one address, IPv6 counted by /64.

Trusted proxies may have any number of them, since many clients are behind their address.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

HOST6: Final = 8  # bytes of an IPv6 address that count
UNLIMITED: Final = 1 << 30


class Slots:
    """Counts who is there and says who may come in; 0 is no limit."""

    def __init__(self, most: int, most_of_one: int, permissions: Permissions) -> None:
        self.most: i64 = UNLIMITED
        self.most_of_one: i64 = UNLIMITED
        self.limit(most, most_of_one)
        self.permissions = permissions
        self.open: i64 = 0
        self.of_host: dict[bytes, int] = {}

    def limit(self, most: int, most_of_one: int) -> None:
        """Set other limits; whoever has a place keeps it."""
        self.most = most or UNLIMITED
        self.most_of_one = most_of_one or UNLIMITED

    def is_full(self) -> bool:
        """Whether nobody more can be taken in."""
        return self.open >= self.most

    def is_crowded(self) -> bool:
        """Whether places are scarce: a quarter or less is left."""
        return self.open >= self.most - self.most // 4

    def refuses(self, address: bytes) -> bool:
        """Whether an address (4 or 16 bytes) has too many places."""
        if not self.of_host:
            return False
        if self.of_host.get(host_of(address), 0) < self.most_of_one:
            return False
        return self.permissions.rights(address) & MAY_PROXY == 0

    def enter(self, address: bytes) -> None:
        """Take a place."""
        host = host_of(address)
        self.open += 1
        self.of_host[host] = self.of_host.get(host, 0) + 1

    def leave(self, address: bytes) -> None:
        """Give one back."""
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
