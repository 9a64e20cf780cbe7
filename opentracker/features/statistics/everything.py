"""`mode=everything`: counts and counters as XML, with the element names of the C tracker."""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.swarm.surveys.snapshot import StatsSnapshot

# Code -> counter; the C tracker's codes first. What has no counter never happens: compact=0 is accepted, and who is
# not modest gets 402.
CODES: Final = (
    ("302 Redirect", "http_302"),
    ("400 Parse Error", "http_400_parse"),
    ("400 Invalid Parameter", "http_400_parameter"),
    ("400 Invalid Parameter (compact=0)", ""),
    ("400 Not Modest", ""),
    ("402 Payment Required", "http_402"),
    ("403 Access Denied", "http_403"),
    ("404 Not found", "http_404"),
    ("500 Internal Server Error", "http_500"),
    ("405 Method Not Allowed", "http_405"),
    ("414 URI Too Long", "http_414"),
    ("431 Request Header Fields Too Large", "http_431"),
    ("503 Service Unavailable", "http_503"),
)


def everything(figures: StatsSnapshot) -> bytes:
    """The document, without a final newline."""
    census, counters = figures.counted(), figures.counters
    renewals = [
        f'      <count interval="{age:02d}">{figures.renewals[age]}</count>' for age in range(OT_PEER_TIMEOUT)
    ]
    errors = [
        f"      <count code={quoteattr(code)}>{counters[name] if name else 0}</count>" for code, name in CODES
    ]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<stats>",
        f"  <tracker_id>{figures.tracker_id}</tracker_id>",
        f"  <version>{escape(figures.version)}</version>",
        f"  <uptime>{figures.uptime}</uptime>",
        "  <torrents>",
        f"    <count_mutex>{census.torrents}</count_mutex>",
        f"    <count_iterator>{census.torrents}</count_iterator>",
        "  </torrents>",
        *counted("peers", census.peers(), "  "),
        *counted("seeds", census.seeders(), "  "),
        *counted("completed", counters["completed"], "  "),
        "  <connections>",
        "    <tcp>",
        f"      <accept>{counters['tcp_connections']}</accept>",
        f"      <announce>{counters['tcp_announces']}</announce>",
        f"      <scrape>{counters['tcp_scrapes']}</scrape>",
        "    </tcp>",
        "    <udp>",
        f"      <overall>{counters['udp_datagrams']}</overall>",
        f"      <connect>{counters['udp_connects']}</connect>",
        f"      <announce>{counters['udp_announces']}</announce>",
        f"      <scrape>{counters['udp_scrapes']}</scrape>",
        f"      <missmatch>{counters['udp_mismatches']}</missmatch>",
        "    </udp>",
        *counted("livesync", counters["sync_peers_received"], "    "),
        "  </connections>",
        "  <debug>",
        "    <renew>",
        *renewals,
        "    </renew>",
        "    <http_error>",
        *errors,
        "    </http_error>",
        *counted("mutex_stall", 0, "    "),
        "  </debug>",
        "</stats>",
    ]
    return "\n".join(lines).encode()


def counted(element: str, count: int, indent: str) -> list[str]:
    """The lines of an element that holds one count."""
    return [f"{indent}<{element}>", f"{indent}  <count>{count}</count>", f"{indent}</{element}>"]
