"""The heads of the PROXY protocol: each connection of a trusted proxy begins with one, and no other connection may."""

import logging
from typing import Final

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.errors import HttpError
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.proxied import ProxyHead, parse_proxy_head
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric
from opentracker.swarm.policy.permissions import MAY_PROXY, Permissions

log = logging.getLogger("opentracker")

INVALID: Final = Metric(
    "proxy_head_invalid",
    Family(
        "opentracker_proxy_head_invalid_total",
        "Connections of trusted proxies that did not begin with a usable head of the PROXY protocol.",
    ),
    *("", "Connections of trusted proxies without a usable head of the PROXY protocol", CAUSE),
)


class ProxyHeads:
    """Reads the heads; trusted proxies are the addresses with MAY_PROXY."""

    def __init__(self, permissions: Permissions, counters: Counters) -> None:
        self.permissions = permissions
        self.invalid = counters.count_of(INVALID)

    def are_due(self, address: bytes) -> bool:
        """Whether a connection, or a datagram, of this address has a head."""
        return self.permissions.rights(address) & MAY_PROXY != 0

    def read(self, data: bytes, address: bytes) -> ProxyHead | None:
        """The head at the beginning of the bytes of a connection; None if more bytes are needed.

        Raises HttpError, counted and logged, for bytes without a usable head, and for a family that is not built in.
        """
        try:
            head = parse_proxy_head(data)
            if head is not None and not is_served(head.client):
                raise HttpError(400)
        except HttpError:
            self.invalid.value += 1
            log.warning("the proxy %s sends no usable head of the PROXY protocol", format_ip(address))
            raise
        return head


def is_served(client: bytes) -> bool:
    """Whether this build serves the family of an address; an empty one stands for the proxy itself."""
    if not client:
        return True
    return not ((WANT_V4_ONLY and len(client) != 4) or (WANT_V6 and len(client) != 16))
