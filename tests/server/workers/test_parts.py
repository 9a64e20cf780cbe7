"""Snapshots on their way between workers: nothing is lost."""

from opentracker.server.workers.parts import pack_snapshot, unpack_snapshot
from opentracker.swarm.counting.core_gauges import ITERATIONS, LONGEST_ITERATION
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import Networks
from opentracker.swarm.surveys.snapshot import CENSUS, NETWORKS, StatsSnapshot
from tests.swarm.crowd import done, known


def snapshot() -> StatsSnapshot:
    """A snapshot with a bit of everything."""
    tracker = known()
    made = StatsSnapshot("version", 7, 100, tracker.counters.rows)
    made.counters = tracker.counters.values()
    made.addresses = ["UDP 127.0.0.1:6969"]
    made.tell(LONGEST_ITERATION, 0.25)
    made.tell(LONGEST_ITERATION, 0.5, 'worker="1"')
    made.tell_distribution(ITERATIONS, [3] * (len(ITERATIONS.bounds) + 1), 1.5)
    made.renewals = [1, 2, 3]
    made.numwants = [4, 5]
    made.surveys = {CENSUS: done(Census(tracker)), NETWORKS: done(Networks(tracker))}
    return made


def test_a_snapshot_that_is_packed_is_unpacked() -> None:
    one = snapshot()
    two = unpack_snapshot(pack_snapshot(one), "version", 7, one.rows, known())
    for name in ("version", "tracker_id", "uptime", "addresses", "counters", "renewals", "numwants"):
        assert getattr(two, name) == getattr(one, name)
    readings = [
        {key: (each.value, each.gauge.help, each.gauge.merging) for key, each in which.readings.items()}
        for which in (one, two)
    ]
    assert readings[0] == readings[1]
    assert [(each.counts, each.total) for each in two.distributions.values()] == [
        (each.counts, each.total) for each in one.distributions.values()
    ]
    assert two.counted().peers() == one.counted().peers() > 0
    assert two.counted().by_peers.first(10) == one.counted().by_peers.first(10)
    for size, count in one.networks(NETWORKS).items():
        assert two.networks(NETWORKS)[size].ranking.first(10) == count.ranking.first(10)


def test_merged_parts_have_the_sums() -> None:
    one = snapshot()
    whole = unpack_snapshot(pack_snapshot(one), "version", 7, one.rows, known())
    whole.merge(one)
    assert whole.counted().torrents == 2 * one.counted().torrents
    assert whole.reading(LONGEST_ITERATION) == one.reading(LONGEST_ITERATION)
    assert whole.distributions[ITERATIONS.name].total == 3.0
