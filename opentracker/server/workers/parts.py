"""Snapshots of the statistics on their way between workers, and the merged snapshot of all of them."""

import marshal
from collections.abc import Callable, Sequence
from typing import Any

from opentracker.features.statistics.page import OtherParts
from opentracker.server.workers.mesh import RemoteStream
from opentracker.swarm.counting.metric import Distribution, Gauge, Histogram, Metric, Reading
from opentracker.swarm.counting.network_count import NetworkCount
from opentracker.swarm.counting.ranking import Ranking
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import RankedNetworks
from opentracker.swarm.surveys.scan import Scan
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker

# Fields of a census, beside its rankings.
NUMBERS = ("torrents", "leechers4", "seeders4", "leechers6", "seeders6", "sizes")
RANKINGS = ("by_peers", "by_seeders", "by_leechers")


def pack_snapshot(snapshot: StatsSnapshot) -> bytes:
    """A snapshot as bytes, for a worker of the same build."""
    fields: list[Any] = [
        snapshot.uptime,
        snapshot.addresses,
        snapshot.counters,
        [pack_reading(reading) for reading in snapshot.readings.values()],
        [
            (each.histogram.name, each.histogram.help, tuple(each.histogram.bounds), each.counts, each.total)
            for each in snapshot.distributions.values()
        ],
        snapshot.renewals,
        snapshot.numwants,
        {name: pack_survey(survey) for name, survey in snapshot.surveys.items()},
    ]
    return marshal.dumps(fields)


def unpack_snapshot(
    packed: bytes, version: str, tracker_id: int, rows: Sequence[Metric], tracker: Tracker
) -> StatsSnapshot:
    """The snapshot; version, tracker id and rows are those of all workers."""
    uptime, addresses, counters, readings, distributions, renewals, numwants, surveys = marshal.loads(packed)  # noqa: S302
    snapshot = StatsSnapshot(version, tracker_id, uptime, rows)
    snapshot.addresses = addresses
    snapshot.counters = counters
    for each in readings:
        reading = unpack_reading(each)
        snapshot.readings[reading.gauge.name, reading.labels] = reading
    for name, text, bounds, counts, total in distributions:
        snapshot.distributions[name] = Distribution(Histogram(name, text, bounds), counts, total)
    snapshot.renewals = renewals
    snapshot.numwants = numwants
    snapshot.surveys = {name: unpack_survey(each, tracker) for name, each in surveys.items()}
    return snapshot


def pack_reading(reading: Reading) -> tuple[Any, ...]:
    """A reading as a tuple, with its gauge."""
    gauge = reading.gauge
    return (
        *(gauge.name, gauge.help, gauge.merging, gauge.alarm, gauge.least, gauge.most, gauge.text),
        *(reading.labels, reading.value),
    )


def unpack_reading(packed: tuple[Any, ...]) -> Reading:
    """The reading."""
    name, text, merging, alarm, least, most, people, labels, value = packed
    return Reading(Gauge(name, text, merging, alarm, least, most, people=people), labels, value)


def pack_survey(survey: Scan) -> Any:
    """A census as a list, or ranked networks as a dict."""
    if isinstance(survey, Census):
        numbers = [getattr(survey, name) for name in NUMBERS]
        return [*numbers, *(getattr(survey, name).heap for name in RANKINGS)]
    assert isinstance(survey, RankedNetworks)
    return {size: count.ranking.heap for size, count in survey.counts.items()}


def unpack_survey(packed: Any, tracker: Tracker) -> Scan:
    """The survey."""
    if isinstance(packed, dict):
        counts = {size: NetworkCount() for size in packed}
        for size, heap in packed.items():
            fill(counts[size].ranking, heap)
        return RankedNetworks(counts)
    census = Census(tracker)
    for name, value in zip(NUMBERS, packed, strict=False):
        setattr(census, name, value)
    for name, heap in zip(RANKINGS, packed[len(NUMBERS) :], strict=True):
        fill(getattr(census, name), heap)
    return census


def fill(ranking: Ranking, heap: list[tuple[int, bytes]]) -> None:
    """Fill an empty ranking."""
    for count, name in heap:
        ranking.offer(count, name)


class StreamedParts(OtherParts):
    """The snapshots of other workers, which come by streams; `complete` adds the values of the supervisor."""

    def __init__(
        self,
        streams: Sequence[RemoteStream],
        tracker: Tracker,
        complete: Callable[[StatsSnapshot], None],
    ) -> None:
        self.streams = list(streams)
        self.packed = [b""] * len(self.streams)
        self.tracker = tracker
        self.complete = complete

    def have_come(self) -> bool:
        """See OtherParts."""
        is_complete = True
        for number, stream in enumerate(self.streams):
            self.packed[number] += stream.take()
            is_complete = is_complete and stream.is_over
        return is_complete

    def merged(self, own: StatsSnapshot) -> StatsSnapshot:
        """See OtherParts."""
        parts = [
            unpack_snapshot(each, own.version, own.tracker_id, own.rows, self.tracker)
            for each in (pack_snapshot(own), *self.packed)
        ]
        whole = parts[0]
        for part in parts[1:]:
            whole.merge(part)
        self.complete(whole)
        return whole

    def close(self) -> None:
        """See OtherParts."""
        for stream in self.streams:
            stream.close()
