from opentracker.swarm.counting.core_metrics import COUNTERS
from opentracker.swarm.counting.metric import MOST, TRAFFIC, Gauge, Histogram
from opentracker.swarm.counting.network_count import SHOWN, SIZES, NetworkCount
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import Networks, RankedNetworks
from opentracker.swarm.surveys.snapshot import CENSUS, NETWORKS, StatsSnapshot
from tests.swarm.crowd import done, known

OPEN = Gauge("open", "Open.")
LONGEST = Gauge("longest", "Longest.", MOST)
LENGTHS = Histogram("lengths", "Lengths.", (1, 2))


def part(uptime: int) -> StatsSnapshot:
    """The snapshot of one worker."""
    snapshot = StatsSnapshot("opentracker 1", 7, uptime, COUNTERS)
    snapshot.counters.update(tcp_announces=10, udp_announces=20, udp_connects=30, tcp_scrapes=40)
    snapshot.renewals = [1, 2]
    snapshot.numwants = [0, 3]
    snapshot.tell(LONGEST, 0.001 * uptime)
    snapshot.tell(OPEN, 2, 'kind="a"')
    snapshot.tell_distribution(LENGTHS, [1, 0, uptime], 2.0)
    into = known()
    ranked = {SIZES[0]: NetworkCount()}
    ranked[SIZES[0]].ranking.offer(uptime, b"\x0a\0\0")
    snapshot.surveys = {
        CENSUS: done(Census(into)),
        NETWORKS: done(Networks(into)),
        "busy": RankedNetworks(ranked),
    }
    return snapshot


def test_rates() -> None:
    snapshot = part(10)
    successes = snapshot.successes()
    assert (successes, snapshot.per_second(successes), snapshot.per_second(9)) == (60, 6, 0)
    snapshot.uptime = 0
    assert snapshot.per_second(9) == 9


def test_two_parts_become_one() -> None:
    one = part(10)
    one.merge(part(30))
    assert one.uptime == 30
    assert (one.reading(LONGEST), one.reading(OPEN, 'kind="a"'), one.reading(OPEN)) == (0.03, 4, 0)
    assert (one.counters["tcp_announces"], one.successes()) == (20, 120)
    lengths = one.distributions[LENGTHS.name]
    assert (lengths.counts, lengths.total) == ([2, 0, 40], 4.0)
    assert (one.renewals, one.numwants) == ([2, 4], [0, 6])
    assert (one.counted().peers(), one.counted().torrents) == (30, 22)
    networks = one.networks(NETWORKS)[SIZES[0]]
    assert sum(times for times, _ in networks.ranking.first(SHOWN)) == 30
    assert one.networks("busy")[SIZES[0]].ranking.first(SHOWN) == [(40, b"\x0a\0\0")]


def test_a_part_may_know_what_another_does_not() -> None:
    """A member that one worker alone has heard of."""
    one, two = StatsSnapshot("opentracker 1", 7, 1), StatsSnapshot("opentracker 1", 7, 1)
    two.tell(OPEN, 5, 'kind="b"')
    two.tell_distribution(LENGTHS, [1, 0, 0], 1.0)
    two.counters["own"] = 3
    one.merge(two)
    assert one.reading(OPEN, 'kind="b"') == 5
    assert one.distributions[LENGTHS.name].counts == [1, 0, 0]
    assert one.count("own", "other") == 3


def test_counters_of_a_group() -> None:
    rows = part(1).of_group(TRAFFIC)
    assert "completed" in {row.name for row in rows}
    assert {row.group for row in rows} == {TRAFFIC}
