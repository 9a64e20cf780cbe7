"""Lines of the log about refused clients and lost packets: one a minute for each kind that goes on.

The counters have the numbers. A line tells an operator without monitoring that a limit is reached, and names its key.
Malformed requests, and requests of torrents that the operator does not allow, have no line.
"""

import logging
from typing import Final

from opentracker.swarm.counting.counters import Counters

log = logging.getLogger("opentracker")

INTERVAL: Final = 60.0  # seconds

# Counter -> the text of its line, behind the number.
KINDS: Final = {
    "refused_torrents": "torrents were not taken in: limits.torrents is reached",
    "refused_peers": "peers were not taken in: limits.peers is reached",
    "refused_torrent_full": "peers were not taken in: their torrents have limits.peers_per_torrent",
    "refused_ports": "peers were not taken in: their addresses have limits.ports_per_address in the torrent",
    "refused_memory": "peers were not taken in: limits.memory is reached",
    "evicted_torrents": "torrents of little use had to go: limits.peers or limits.memory is near",
    "refused_connections": "connections were closed: their addresses have limits.connections_per_address",
    "denied_udp": "datagrams were of networks that access.deny names, and stayed unanswered",
    "denied_http": "HTTP requests were of networks that access.deny names, and were refused",
    "http_503": "requests were put off: limits.full_scrapes is reached, or /health found the tracker unwell",
    "http_500": "requests met a fault of the tracker; the lines above tell which",
    "udp_dropped": "datagrams were dropped by the kernel: the receive buffer was full",
    "udp_unsent": "answers over UDP were not taken by the kernel",
    "sync_lost": "packets of live sync were dropped by the kernel: the receive buffer was full",
    "sync_unsent": "packets of live sync were not taken by the kernel",
    "sync_unblessed": "packets of live sync came from addresses that livesync.cluster.node_ip does not name",
    "sync_malformed": "packets of live sync were malformed",
    "tls_failed_alert": "TLS handshakes were refused by the clients: they may not trust the certificate",
    "tls_failed_plain_http": "connections to a TLS port spoke plain HTTP",
    "proxy_missing": "requests of trusted proxies came without the header that names the client",
    "proxy_head_invalid": "connections of trusted proxies had no usable head of the PROXY protocol",
    "proxy_invalid": "requests of trusted proxies named no usable client in their header",
}


class TurnedAway:
    """Logs the growth of the counters in each minute."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.told = dict.fromkeys(KINDS, 0)

    def look(self) -> None:
        """Log the counters that have grown; called every INTERVAL."""
        values = self.counters.values()
        for name, text in KINDS.items():
            number = values.get(name, 0)  # a build without the feature has no such counter
            more = number - self.told[name]
            if more > 0:
                log.warning("in the last minute %d %s", more, text)
            self.told[name] = number
