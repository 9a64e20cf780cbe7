"""What is counted, each in one place: a flat row of integers, so that the rows of several workers can be summed.

Every HTTP request is counted once: as an announce, a scrape, a full scrape, a statistic, a failure (`200 OK` with a
reason, whatever was asked for), or by the status of its answer. Every datagram that was read is a connect, an
announce, a scrape, a failure (an announce that was turned down), a mismatch, or invalid.

A new counter also goes into the table of features/statistics/prometheus.py: a test names those that no metric shows.
"""

from typing import Final

from mypy_extensions import i64

HTTP_REQUESTS: Final = (
    "tcp_announces",
    "tcp_scrapes",
    "tcp_failures",
    "tcp_statistics",
    "full_scrapes",
    "http_302",
    "http_400_parse",
    "http_400_parameter",
    "http_402",
    "http_403",
    "http_404",
    "http_405",
    "http_414",
    "http_431",
    "http_500",
    "http_503",
)
DATAGRAMS: Final = (
    "udp_connects",
    "udp_announces",
    "udp_scrapes",
    "udp_failures",
    "udp_mismatches",
    "udp_invalid",
)
SYNC: Final = (
    "sync_packets_received",
    "sync_packets_dropped",
    "sync_malformed",
    "sync_unblessed",
    "sync_lost",
    "sync_packets_sent",
    "sync_unsent",
    "sync_peers_received",
    "sync_peers_dropped",
    "sync_peers_sent",
)
LIMITS: Final = (  # newcomers that were answered and not stored, by the limit they met, and torrents that had to go
    "refused_torrents",
    "refused_peers",
    "refused_torrent_full",
    "refused_ports",
    "refused_memory",
    "refused_connections",
    "refused_bogons",
    "refused_port_numbers",
    "evicted_torrents",
)
OTHERS: Final = (
    "tcp_connections",
    "http_unknown_clients",
    "udp_datagrams",
    "udp_dropped",
    "udp_unsent",
    "udp_errors",
    "completed",
    "full_scrape_bytes",
)
NAMES: Final = HTTP_REQUESTS + DATAGRAMS + SYNC + LIMITS + OTHERS


class Counters:
    """Requests and faults since the start."""

    __slots__ = NAMES

    def __init__(self) -> None:
        self.tcp_connections: i64 = 0
        self.tcp_announces: i64 = 0
        self.tcp_scrapes: i64 = 0
        self.tcp_failures: i64 = 0
        self.tcp_statistics: i64 = 0
        self.http_302: i64 = 0
        self.http_400_parse: i64 = 0  # no HTTP request
        self.http_400_parameter: i64 = 0  # one that asks for what there is not
        self.http_402: i64 = 0
        self.http_403: i64 = 0
        self.http_404: i64 = 0
        self.http_405: i64 = 0
        self.http_414: i64 = 0
        self.http_431: i64 = 0
        self.http_500: i64 = 0
        self.http_503: i64 = 0
        self.http_unknown_clients: i64 = 0  # of trusted proxies that name none
        self.udp_datagrams: i64 = 0
        self.udp_connects: i64 = 0
        self.udp_announces: i64 = 0
        self.udp_scrapes: i64 = 0
        self.udp_failures: i64 = 0
        self.udp_mismatches: i64 = 0
        self.udp_invalid: i64 = 0  # met with silence
        self.udp_dropped: i64 = 0  # by the kernel, for want of room
        self.udp_unsent: i64 = 0
        self.udp_errors: i64 = 0
        self.sync_packets_received: i64 = 0
        self.sync_packets_dropped: i64 = 0
        self.sync_malformed: i64 = 0  # of the packets dropped
        self.sync_unblessed: i64 = 0  # of the packets dropped: from addresses that may not
        self.sync_lost: i64 = 0  # packets dropped by the kernel, for want of room
        self.sync_packets_sent: i64 = 0
        self.sync_unsent: i64 = 0  # packets that the kernel did not take
        self.sync_peers_received: i64 = 0
        self.sync_peers_dropped: i64 = 0
        self.sync_peers_sent: i64 = 0
        self.refused_torrents: i64 = 0
        self.refused_peers: i64 = 0
        self.refused_torrent_full: i64 = 0
        self.refused_ports: i64 = 0
        self.refused_memory: i64 = 0
        self.refused_connections: i64 = 0
        self.refused_bogons: i64 = 0
        self.refused_port_numbers: i64 = 0
        self.evicted_torrents: i64 = 0
        self.completed: i64 = 0
        self.full_scrapes: i64 = 0
        self.full_scrape_bytes: i64 = 0

    def values(self) -> dict[str, int]:
        """All counters by name."""
        return {name: getattr(self, name) for name in NAMES}

    def count_error(self, status: int, was_parsed: bool) -> None:
        """Count an HTTP answer other than 200, by its status; `was_parsed` tells whether there was a request at all."""
        name = f"http_{status}"
        if status == 400:
            name = "http_400_parameter" if was_parsed else "http_400_parse"
        setattr(self, name, getattr(self, name) + 1)
