"""`mode=html`: what the tracker is doing, now and over the last hour, as a page for people.

One page, nothing loaded from elsewhere, no scripts: style and pictures are in it, and a browser that obeys its
Content-Security-Policy could load nothing else.
"""

from collections.abc import Callable, Iterator
from html import escape
from typing import Final

from opentracker._features import OT_PEER_TIMEOUT, WANT_V4_ONLY, WANT_V6
from opentracker.features.statistics.html.charts import Series, area_chart, bar_chart, histogram, short
from opentracker.features.statistics.html.history import INTERVAL, SHOWN, History
from opentracker.features.statistics.html.widgets import STYLE, bars, card, cell, number, share, table
from opentracker.features.statistics.page import Every, Renderer, Start, Statistics
from opentracker.swarm.counting.core_gauges import LONGEST_ITERATION, OPEN_CONNECTIONS
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS, StatsSnapshot
from opentracker.swarm.tracker import Tracker

CONTENT_TYPE: Final = b"text/html; charset=utf-8"
HEADERS: Final = (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    b" form-action 'none'; frame-ancestors 'none'\r\n"
    b"Referrer-Policy: no-referrer\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Cache-Control: no-store\r\n"
)
LARGEST: Final = 8  # torrents in the table

HTTP_REFUSED: Final = (
    *("http_400_parse", "http_400_parameter", "http_402", "http_403", "http_404"),
    *("http_405", "http_414", "http_431", "http_500", "http_503"),
)
FAILURES: Final = ("tcp_failures", "udp_failures")
BAD_DATAGRAMS: Final = ("udp_mismatches", "udp_invalid")
LOST: Final = ("udp_dropped", "udp_unsent", "udp_errors")

# What clients ask for: name, colour, counters.
MIX: Final = (
    ("UDP announces", 1, ("udp_announces",)),
    ("HTTP announces", 2, ("tcp_announces",)),
    ("UDP connects", 5, ("udp_connects",)),
    ("Scrapes", 3, ("udp_scrapes", "tcp_scrapes")),
    ("Full scrapes", 3, ("full_scrapes",)),
    ("Turned down", 4, (*FAILURES, *HTTP_REFUSED, *BAD_DATAGRAMS)),
)


