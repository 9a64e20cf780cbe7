"""`mode=everything`: counts and counters as XML, with the element names of the C tracker."""

from xml.sax.saxutils import escape, quoteattr

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.protocol.statuses import STATUSES
from opentracker.swarm.surveys.snapshot import StatsSnapshot


def everything(snapshot: StatsSnapshot) -> bytes:
    """The document, without a final newline."""
    census = snapshot.counted()
    renewals = [
        f'      <count interval="{age:02d}">{snapshot.renewals[age]}</count>'
        for age in range(OT_PEER_TIMEOUT)
    ]
    errors = [
        f"      <count code={quoteattr(status.code)}>{snapshot.count(status.counter)}</count>"
        for status in STATUSES
    ]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<stats>",
        f"  <tracker_id>{snapshot.tracker_id}</tracker_id>",
        f"  <version>{escape(snapshot.version)}</version>",
        f"  <uptime>{snapshot.uptime}</uptime>",
        "  <torrents>",
        f"    <count_mutex>{census.torrents}</count_mutex>",
        f"    <count_iterator>{census.torrents}</count_iterator>",
        "  </torrents>",
        *counted("peers", census.peers(), "  "),
        *counted("seeds", census.seeders(), "  "),
        *counted("completed", snapshot.count("completed"), "  "),
        "  <connections>",
        "    <tcp>",
        f"      <accept>{snapshot.count('tcp_connections')}</accept>",
        f"      <announce>{snapshot.count('tcp_announces')}</announce>",
        f"      <scrape>{snapshot.count('tcp_scrapes')}</scrape>",
        "    </tcp>",
        "    <udp>",
        f"      <overall>{snapshot.count('udp_datagrams')}</overall>",
        f"      <connect>{snapshot.count('udp_connects')}</connect>",
        f"      <announce>{snapshot.count('udp_announces')}</announce>",
        f"      <scrape>{snapshot.count('udp_scrapes')}</scrape>",
        f"      <missmatch>{snapshot.count('udp_mismatches')}</missmatch>",
        "    </udp>",
        *counted("livesync", snapshot.count("sync_peers_received"), "    "),
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
