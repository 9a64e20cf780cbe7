"""The page's charts of the last hour."""

from collections.abc import Callable, Iterator

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.features.statistics.html.charts import (
    HTTP,
    LEECHERS,
    LOST,
    NOT_STORED,
    PLAIN,
    SEEDERS,
    TURNED_DOWN,
    UDP,
    Series,
    area_chart,
    bar_chart,
    histogram,
)
from opentracker.features.statistics.html.history import INTERVAL, SHOWN, History
from opentracker.features.statistics.html.widgets import card
from opentracker.swarm.counting import metric
from opentracker.swarm.surveys.snapshot import StatsSnapshot

Draw = Callable[[str, str, list[Series], int, str], str]


def pictures(snapshot: StatsSnapshot, history: History) -> Iterator[str]:
    """The charts, one after the other."""
    samples = list(history.samples)[1:]
    announces = [
        Series("UDP", UDP, history.rates("udp_announces")),
        Series("HTTP", HTTP, history.rates("tcp_announces")),
    ]
    yield charted(area_chart, "announces", "Announces a second", announces, "/s")
    peers = [
        Series("Seeders", SEEDERS, [sample.seeders for sample in samples]),
        Series("Leechers", LEECHERS, [sample.leechers for sample in samples]),
    ]
    yield charted(area_chart, "peers", "Peers", peers, "")
    torrents = [Series("Torrents", PLAIN, [sample.torrents for sample in samples])]
    yield charted(area_chart, "torrents", "Torrents", torrents, "")
    traffic = [
        Series("UDP", UDP, history.rates("udp_received", "udp_sent")),
        Series("HTTP", HTTP, history.rates("tcp_received", "tcp_sent")),
    ]
    yield charted(area_chart, "traffic", "Traffic in and out, bytes a second", traffic, "B/s")
    completed = [Series("Completed", PLAIN, per_minute(history, "completed"))]
    yield charted(bar_chart, "completed", "Downloads completed a minute", completed, "")
    yield charted(bar_chart, "trouble", "Turned down or lost a minute", trouble(snapshot, history), "")
    yield card("Minutes between announces of a peer", [], renewals(snapshot))


def trouble(snapshot: StatsSnapshot, history: History) -> list[Series]:
    """Requests that were turned down, new peers that were not stored, datagrams that were lost."""
    kinds = (
        ("Turned down", TURNED_DOWN, metric.TURNED_DOWN),
        ("Not stored", NOT_STORED, metric.NOT_STORED),
        ("Lost", LOST, metric.LOST),
    )
    return [
        Series(name, colour, per_minute(history, *[row.name for row in snapshot.of_group(group)]))
        for name, colour, group in kinds
        if snapshot.of_group(group)
    ]


def charted(draw: Draw, name: str, title: str, series: list[Series], unit: str) -> str:
    """A card with a chart over the last hour."""
    legend = [(each.name, each.colour) for each in series]
    return card(title, legend, draw(name, f"{title}, over the last hour", series, SHOWN, unit))


def per_minute(history: History, *names: str) -> list[float]:
    """The growth of some counters in each minute."""
    return [round(each * INTERVAL) for each in history.rates(*names)]


def renewals(snapshot: StatsSnapshot) -> str:
    """The histogram of the minutes between two announces of a peer, since the start."""
    values = snapshot.renewals[:OT_PEER_TIMEOUT]
    total = sum(values)
    most = values.index(max(values)) if total else 0
    told = (
        f"{total:,} renewals since the start, most of them after {most} minutes." if total else "None so far."
    )
    return histogram("renewals", "Minutes between announces of a peer, since the start", values, told)
