"""The limits on open TCP connections: on all of them, and on those of one address, IPv6 counted by /64.

Only connections that outlive one iteration of the loop count: those of clients that send slowly, read slowly, or keep
the connection for the next request. At the limit on all of them the listeners pause until some have closed, and further
connections wait in the backlog. A connection of an address over its limit is closed at once; trusted proxies are
exempt, since many clients are behind their address.
"""

import resource
from typing import Final

from opentracker._features import WANT_TLS
from opentracker.swarm.policy.permissions import MAY_PROXY
from opentracker.swarm.policy.slots import UNLIMITED, Slots

SPARE: Final = 64  # descriptors for listening sockets, lists, state files and logs
SHARE: Final = 8  # an eighth of the memory is for connections
# Bytes of a connection: an unfinished head of 8 KiB, or an answer that is not read; 45 KiB are a handshake of TLS.
WEIGHT: Final = (48 if WANT_TLS else 32) << 10


class ConnectionSlots(Slots):
    """The slots of connections."""

    def has_room(self) -> bool:
        """Whether to resume accepting. Hysteresis: 1/16 of the slots must be free."""
        return self.open <= self.most - 1 - self.most // 16

    def may_stay(self, address: bytes) -> bool:
        """Whether to keep a connection for another request: unless slots are scarce, and always for trusted proxies."""
        return not self.is_crowded() or self.permissions.rights(address) & MAY_PROXY != 0

    def weight(self) -> int:
        """Bytes of memory that are reserved for the open connections."""
        return self.open * WEIGHT


def most_by_default(memory: int) -> int:
    """The default limit: the descriptors but for a few, or fewer if the memory (bytes, 0: not known) is short."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = UNLIMITED if descriptors == resource.RLIM_INFINITY else max(descriptors - SPARE, descriptors // 2)
    if memory > 0:
        most = min(most, memory // SHARE // WEIGHT)
    return max(most, 1)
