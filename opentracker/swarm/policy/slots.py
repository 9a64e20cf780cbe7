"""Slots, as of connections: a limit on all of them, and one on those of an address, IPv6 counted by /64.

Trusted proxies are exempt from the limit on an address, since many clients are behind it.
"""

from typing import Final

from mypy_extensions import i64

from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

HOST6: Final = 8  # bytes of an IPv6 address that count
UNLIMITED: Final = 1 << 30


class Slots:
    """Counts the slots in use, in all and by address; a limit of 0 is none."""

    def __init__(self, most: int, most_of_one: int, permissions: Permissions) -> None:
        self.most: i64 = UNLIMITED
        self.most_of_one: i64 = UNLIMITED
        self.limit(most, most_of_one)
        self.permissions = permissions
        self.open: i64 = 0
        self.of_host: dict[bytes, int] = {}

    def limit(self, most: int, most_of_one: int) -> None:
        """Set other limits; slots in use stay in use."""
        self.most = most or UNLIMITED
        self.most_of_one = most_of_one or UNLIMITED

    def is_full(self) -> bool:
        """Whether no slot is free."""
        return self.open >= self.most

    def is_crowded(self) -> bool:
        """Whether a quarter of the slots or less is free."""
        return self.open >= self.most - self.most // 4

    def refuses(self, address: bytes) -> bool:
        """Whether an address (4 or 16 bytes) has as many slots as it may."""
        if not self.of_host:
            return False
        if self.of_host.get(host_of(address), 0) < self.most_of_one:
            return False
        return self.permissions.rights(address) & MAY_PROXY == 0

    def enter(self, address: bytes) -> None:
        """Take a slot."""
        host = host_of(address)
        self.open += 1
        self.of_host[host] = self.of_host.get(host, 0) + 1

    def leave(self, address: bytes) -> None:
        """Give a slot back."""
        host = host_of(address)
        self.open -= 1
        rest = self.of_host[host] - 1
        if rest > 0:
            self.of_host[host] = rest
        else:
            del self.of_host[host]


def host_of(address: bytes) -> bytes:
    """The bytes that are counted as one address: an IPv4 address, or a /64 of IPv6."""
    return address if len(address) == 4 else address[:HOST6]
