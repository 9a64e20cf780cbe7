"""The PROXY protocol on TCP, and the Simple Proxy Protocol on UDP: `access.proxy_header proxy-protocol`."""

from typing import ClassVar

from opentracker.features.feature import Feature
from opentracker.features.proxy import PROXY_PROTOCOL, ProxySettings
from opentracker.server.core import Core
from opentracker.server.http.proxy_heads import INVALID, ProxyHeads
from opentracker.swarm.counting.metric import Metric


class ProxyProtocolFeature(Feature[Core]):
    """Trusted proxies name the client in a head of its connection or datagram."""

    in_workers: ClassVar[bool] = True
    counters: ClassVar[tuple[Metric, ...]] = (INVALID,)

    def in_use(self) -> str:
        """See Feature."""
        header = self.settings.of(ProxySettings).header
        return f"access.proxy_header {header}" if header == PROXY_PROTOCOL else ""

    def join(self, host: Core) -> None:
        """Read the heads, if the operator has chosen them."""
        if self.settings.of(ProxySettings).header == PROXY_PROTOCOL:
            heads = ProxyHeads(self.settings.permissions, host.counters)
            host.http.proxy_heads = heads
            for answers in host.udp_responders():
                answers.proxy_heads = heads
