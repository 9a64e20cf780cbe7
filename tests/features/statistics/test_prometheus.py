"""`mode=prometheus`, read with the parser of the Prometheus project's own client library."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.features.statistics.prometheus import escaped
from tests.features.stats import blessed, live_with, stats
from tests.protocol.http_cases import announce, get
from tests.server.live import Endpoint, Live, announce_packet

Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


def samples(live: Live, to: Endpoint) -> dict[str, float]:
    """All samples by name and labels."""
    answer = stats(live, to, "mode=prometheus")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {}
    for metric in text_string_to_metric_families(answer.body.decode()):
        assert metric.documentation.endswith("."), metric.name
        assert metric.type in ("counter", "gauge", "histogram"), metric.name
        for sample in metric.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            assert (sample.name, labels) not in found
            if metric.type == "counter":
                assert sample.name.endswith("_total")
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_known_content(asked: Asked) -> None:
    live, to = asked
    client = live.udp(live.listen_udp())
    client.ask(announce_packet(client.connect()))
    client.ask(announce_packet(bytes(8)))
    live.ask(to, announce(7000))
    live.ask(to, get(b"/nothing"))
    live.server.loop.longest_turn = 0.0025
    found = samples(live, to)
    assert found["opentracker_torrents"] == 12
    assert sum(value for name, value in found.items() if name.startswith("opentracker_peers{")) == 17
    assert sum("role=seeder" in name for name in found) == (1 if WANT_V6 or WANT_V4_ONLY else 2)
    assert found["opentracker_uptime_seconds"] == 100
    assert found["opentracker_announces_total{protocol=udp}"] == 1
    assert found["opentracker_announces_total{protocol=http}"] == 1
    assert found["opentracker_udp_rejected_total{reason=connection_id}"] == 1
    assert found["opentracker_http_errors_total{cause=path,status=404}"] == 1
    assert found["opentracker_sockets{protocol=tcp}"] == found["opentracker_sockets{protocol=udp}"] == 1
    assert found["opentracker_loop_longest_turn_seconds"] >= 0.0025
    assert found["opentracker_udp_lost_total{direction=in}"] == 0
    assert found["opentracker_statistics_total"] == 1


@pytest.mark.needs("WANT_MAX_PEER")
def test_memory_as_counted_and_as_it_is() -> None:
    settings = blessed()
    settings.limit_memory = 9_000_000
    live, to = live_with(settings=settings)
    limits = live.server.tracker.limits
    limits.totals.bytes = 1_000_000
    limits.measured(5_000_000)
    found = samples(live, to)
    live.close()
    kinds = ("counted", "used", "limit")
    sizes = [found[f"opentracker_memory_bytes{{kind={kind}}}"] for kind in kinds]
    assert sizes == [1_000_000, 5_000_000, 9_000_000]


def test_renewals_are_a_histogram(asked: Asked) -> None:
    live, to = asked
    live.server.tracker.renewals[0] = 3
    live.server.tracker.renewals[30] = 5
    live.server.tracker.renewals[60] = 1
    found = samples(live, to)
    assert found["opentracker_renewal_age_seconds_bucket{le=300}"] == 3
    assert found["opentracker_renewal_age_seconds_bucket{le=1800}"] == 3
    assert found["opentracker_renewal_age_seconds_bucket{le=2100}"] == 8
    assert found["opentracker_renewal_age_seconds_bucket{le=+Inf}"] == 9
    assert found["opentracker_renewal_age_seconds_count"] == 9
    assert found["opentracker_renewal_age_seconds_sum"] == (3 * 0.5 + 5 * 30.5 + 60.5) * 60


def test_every_counter_is_shown(asked: Asked) -> None:
    """Each with a value of its own, so that none stands for another."""
    live, to = asked
    for number, name in enumerate(live.counters.values()):
        setattr(live.counters, name, 1000 + number)
    live.server.sockets, sockets = [], live.server.sockets  # no drops are asked for
    found = set(samples(live, to).values())
    live.server.sockets = sockets
    missing = [
        name
        for number, name in enumerate(live.counters.values())
        if not found & {1000 + number, 1001 + number}
    ]
    assert set(missing) <= {"udp_dropped"}, "a counter that no metric shows"


def test_values_of_labels_are_escaped() -> None:
    assert escaped('a"b\\c\nd') == 'a\\"b\\\\c\\nd'
