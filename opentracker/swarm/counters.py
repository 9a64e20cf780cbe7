"""What is counted, each in one place: a flat row of integers, so that the rows of several workers can be summed."""

from typing import Final

from mypy_extensions import i64

NAMES: Final = (
    "tcp_connections",
    "tcp_announces",
    "tcp_scrapes",
    "udp_datagrams",
    "udp_connects",
    "udp_announces",
    "udp_scrapes",
    "udp_mismatches",
    "udp_dropped",
    "udp_unsent",
    "udp_errors",
    "completed",
    "full_scrapes",
    "full_scrape_bytes",
)


class Counters:
    """Requests and faults since the start."""

    __slots__ = NAMES

    def __init__(self) -> None:
        self.tcp_connections: i64 = 0
        self.tcp_announces: i64 = 0
        self.tcp_scrapes: i64 = 0
        self.udp_datagrams: i64 = 0
        self.udp_connects: i64 = 0
        self.udp_announces: i64 = 0
        self.udp_scrapes: i64 = 0
        self.udp_mismatches: i64 = 0
        self.udp_dropped: i64 = 0
        self.udp_unsent: i64 = 0
        self.udp_errors: i64 = 0
        self.completed: i64 = 0
        self.full_scrapes: i64 = 0
        self.full_scrape_bytes: i64 = 0
