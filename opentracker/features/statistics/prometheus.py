"""`mode=prometheus`: the text exposition format, version 0.0.4. Base units; names of counters end in `_total`.

All samples come from the rows and readings of a snapshot; docs/statistics.md lists the names.
"""

from collections.abc import Iterator
from typing import ClassVar, Final

from opentracker._features import OT_PEER_TIMEOUT, WANT_V4_ONLY, WANT_V6
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Renderer, Rendering, Statistics
from opentracker.swarm.counting.core_gauges import (
    PEERS,
    PEERS_PER_TORRENT,
    RENEWALS,
    TORRENTS,
    UPTIME,
)
from opentracker.swarm.counting.metric import Distribution
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS, StatsSnapshot

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"


def prometheus(snapshot: StatsSnapshot) -> bytes:
    """The whole exposition."""
    tell_census(snapshot)
    snapshot.tell(UPTIME, snapshot.uptime)
    snapshot.tell_distribution(RENEWALS, *renewals(snapshot.renewals))
    snapshot.tell_distribution(PEERS_PER_TORRENT, snapshot.counted().sizes, snapshot.counted().peers())
    families: dict[str, list[str]] = {}
    for name, kind, text, sample in samples(snapshot):
        if name not in families:
            families[name] = [f"# HELP {name} {text}\n# TYPE {name} {kind}\n"]
        families[name].append(sample)
    return "".join(["".join(lines) for lines in families.values()]).encode()


def samples(snapshot: StatsSnapshot) -> Iterator[tuple[str, str, str, str]]:
    """All samples: the name, type and help text of the metric, and the lines of the sample."""
    for reading in snapshot.readings.values():
        gauge = reading.gauge
        line = sample_line(gauge.name, reading.labels, number(reading.value))
        yield gauge.name, gauge.kind(), gauge.help, line
    for row in snapshot.rows:
        line = sample_line(row.family.name, row.labels, str(snapshot.counters[row.name]))
        yield row.family.name, "counter", row.family.help, line
    for distribution in snapshot.distributions.values():
        histogram = distribution.histogram
        yield histogram.name, "histogram", histogram.help, histogram_lines(distribution)


def sample_line(name: str, labels: str, value: str) -> str:
    """A line: a name, its labels, which may be empty, and a value."""
    return f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n"


def number(value: float) -> str:
    """A value: whole numbers without a point, others with six decimals."""
    return str(int(value)) if value == int(value) else f"{value:.6f}"


def histogram_lines(distribution: Distribution) -> str:
    """The samples of a histogram."""
    name = distribution.histogram.name
    below = 0
    lines = []
    for bound, count in zip(distribution.histogram.bounds, distribution.counts, strict=False):
        below += count
        lines.append(sample_line(f"{name}_bucket", f'le="{bound:g}"', str(below)))
    below += distribution.counts[-1]
    lines.append(sample_line(f"{name}_bucket", 'le="+Inf"', str(below)))
    lines.append(f"{name}_sum {number(distribution.total)}\n{name}_count {below}\n")
    return "".join(lines)


def tell_census(snapshot: StatsSnapshot) -> None:
    """Torrents, and peers by family and kind; a family that is not in the build is left out."""
    census: Census = snapshot.counted()
    snapshot.tell(TORRENTS, census.torrents)
    if not WANT_V6:
        snapshot.tell(PEERS, census.seeders4, 'family="ipv4",role="seeder"')
        snapshot.tell(PEERS, census.leechers4, 'family="ipv4",role="leecher"')
    if not WANT_V4_ONLY:
        snapshot.tell(PEERS, census.seeders6, 'family="ipv6",role="seeder"')
        snapshot.tell(PEERS, census.leechers6, 'family="ipv6",role="leecher"')


def renewals(ages: list[int]) -> tuple[list[int], float]:
    """Renewals as counts of the histogram's bounds, and their sum, with each whole minute taken at its middle."""
    counts = [sum(ages[minute : minute + 5]) for minute in range(0, OT_PEER_TIMEOUT // 5 * 5, 5)]
    counts.append(sum(ages) - sum(counts))
    return counts, sum([count * (age + 0.5) * 60 for age, count in enumerate(ages)])


MODES: Final[dict[str, Renderer]] = {"prometheus": Rendering((CENSUS,), prometheus, CONTENT_TYPE)}


class PrometheusFeature(Feature[Host]):
    """`mode=prometheus`."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Add the mode."""
        host.part(Statistics).renderings[""].update(MODES)
