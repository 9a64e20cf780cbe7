"""Permissions: networks, and the rights that an operator has given to each.

A look-up masks the address once for each prefix length in use; its cost does not depend on the number of networks.
"""

from typing import Final

MAY_FULLSCRAPE: Final = 1
MAY_STAT: Final = 2
MAY_LIVESYNC: Final = 4
MAY_PROXY: Final = 8
EVERYTHING: Final = 15
ADMINISTRATOR: Final = EVERYTHING - MAY_PROXY  # a proxy speaks for others, and is named as one


class Permissions:
    """Rights of networks; an address has those of every network that contains it."""

    def __init__(self) -> None:
        # For each family (4 or 16 bytes): prefix length -> first address as a number, shifted -> rights.
        self.networks: dict[int, dict[int, dict[int, int]]] = {4: {}, 16: {}}

    def __eq__(self, other: object) -> bool:
        """Whether both give the same rights to the same networks."""
        return isinstance(other, Permissions) and self.networks == other.networks

    def __hash__(self) -> int:
        """Permissions are mutable, so they have no hash."""
        raise TypeError("permissions change")

    def take_over(self, other: "Permissions") -> None:
        """Replace these rights by those of `other`."""
        self.networks = other.networks

    def bless(self, first: bytes, bits: int, rights: int) -> None:
        """Give rights to a network: its first address, packed (see addresses.parse_network), and its prefix length."""
        size = len(first)
        table = self.networks[size].setdefault(bits, {})
        prefix = int.from_bytes(first, "big") >> (8 * size - bits)
        table[prefix] = table.get(prefix, 0) | rights

    def rights(self, address: bytes) -> int:
        """The rights of an address (4 or 16 bytes, an IPv4-mapped one as IPv4)."""
        size = len(address)
        number = int.from_bytes(address, "big")
        found = 0
        for bits, table in self.networks[size].items():
            found |= table.get(number >> (8 * size - bits), 0)
        return found

    def blessed(self) -> list[tuple[bytes, int, int]]:
        """All networks that have rights: first address, prefix length, rights."""
        return [
            ((prefix << (8 * size - bits)).to_bytes(size, "big"), bits, rights)
            for size, family in self.networks.items()
            for bits, table in sorted(family.items())
            for prefix, rights in sorted(table.items())
        ]

    def given(self, right: int) -> bool:
        """Whether any network has this right."""
        for family in self.networks.values():
            for table in family.values():
                for rights in table.values():
                    if rights & right:
                        return True
        return False

    def addresses(self, right: int) -> list[bytes]:
        """The packed addresses that have a right as a network of one address."""
        found = []
        for size, family in self.networks.items():
            for number, rights in family.get(8 * size, {}).items():
                if rights & right:
                    found.append(number.to_bytes(size, "big"))
        return found
