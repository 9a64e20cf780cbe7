"""The page's tables: requests by kind, reasons for refusals, the largest torrents, client software."""

from html import escape
from typing import Final

from opentracker._features import WANT_CLIENT_COUNT
from opentracker.features.statistics.html.charts import (
    HTTP,
    LEECHERS,
    NOT_STORED,
    PLAIN,
    SEEDERS,
    TURNED_DOWN,
    UDP,
)
from opentracker.features.statistics.html.widgets import bars, cell, table
from opentracker.swarm.counting import metric
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker

if WANT_CLIENT_COUNT:
    from opentracker.features.statistics.clients import shares

LARGEST: Final = 8  # torrents in the table
MOST_CLIENTS: Final = 12
COLOURS: Final = {"udp": UDP, "tcp": HTTP}  # by the beginning of a counter's name
WHY: Final = (
    (metric.TURNED_DOWN, TURNED_DOWN),
    (metric.CAUSE, TURNED_DOWN),
    (metric.NOT_STORED, NOT_STORED),
    (metric.UNLISTED, NOT_STORED),
)

Row = tuple[str, int, int]  # name, colour, number


def served(snapshot: StatsSnapshot) -> str:
    """The requests that were answered, by kind."""
    rows = [
        (row.text, COLOURS.get(row.name[:3], PLAIN), snapshot.counters[row.name])
        for row in snapshot.of_group(metric.SERVED)
    ]
    return counted("Answered since the start", "Request", rows, "Nothing was asked for.")


def turned_down(snapshot: StatsSnapshot) -> str:
    """The reasons for which requests were turned down or new peers not stored, without those that never came up."""
    rows = [
        (row.text, colour, snapshot.counters[row.name])
        for group, colour in WHY
        for row in snapshot.of_group(group)
        if snapshot.counters[row.name]
    ]
    return counted("Turned down or not stored, since the start", "Reason", rows, "Nothing was turned down.")


def counted(title: str, what: str, rows: list[Row], nothing: str) -> str:
    """A table of numbers, in descending order."""
    rows = sorted(rows, key=lambda row: -row[2])
    most = max([1, *[number for _, _, number in rows]])
    lines = [
        f"<tr><td>{escape(name)}</td>{bars([(colour, number)], most)}{cell(f'{number:,}')}</tr>"
        for name, colour, number in rows
    ]
    return table(title, [], (what, "Number"), lines or [f'<tr><td colspan="3">{nothing}</td></tr>'])


def largest(snapshot: StatsSnapshot, tracker: Tracker) -> str:
    """The largest torrents; a click selects a whole info_hash."""
    ranked = snapshot.counted().by_peers.first(LARGEST)
    most = ranked[0][0] if ranked else 1
    lines = []
    for count, info_hash in ranked:
        seeding: int = min(count, int(tracker.scrape(info_hash)[0]))  # may have changed since the census
        parts = [(SEEDERS, seeding), (LEECHERS, count - seeding)]
        lines.append(
            f"<tr><td><code>{info_hash.hex().upper()}</code></td>{bars(parts, most)}{cell(f'{count:,}')}</tr>"
        )
    if not lines:
        lines = ['<tr><td colspan="3">No torrent has peers.</td></tr>']
    legend = [("Seeders", SEEDERS), ("Leechers", LEECHERS)]
    return table("Largest torrents", legend, ("Info hash", "Peers"), lines)


def clients(snapshot: StatsSnapshot) -> str:
    """New peers by client software, in a build that counts them."""
    if WANT_CLIENT_COUNT:
        rows = [(name, PLAIN, count) for name, count in shares(snapshot)[:MOST_CLIENTS]]
        return counted(
            "Client software of newcomers, since the start", "Client", rows, "No peer has come yet."
        )
    return ""
