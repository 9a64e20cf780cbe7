"""The counters of one process: a flat row of integers, so that the rows of several workers can be summed.

Counters that an announce may raise are attributes, which cost least. A feature brings its rows, and counts in a Count.
"""

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

from opentracker.swarm.counting.core_metrics import COUNTERS, OF_LIMITS, OF_STATUSES
from opentracker.swarm.counting.metric import Count, Metric

ATTRIBUTES: Final = tuple([row.name for row in COUNTERS + OF_LIMITS])


class Counters:
    """Requests and faults since the start; `rows` describes each counter."""

    __slots__ = ("counts", "rows", *ATTRIBUTES)

    def __init__(self) -> None:
        self.rows: list[Metric] = []
        self.counts: dict[str, Count] = {}  # by name, for rows without an attribute
        self.tcp_connections: i64 = 0
        self.tcp_announces: i64 = 0
        self.tcp_scrapes: i64 = 0
        self.tcp_failures: i64 = 0
        self.tcp_statistics: i64 = 0
        self.tcp_received: i64 = 0
        self.tcp_sent: i64 = 0
        self.udp_datagrams: i64 = 0
        self.udp_connects: i64 = 0
        self.udp_announces: i64 = 0
        self.udp_scrapes: i64 = 0
        self.udp_failures: i64 = 0
        self.udp_mismatches: i64 = 0
        self.udp_invalid: i64 = 0  # not answered
        self.udp_dropped: i64 = 0  # by the kernel, with the receive buffer full
        self.udp_unsent: i64 = 0
        self.udp_errors: i64 = 0
        self.udp_received: i64 = 0
        self.udp_sent: i64 = 0
        self.completed: i64 = 0
        self.refused_torrents: i64 = 0
        self.refused_peers: i64 = 0
        self.refused_torrent_full: i64 = 0
        self.refused_ports: i64 = 0
        self.refused_memory: i64 = 0
        self.refused_connections: i64 = 0
        self.evicted_torrents: i64 = 0
        self.bring(COUNTERS)
        self.bring(OF_STATUSES)

    def bring(self, rows: Sequence[Metric]) -> None:
        """Add rows to the statistics; rows that are there already stay as they are."""
        known = {row.name for row in self.rows}
        for row in rows:
            if row.name in known:
                continue
            self.rows.append(row)
            if row.name not in ATTRIBUTES:
                self.counts[row.name] = Count()

    def count_of(self, row: Metric) -> Count:
        """The Count of a feature's row, which is added if it is not there yet."""
        self.bring((row,))
        return self.counts[row.name]

    def value(self, name: str) -> int:
        """A counter by its name."""
        count = self.counts.get(name)
        value: int = getattr(self, name) if count is None else count.value
        return value

    def values(self) -> dict[str, int]:
        """All counters of this build by name."""
        return {row.name: self.value(row.name) for row in self.rows}

    def count_status(self, status: int, was_parsed: bool = True) -> None:
        """Count an HTTP answer other than 200, by its status; `was_parsed` tells whether there was a request at all."""
        name = f"http_{status}"
        if status == 400:
            name = "http_400_parameter" if was_parsed else "http_400_parse"
        self.counts[name].value += 1
