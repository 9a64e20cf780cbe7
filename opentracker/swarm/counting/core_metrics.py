"""The counters that every build has, and those of the limits, for builds with limits.

Every HTTP request is counted once: as an announce, a scrape, a full scrape, a statistic, a failure (`200 OK` with a
reason, for any request), or by the status of its answer. Every datagram is counted as a connect, an announce, a
scrape, a failure (an announce that was turned down), a mismatch, or invalid.
"""

from typing import Final

from opentracker.protocol.statuses import STATUSES, Status
from opentracker.swarm.counting.metric import LOST, NOT_STORED, SERVED, TRAFFIC, TURNED_DOWN, Family, Metric

HTTP: Final = 'protocol="http"'
UDP: Final = 'protocol="udp"'
OF_HTTP: Final = "tcp_connections"  # equal to the requests where no connection is kept
OF_UDP: Final = "udp_datagrams"

ANNOUNCES: Final = Family("opentracker_announces_total", "Announces that were answered, by protocol.")
SCRAPES: Final = Family("opentracker_scrapes_total", "Scrapes that were answered, by protocol.")
FAILURES: Final = Family(
    "opentracker_failures_total", "Requests that were turned down with a reason, by protocol."
)
COMPLETED: Final = Family("opentracker_completed_total", "Downloads that were completed.")
CONNECTS: Final = Family("opentracker_udp_connects_total", "Connection ids handed out.")
REJECTED: Final = Family(
    "opentracker_udp_rejected_total", "Datagrams that were not requests, or had no valid connection id."
)
DATAGRAMS: Final = Family("opentracker_udp_datagrams_total", "Datagrams that were read.")
UDP_LOST: Final = Family(
    "opentracker_udp_lost_total",
    "Datagrams lost: dropped by the kernel with the receive buffer full, or not sent as the kernel refused.",
)
UDP_ERRORS: Final = Family("opentracker_udp_receive_errors_total", "Errors of UDP sockets.")
CONNECTIONS: Final = Family("opentracker_http_connections_total", "TCP connections that were accepted.")
HTTP_ERRORS: Final = Family(
    "opentracker_http_errors_total", "HTTP requests that were turned down, by status and cause."
)
REDIRECTS: Final = Family("opentracker_http_redirects_total", "Requests for / that were sent elsewhere.")
STATISTICS: Final = Family("opentracker_statistics_total", "Statistics that were asked for.")
RECEIVED: Final = Family("opentracker_received_bytes_total", "Bytes of requests, by protocol.")
SENT: Final = Family("opentracker_sent_bytes_total", "Bytes of answers, by protocol.")

REFUSED: Final = Family(
    "opentracker_refused_peers_total", "Newcomers that were answered and not stored, by reason."
)
EVICTED: Final = Family(
    "opentracker_evicted_torrents_total", "Torrents of little use that were dropped near a limit."
)
REFUSED_CONNECTIONS: Final = Family(
    "opentracker_http_refused_connections_total", "TCP connections of addresses that had their most open."
)

COUNTERS: Final = (
    Metric("tcp_announces", ANNOUNCES, HTTP, "HTTP announces", SERVED, OF_HTTP),
    Metric("udp_announces", ANNOUNCES, UDP, "UDP announces", SERVED, OF_UDP),
    Metric("tcp_scrapes", SCRAPES, HTTP, "HTTP scrapes", SERVED, OF_HTTP),
    Metric("udp_scrapes", SCRAPES, UDP, "UDP scrapes", SERVED, OF_UDP),
    Metric("udp_connects", CONNECTS, "", "UDP connects", SERVED, OF_UDP),
    Metric("tcp_statistics", STATISTICS, "", "Statistics", SERVED, OF_HTTP),
    Metric("tcp_failures", FAILURES, HTTP, "HTTP requests with a failure reason", TURNED_DOWN, OF_HTTP),
    Metric("udp_failures", FAILURES, UDP, "UDP announces with a failure reason", TURNED_DOWN, OF_UDP),
    Metric(
        "udp_invalid", REJECTED, 'reason="invalid"', "Datagrams that are not requests", TURNED_DOWN, OF_UDP
    ),
    Metric(
        *("udp_mismatches", REJECTED, 'reason="connection_id"'),
        *("Datagrams without a valid connection id", TURNED_DOWN, OF_UDP),
    ),
    Metric("completed", COMPLETED, "", "Downloads completed", TRAFFIC),
    Metric("tcp_connections", CONNECTIONS, "", "TCP connections", TRAFFIC),
    Metric("udp_datagrams", DATAGRAMS, "", "Datagrams", TRAFFIC),
    Metric("udp_dropped", UDP_LOST, 'direction="in"', "Datagrams dropped by the kernel", LOST),
    Metric("udp_unsent", UDP_LOST, 'direction="out"', "Answers that the kernel did not take", LOST),
    Metric("udp_errors", UDP_ERRORS, "", "Errors of UDP sockets", LOST),
    Metric("tcp_received", RECEIVED, HTTP, "Bytes received over HTTP", TRAFFIC),
    Metric("udp_received", RECEIVED, UDP, "Bytes received over UDP", TRAFFIC),
    Metric("tcp_sent", SENT, HTTP, "Bytes sent over HTTP", TRAFFIC),
    Metric("udp_sent", SENT, UDP, "Bytes sent over UDP", TRAFFIC),
)


def metric_of(status: Status) -> Metric:
    """The counter of a status."""
    if status.number < 400:
        return Metric(status.counter, REDIRECTS, "", "Redirects", SERVED, OF_HTTP)
    labels = f'status="{status.number}",cause="{status.cause}"'
    text = f"HTTP {status.number}: {status.text}"
    return Metric(status.counter, HTTP_ERRORS, labels, text, TURNED_DOWN, OF_HTTP)


OF_STATUSES: Final = tuple([metric_of(status) for status in STATUSES if status.counter])

OF_LIMITS: Final = (
    Metric("refused_torrents", REFUSED, 'reason="torrents"', "Limit of torrents", NOT_STORED),
    Metric("refused_peers", REFUSED, 'reason="peers"', "Limit of peers", NOT_STORED),
    Metric(
        "refused_torrent_full",
        REFUSED,
        'reason="peers_of_torrent"',
        "Limit of peers in a torrent",
        NOT_STORED,
    ),
    Metric("refused_ports", REFUSED, 'reason="ports_of_address"', "Limit of ports of an address", NOT_STORED),
    Metric("refused_memory", REFUSED, 'reason="memory"', "Limit of memory", NOT_STORED),
    Metric("refused_connections", REFUSED_CONNECTIONS, "", "Limit of connections of an address", NOT_STORED),
    Metric("evicted_torrents", EVICTED, "", "Torrents dropped near a limit", NOT_STORED),
)