def duration(seconds: int) -> str:
    """A time in the two units that matter."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def rate(value: float) -> str:
    """A number a second."""
    return f"{short(value)}/s"


def numbers(snapshot: StatsSnapshot, history: History) -> str:
    """The big numbers: what there is and what is going on now."""
    census, counters = snapshot.counted(), snapshot.counters
    seeders, everybody = census.seeders(), census.peers()
    udp = history.recent(counters, snapshot.uptime, "udp_announces")
    http = history.recent(counters, snapshot.uptime, "tcp_announces")
    done = history.gained(counters, "completed")
    long_up = snapshot.uptime > SHOWN * INTERVAL
    return "".join(
        [
            number(
                "Peers",
                f"{everybody:,}",
                "",
                f"{seeders:,} seeders, {everybody - seeders:,} leechers",
                share([(3, seeders), (2, everybody - seeders)]),
            ),
            number("Torrents", f"{census.torrents:,}", "", families(census), by_family(census)),
            number(
                "Announces now",
                short(udp + http),
                "a second",
                f"UDP {rate(udp)}, HTTP {rate(http)}",
                share([(1, udp), (2, http)]),
            ),
            number(
                "Downloads completed",
                f"{done:,}",
                "",
                f"in the last hour; {counters['completed']:,} in all" if long_up else "since the start",
            ),
        ]
    )


def families(census: Census) -> str:
    """Peers by the address families that are in the build, in words."""
    told: list[str] = []
    if not WANT_V6:
        told.append(f"{census.seeders4 + census.leechers4:,} peers over IPv4")
    if not WANT_V4_ONLY:
        told.append(f"{census.seeders6 + census.leechers6:,} {'' if told else 'peers '}over IPv6")
    return ", ".join(told)


def by_family(census: Census) -> str:
    """Peers by address family, as a bar."""
    return share([(1, census.seeders4 + census.leechers4), (5, census.seeders6 + census.leechers6)])


def pictures(snapshot: StatsSnapshot, history: History) -> Iterator[str]:
    """The charts, one after the other."""
    samples = list(history.samples)[1:]
    announces = [
        Series("UDP", 1, history.rates("udp_announces")),
        Series("HTTP", 2, history.rates("tcp_announces")),
    ]
    yield charted(area_chart, "announces", "Announces a second", announces, "/s")
    peers = [
        Series("Seeders", 3, [sample.seeders for sample in samples]),
        Series("Leechers", 2, [sample.leechers for sample in samples]),
    ]
    yield charted(area_chart, "peers", "Peers", peers, "")
    torrents = [Series("Torrents", 5, [sample.torrents for sample in samples])]
    yield charted(area_chart, "torrents", "Torrents", torrents, "")
    completed = [Series("Completed", 3, per_minute(history, "completed"))]
    yield charted(bar_chart, "completed", "Downloads completed a minute", completed, "")
    trouble = [
        Series("Turned down", 5, per_minute(history, *FAILURES, *HTTP_REFUSED)),
        Series("Bad datagrams", 2, per_minute(history, *BAD_DATAGRAMS)),
        Series("Lost", 4, per_minute(history, *LOST)),
    ]
    yield charted(bar_chart, "trouble", "Turned down, broken or lost a minute", trouble, "")
    yield card("Minutes between announces of a peer", [], renewals(snapshot))


def charted(
    draw: Callable[[str, str, list[Series], int, str], str],
    name: str,
    title: str,
    series: list[Series],
    unit: str,
) -> str:
    """A card with a chart over the last hour."""
    legend = [(each.name, each.colour) for each in series]
    return card(title, legend, draw(name, f"{title}, over the last hour", series, SHOWN, unit))


def per_minute(history: History, *names: str) -> list[float]:
    """How much counters went up, in each minute."""
    return [round(each * INTERVAL) for each in history.rates(*names)]


def renewals(snapshot: StatsSnapshot) -> str:
    """After how many minutes peers come back, since the start."""
    values = snapshot.renewals[:OT_PEER_TIMEOUT]
    total = sum(values)
    most = values.index(max(values)) if total else 0
    told = (
        f"{total:,} renewals since the start, most of them after {most} minutes." if total else "None so far."
    )
    return histogram("renewals", "Minutes between announces of a peer, since the start", values, told)


def mix(snapshot: StatsSnapshot) -> str:
    """What was asked for since the start."""
    rows = [(name, colour, snapshot.count(*names)) for name, colour, names in MIX]
    total = max(1, sum(count for _, _, count in rows))
    most = max(1, *[count for _, _, count in rows])
    lines = [
        f"<tr><td>{name}</td>{bars([(colour, count)], most)}{cell(f'{count:,}')}"
        f"{cell(f'{100 * count / total:.1f} %')}</tr>"
        for name, colour, count in rows
    ]
    return table("Requests since the start", [], ("Request", "Number", "Share"), lines)


def largest(snapshot: StatsSnapshot, tracker: Tracker) -> str:
    """The largest torrents."""
    census = snapshot.counted()
    ranked = census.by_peers.first(LARGEST)
    most = ranked[0][0] if ranked else 1
    lines = []
    for count, info_hash in ranked:
        seeding: int = min(count, int(tracker.scrape(info_hash)[0]))  # it may have changed since the census
        shown = info_hash.hex().upper()
        lines.append(
            f'<tr><td><code title="{shown}">{shown[:12]}…</code></td>'
            f"{bars([(3, seeding), (2, count - seeding)], most)}{cell(f'{count:,}')}</tr>"
        )
    if not lines:
        lines = ['<tr><td colspan="3">No torrent has peers.</td></tr>']
    return table("Largest torrents", [("Seeders", 3), ("Leechers", 2)], ("Info hash", "Peers"), lines)


def health(snapshot: StatsSnapshot) -> str:
    """What an operator looks at when clients complain."""
    longest, still_open = snapshot.reading(LONGEST_ITERATION), snapshot.reading(OPEN_CONNECTIONS)
    return (
        f"Longest turn of the loop {longest * 1000:.1f} ms · {snapshot.count('udp_dropped'):,} datagrams dropped"
        f" by the kernel · {snapshot.count('tcp_connections'):,} HTTP connections, {still_open:,.0f} open"
    )


class PageForm(Renderer):
    """The mode, for a tracker with this history."""

    def __init__(self, history: History) -> None:
        super().__init__((CENSUS,), CONTENT_TYPE, HEADERS)
        self.history = history

    def parts(self, snapshot: StatsSnapshot) -> Iterator[bytes]:
        """See Form: a card at a time."""
        for part in page(snapshot, self.history):
            yield part.encode()


def page(snapshot: StatsSnapshot, history: History) -> Iterator[str]:
    """The page, part by part."""
    yield (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="refresh" content="{int(INTERVAL)}"/><meta name="robots" content="noindex"/>'
        f"<title>opentracker: {snapshot.counted().peers():,} peers</title><style>{STYLE}</style></head><body>"
        f"<header><h1>opentracker</h1><p>up for {duration(snapshot.uptime)}</p></header><main>"
    )
    yield f'<div class="numbers">{numbers(snapshot, history)}</div><div class="grid2">'
    yield from pictures(snapshot, history)
    yield f'</div><div class="grid2">{mix(snapshot)}{largest(snapshot, history.sources.tracker)}</div></main>'
    yield (
        f"<footer><span>{health(snapshot)}</span><span>{escape(snapshot.version)}</span></footer></body></html>\n"
    )


def join(statistics: Statistics, every: Every, start: Start) -> None:
    """Add the mode, and take samples from now on."""
    history = History(statistics.sources)
    statistics.renderings[""]["html"] = PageForm(history)
    every(INTERVAL, lambda: start(history.take()))
