"""Rows of statistics: a counter, a gauge or a histogram is named once, in a row that all formats read.

A room or a feature brings a tuple of Metric rows; `Counters.bring` makes them part of a build's statistics. Gauges and
histograms need no registration: a source tells a StatsSnapshot their values.
"""

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

# Groups of counters.
SERVED: Final = "served"  # requests that were answered as asked
TURNED_DOWN: Final = "turned down"  # all other requests; each counts once in these two groups
CAUSE: Final = "cause"  # causes of failures that TURNED_DOWN counts too
# New peers over a limit, which are answered but not stored, and torrents that were dropped near a limit.
NOT_STORED: Final = "not stored"
UNLISTED: Final = "unlisted"  # new peers that are not listed, since no other client could reach them
LOST: Final = "lost"  # datagrams that the tracker did not read or the client did not get
SYNC: Final = "sync"  # live sync
TRAFFIC: Final = "traffic"  # totals: connections, datagrams, bytes

# Rules of gauges for several workers.
SUM: Final = "sum"
MOST: Final = "most"
LEAST: Final = "least"


class Family:
    """A counter of Prometheus: its name ends in `_total`, its help text is a sentence."""

    __slots__ = ("help", "name")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.help = text


class Metric:
    """A counter. `labels` are those of its sample in `family`; `text` is a phrase for people.

    `part_of` names the counter of which this one is a part, if there is one.
    """

    __slots__ = ("family", "group", "labels", "name", "part_of", "text")

    def __init__(
        self, name: str, family: Family, labels: str, text: str, group: str, part_of: str = ""
    ) -> None:
        self.name = name
        self.family = family
        self.labels = labels
        self.text = text
        self.group = group
        self.part_of = part_of


class Count:
    """The value of a feature's counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: i64 = 0


class Gauge:
    """A value that goes up and down, or a time; `merging` is SUM, MOST or LEAST.

    `text` is a phrase for people. The statistics page shows `alarm` while the value is below `least` or above `most`.
    `{}` in `text` or `alarm` stands for the value of a label.
    """

    __slots__ = ("alarm", "help", "least", "merging", "most", "name", "text")

    def __init__(
        self,
        name: str,
        text: str,
        merging: str = SUM,
        alarm: str = "",
        least: float = float("-inf"),
        most: float = float("inf"),
        *,
        people: str = "",
    ) -> None:
        self.name = name
        self.help = text
        self.text = people
        self.merging = merging
        self.alarm = alarm
        self.least = least
        self.most = most

    def kind(self) -> str:
        """The type in Prometheus: a total only ever goes up."""
        return "counter" if self.name.endswith("_total") else "gauge"

    def merged(self, one: float, two: float) -> float:
        """The value of two workers combined."""
        if self.merging == SUM:
            return one + two
        return max(one, two) if self.merging == MOST else min(one, two)

    def is_bad(self, value: float) -> bool:
        """Whether the value calls for `alarm`."""
        return self.alarm != "" and not self.least <= value <= self.most


class Reading:
    """The value of a gauge, with the labels of its sample."""

    __slots__ = ("gauge", "labels", "value")

    def __init__(self, gauge: Gauge, labels: str, value: float) -> None:
        self.gauge = gauge
        self.labels = labels
        self.value = value


class Histogram:
    """A histogram: the number of values up to each of `bounds`, and of those above the last bound."""

    __slots__ = ("bounds", "help", "name")

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.name = name
        self.help = text
        self.bounds = bounds


class Distribution:
    """The values of a histogram: counts by bound, then the count above the last bound, and the sum of all values."""

    __slots__ = ("counts", "histogram", "total")

    def __init__(self, histogram: Histogram, counts: Sequence[int], total: float) -> None:
        assert len(counts) == len(histogram.bounds) + 1
        self.histogram = histogram
        self.counts = list(counts)
        self.total = total

    def merge(self, other: "Distribution") -> None:
        """Add the same histogram of another part."""
        self.counts = [one + two for one, two in zip(self.counts, other.counts, strict=True)]
        self.total += other.total
