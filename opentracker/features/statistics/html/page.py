"""`mode=html`: the statistics of now and of the last hour, as a page for people.

The page loads nothing else and has no scripts: style and charts are inline, and its Content-Security-Policy keeps a
browser from loading anything.
"""

import time
from collections.abc import Callable, Iterator
from html import escape
from typing import ClassVar, Final

from opentracker._features import WANT_STATS_PROMETHEUS, WANT_V4_ONLY, WANT_V6
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.html.charts import HTTP, LEECHERS, SEEDERS, UDP, short
from opentracker.features.statistics.html.health import alarms, at, banner, card_of_health
from opentracker.features.statistics.html.history import INTERVAL, SHOWN, History
from opentracker.features.statistics.html.pictures import pictures
from opentracker.features.statistics.html.tables import clients, largest, served, turned_down
from opentracker.features.statistics.html.widgets import STYLE, duration, number, share
from opentracker.features.statistics.page import Renderer, Statistics
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS, StatsSnapshot

CONTENT_TYPE: Final = b"text/html; charset=utf-8"
HEADERS: Final = (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    b" form-action 'none'; frame-ancestors 'none'\r\n"
    b"Referrer-Policy: no-referrer\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Cache-Control: no-store\r\n"
    b"Vary: Accept\r\n"
)
HOUR: Final = SHOWN * INTERVAL
LINKS: Final = [("everything", "everything as text"), ("top100", "largest torrents")]
if WANT_STATS_PROMETHEUS:
    LINKS.append(("prometheus", "metrics"))


def rate(value: float) -> str:
    """A number a second."""
    return f"{short(value)}/s"


def numbers(snapshot: StatsSnapshot, history: History) -> str:
    """The big numbers: peers, torrents, announces and downloads."""
    census, counters = snapshot.counted(), snapshot.counters
    seeders, everybody = census.seeders(), census.peers()
    udp = history.recent(counters, snapshot.uptime, "udp_announces")
    http = history.recent(counters, snapshot.uptime, "tcp_announces")
    done = history.gained(counters, "completed", snapshot.uptime, HOUR)
    in_all = f"in the last hour; {snapshot.count('completed'):,} since the start"
    return "".join(
        [
            number(
                "Peers",
                f"{everybody:,}",
                "",
                f"{seeders:,} seeders, {everybody - seeders:,} leechers",
                share([(SEEDERS, seeders), (LEECHERS, everybody - seeders)]),
            ),
            number("Torrents", f"{census.torrents:,}", "", families(census)),
            number(
                "Announces now",
                short(udp + http),
                "a second",
                f"UDP {rate(udp)}, HTTP {rate(http)}",
                share([(UDP, udp), (HTTP, http)]),
            ),
            number(
                "Downloads completed",
                f"{done:,}",
                "",
                in_all if snapshot.uptime > HOUR else f"in {duration(snapshot.uptime)}, since the start",
            ),
        ]
    )


def families(census: Census) -> str:
    """A text with the peers of each address family of the build."""
    told: list[str] = []
    if not WANT_V6:
        told.append(f"{census.seeders4 + census.leechers4:,} peers over IPv4")
    if not WANT_V4_ONLY:
        told.append(f"{census.seeders6 + census.leechers6:,} {'' if told else 'peers '}over IPv6")
    return ", ".join(told)


class PageForm(Renderer):
    """The renderer of the mode, for a tracker with this history; `wall_clock` gives seconds since 1970."""

    def __init__(self, history: History, wall_clock: Callable[[], float]) -> None:
        super().__init__((CENSUS,), CONTENT_TYPE, HEADERS)
        self.history = history
        self.wall_clock = wall_clock

    def parts(self, snapshot: StatsSnapshot) -> Iterator[bytes]:
        """See Renderer: a card at a time."""
        for part in page(snapshot, self.history, self.wall_clock()):
            yield part.encode()


def page(snapshot: StatsSnapshot, history: History, now: float) -> Iterator[str]:
    """The page, part by part."""
    wrong = alarms(snapshot, history)
    yield head(snapshot, now, len(wrong))
    yield f'{banner(wrong)}<div class="numbers">{numbers(snapshot, history)}</div><div class="grid2">'
    yield card_of_health(snapshot, history, now)
    yield turned_down(snapshot)
    yield from pictures(snapshot, history)
    yield served(snapshot)
    yield largest(snapshot, history.sources.tracker)
    yield f"{clients(snapshot)}</div></main>"
    links = "".join([f'<a href="?mode={mode}">{escape(text)}</a>' for mode, text in LINKS])
    yield f"<footer><span>{escape(snapshot.version)}</span><nav>{links}</nav></footer></body></html>\n"


def head(snapshot: StatsSnapshot, now: float, wrong: int) -> str:
    """The page's beginning, with the tracker's id and the time."""
    mark = f"({wrong}) " if wrong else ""
    listening = ", ".join(snapshot.addresses)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="refresh" content="{int(INTERVAL)}"/><meta name="robots" content="noindex"/>'
        f"<title>{mark}opentracker: {snapshot.counted().peers():,} peers</title><style>{STYLE}</style></head><body>"
        f"<header><h1>opentracker {snapshot.tracker_id:08x}</h1><p>as of {at(now)}, up for"
        f" {duration(snapshot.uptime)}</p><p>{escape(listening)}</p></header><main>"
    )


class HtmlFeature(Feature[Host]):
    """`mode=html`."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Add the mode, make it the default for browsers, and begin to take samples."""
        statistics = host.part(Statistics)
        history = History(statistics.sources)
        statistics.renderings[""]["html"] = PageForm(history, time.time)
        statistics.browser_mode = "html"
        host.every(INTERVAL, lambda: host.start_work(history.take()))
