"""How many TCP connections may be open: in all, and of one address, IPv6 counted by /64.

Only those count that could not be served in one go: who sends slowly, reads slowly, or keeps a connection for the next
request. At the limit of all nobody is accepted until some have gone; the kernel keeps the rest waiting. Who has too
many of his own is closed at once, but for trusted proxies, behind whose address are many clients.
"""

import resource
from typing import Final

from opentracker.swarm.policy.permissions import MAY_PROXY
from opentracker.swarm.policy.slots import UNLIMITED, Slots

SPARE: Final = 64  # descriptors for listening sockets, lists, state files and logs
SHARE: Final = 8  # an eighth of the memory is for connections
WEIGHT: Final = 32 << 10  # bytes: a head of 8 KiB that is not finished, or an answer that nobody reads


class ConnectionSlots(Slots):
    """The places of connections."""

    def has_room(self) -> bool:
        """Whether it is worth while to accept again: not for one connection at a time."""
        return self.open <= self.most - 1 - self.most // 16

    def may_stay(self, address: bytes) -> bool:
        """Whether a connection may be kept for another request: while there is room, and always a trusted proxy's."""
        return not self.is_crowded() or self.permissions.rights(address) & MAY_PROXY != 0

    def weight(self) -> int:
        """Bytes of memory that are set aside for those that are open."""
        return self.open * WEIGHT


def most_by_default(memory: int) -> int:
    """As many as there are descriptors but for a few, and as the memory (bytes, 0: not known) has room for."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = UNLIMITED if descriptors == resource.RLIM_INFINITY else max(descriptors - SPARE, descriptors // 2)
    if memory > 0:
        most = min(most, memory // SHARE // WEIGHT)
    return max(most, 1)
