"""The history of the last hour: a sample a minute, for the charts of the page."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from opentracker.features.statistics.page import Sources
from opentracker.swarm.counting.core_gauges import BUSY
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS

INTERVAL: Final = 60.0  # seconds between two samples
SHOWN: Final = 60  # intervals
RECENT: Final = 30.0  # least seconds for a rate that is not noise


class Sample:
    """Counters, torrents and peers at one time, in seconds since the start."""

    def __init__(self, seconds: float, counters: dict[str, int], busy: float) -> None:
        self.seconds = seconds
        self.counters = counters
        self.busy = busy  # seconds of the loop
        self.torrents = 0
        self.seeders = 0
        self.leechers = 0


class History:
    """The latest samples, the oldest first; the very first one is of the start, with zeros."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        zeros = dict.fromkeys(sources.tracker.counters.values(), 0)
        self.samples: deque[Sample] = deque([Sample(sources.uptime(), zeros, 0.0)], maxlen=SHOWN + 1)

    def take(self) -> Iterator[None]:
        """Count the torrents, then add a sample."""
        under_way = self.sources.surveyors[CENSUS].current()
        while not under_way.is_done:
            under_way.advance(self.sources.uptime())
            yield
        snapshot = self.sources.snapshot()
        sample = Sample(self.sources.uptime(), snapshot.counters, snapshot.reading(BUSY))
        census = under_way.survey
        assert isinstance(census, Census)
        sample.torrents = census.torrents
        sample.seeders = census.seeders()
        sample.leechers = census.peers() - census.seeders()
        self.samples.append(sample)

    def rates(self, *names: str) -> list[float]:
        """The growth of some counters together, per second, in each interval."""
        rates = []
        samples = list(self.samples)
        for number in range(1, len(samples)):
            before, after = samples[number - 1], samples[number]
            rates.append(rate(before, after.counters, after.seconds, names))
        return rates

    def recent(self, counters: dict[str, int], seconds: float, *names: str) -> float:
        """Their current growth per second, since the latest sample that is RECENT seconds old."""
        return rate(self.before(seconds, RECENT), counters, seconds, names)

    def recent_busy(self, busy: float, seconds: float) -> float:
        """The share of recent time in which the loop was busy; `busy` is its total of busy seconds."""
        before = self.before(seconds, RECENT)
        return (busy - before.busy) / max(1.0, seconds - before.seconds)

    def gained(self, counters: dict[str, int], name: str, seconds: float, back: float) -> int:
        """The growth of a counter in the last `back` seconds, as far as the samples reach."""
        return counters.get(name, 0) - self.before(seconds, back).counters.get(name, 0)

    def before(self, seconds: float, back: float) -> Sample:
        """The latest sample that is `back` seconds old; the first one if none is."""
        before = self.samples[0]
        for sample in self.samples:
            if seconds - sample.seconds >= back:
                before = sample
        return before


def rate(before: Sample, counters: dict[str, int], seconds: float, names: tuple[str, ...]) -> float:
    """The growth of some counters together, per second, since a sample."""
    gained = sum(counters.get(name, 0) - before.counters.get(name, 0) for name in names)
    return max(0.0, gained / max(1.0, seconds - before.seconds))
