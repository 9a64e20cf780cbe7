"""The data of all statistics, as a part that can be merged with other parts and then rendered."""

from collections.abc import Sequence
from typing import Final

from opentracker.swarm.counting.metric import Distribution, Gauge, Histogram, Metric, Reading
from opentracker.swarm.counting.network_count import NetworkCount
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import RankedNetworks
from opentracker.swarm.surveys.scan import Scan

# Surveys by name; one of ranked networks has the name of its mode.
CENSUS: Final = "census"
NETWORKS: Final = "networks"


class StatsSnapshot:
    """The statistics of one process, or of several merged ones.

    `addresses` are the listening addresses, as text. `rows` are the counters of this build, `counters` their values by
    name. `readings` are gauges by name and labels, `distributions` are histograms by name. `renewals` counts peers that
    renewed, by the minutes since their announce before; `numwants` counts announces, by the number of peers they asked
    for. `surveys` holds the requested surveys: CENSUS, NETWORKS, or ranked networks by the name of their mode. `uptime`
    is in seconds.
    """

    def __init__(self, version: str, tracker_id: int, uptime: int, rows: Sequence[Metric] = ()) -> None:
        self.version = version
        self.tracker_id = tracker_id
        self.uptime = uptime
        self.addresses: list[str] = []
        self.rows = list(rows)
        self.counters: dict[str, int] = {row.name: 0 for row in rows}
        self.readings: dict[tuple[str, str], Reading] = {}
        self.distributions: dict[str, Distribution] = {}
        self.renewals: list[int] = []
        self.numwants: list[int] = []
        self.surveys: dict[str, Scan] = {}

    # ---- For sources ----

    def tell(self, gauge: Gauge, value: float, labels: str = "") -> None:
        """Take the value of a gauge; `labels` as in an exposition of Prometheus, without the braces."""
        self.readings[gauge.name, labels] = Reading(gauge, labels, value)

    def tell_distribution(self, histogram: Histogram, counts: Sequence[int], total: float) -> None:
        """Take the counts of a histogram, one more than it has bounds, and the sum of all values."""
        self.distributions[histogram.name] = Distribution(histogram, counts, total)

    # ---- For renderers ----

    def counted(self) -> Census:
        """The census, which the statistic must have requested."""
        survey = self.surveys[CENSUS]
        assert isinstance(survey, Census)
        return survey

    def networks(self, name: str) -> dict[int, NetworkCount]:
        """The networks of a survey, by the bytes of a network."""
        survey = self.surveys[name]
        assert isinstance(survey, RankedNetworks)
        return survey.counts

    def count(self, *names: str) -> int:
        """The sum of counters; a counter whose feature is not in this build is 0."""
        return sum([self.counters.get(name, 0) for name in names])

    def of_group(self, group: str) -> list[Metric]:
        """The counters of a group."""
        return [row for row in self.rows if row.group == group]

    def reading(self, gauge: Gauge, labels: str = "") -> float:
        """The value of a gauge; 0 if no source has told it."""
        reading = self.readings.get((gauge.name, labels))
        return 0.0 if reading is None else reading.value

    def per_second(self, count: int) -> int:
        """A rate since the start."""
        return count // max(1, self.uptime)

    def successes(self) -> int:
        """Announces and connects; no scrapes."""
        return self.count("tcp_announces", "udp_announces", "udp_connects")

    # ---- Parts ----

    def merge(self, other: "StatsSnapshot") -> None:
        """Add another part, of the same build and with the same surveys."""
        self.uptime = max(self.uptime, other.uptime)
        self.addresses += [each for each in other.addresses if each not in self.addresses]
        for name, value in other.counters.items():
            self.counters[name] = self.counters.get(name, 0) + value
        for key, reading in other.readings.items():
            own = self.readings.get(key)
            value_of_both = reading.value if own is None else reading.gauge.merged(own.value, reading.value)
            self.readings[key] = Reading(reading.gauge, reading.labels, value_of_both)
        for name, distribution in other.distributions.items():
            if name in self.distributions:
                self.distributions[name].merge(distribution)
            else:
                self.distributions[name] = distribution
        self.renewals = [one + two for one, two in zip(self.renewals, other.renewals, strict=True)]
        self.numwants = [one + two for one, two in zip(self.numwants, other.numwants, strict=True)]
        for name, survey in self.surveys.items():
            survey.merge(other.surveys[name])
