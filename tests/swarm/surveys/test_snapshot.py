from opentracker.swarm.counting.network_count import SHOWN, SIZES, NetworkCount
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import Networks
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.swarm.crowd import done, known


def part(uptime: int) -> StatsSnapshot:
    """What a worker would tell."""
    figures = StatsSnapshot("opentracker 1", 7, uptime)
    figures.counters["tcp_announces"] = 10
    figures.counters["udp_announces"] = 20
    figures.counters["udp_connects"] = 30
    figures.counters["tcp_scrapes"] = 40
    figures.renewals = [1, 2]
    figures.numwants = [0, 3]
    figures.longest_turn = 0.001 * uptime
    figures.connections = 2
    figures.memory = {"counted": uptime, "limit": 100}
    into = known()
    figures.census, figures.networks = done(Census(into)), done(Networks(into))
    figures.ranked = {"busy": {SIZES[0]: NetworkCount()}}
    figures.ranked["busy"][SIZES[0]].ranking.offer(uptime, b"\x0a\0\0")
    return figures


def test_rates() -> None:
    figures = part(10)
    assert (figures.successes(), figures.per_second(figures.successes()), figures.per_second(9)) == (60, 6, 0)
    figures.uptime = 0
    assert figures.per_second(9) == 9


def test_two_parts_become_one() -> None:
    one = part(10)
    one.merge(part(30))
    assert (one.uptime, one.longest_turn, one.connections) == (30, 0.03, 4)
    assert (one.counters["tcp_announces"], one.successes()) == (20, 120)
    assert one.memory == {"counted": 40, "limit": 200}
    assert (one.renewals, one.numwants) == ([2, 4], [0, 6])
    assert (one.counted().peers(), one.counted().torrents) == (30, 22)
    assert one.networks is not None
    assert sum(times for times, _ in one.networks.counts[SIZES[0]].ranking.first(SHOWN)) == 30
    assert one.ranked["busy"][SIZES[0]].ranking.first(SHOWN) == [(40, b"\x0a\0\0")]
