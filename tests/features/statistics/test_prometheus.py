"""`mode=prometheus`, read with the parser of the Prometheus project's own client library."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from opentracker import build_info
from opentracker._features import WANT_MAX_PEER, WANT_V4_ONLY, WANT_V6
from opentracker.features import statistics
from opentracker.features.statistics.page import Statistics
from opentracker.features.statistics.prometheus import prometheus
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS
from tests.features.stats import blessed, live_with, stats
from tests.protocol.http_cases import announce, get
from tests.server.live import Endpoint, Live, announce_packet
from tests.swarm.crowd import done

if WANT_MAX_PEER:
    from opentracker.server.limits import LimitSettings

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
    return parsed(answer.body.decode())


def parsed(exposition: str) -> dict[str, float]:
    """The samples of an exposition, each metric with its help text and type."""
    found: dict[str, float] = {}
    for metric in text_string_to_metric_families(exposition):
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
    families = [name for name in found if name.startswith("opentracker_peers{") and "role=seeder" in name]
    assert len(families) == (1 if WANT_V6 or WANT_V4_ONLY else 2)
    assert found["opentracker_uptime_seconds"] == 100
    assert found["opentracker_announces_total{protocol=udp}"] == 1
    assert found["opentracker_announces_total{protocol=http}"] == 1
    assert found["opentracker_udp_rejected_total{reason=connection_id}"] == 1
    assert found["opentracker_http_errors_total{cause=path,status=404}"] == 1
    assert found["opentracker_sockets{protocol=tcp}"] == found["opentracker_sockets{protocol=udp}"] == 1
    assert found["opentracker_loop_longest_iteration_seconds"] >= 0.0025
    assert found["opentracker_udp_lost_total{direction=in}"] == 0
    assert found["opentracker_statistics_total"] == 1


@pytest.mark.needs("WANT_MAX_PEER")
def test_memory_as_counted_and_as_it_is() -> None:
    settings = blessed()
    settings.of(LimitSettings).memory = 9_000_000
    live, to = live_with(settings=settings)
    limits = live.server.tracker.limits
    limits.totals.bytes = 1_000_000
    limits.measured(5_000_000)
    found = samples(live, to)
    live.close()
    sizes = [found[f"opentracker_memory_{kind}_bytes"] for kind in ("counted", "used", "limit")]
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
    live, _ = asked
    snapshot = live.server.part(Statistics).sources.snapshot()
    snapshot.surveys[CENSUS] = done(Census(live.server.tracker))
    told = [each for each in snapshot.readings.values() if each.gauge.kind() == "counter"]
    wanted = {each.gauge.name: each.value for each in told if not each.gauge.name.startswith("process_")}
    assert "opentracker_loop_busy_seconds_total" in wanted
    for number, row in enumerate(snapshot.rows):
        snapshot.counters[row.name] = 1000 + 10 * number
        labels = ",".join(sorted(row.labels.replace('"', "").split(",")))
        wanted[f"{row.family.name}{{{labels}}}" if labels else row.family.name] = 1000 + 10 * number
    found = parsed(prometheus(snapshot).decode())
    totals = {
        sample: value for sample, value in found.items() if re.match(r"opentracker_\w+_total\b", sample)
    }
    assert totals == wanted
    assert len(wanted) >= len(snapshot.rows) + 1


def test_the_loop_is_measured(asked: Asked) -> None:
    live, to = asked
    before = samples(live, to)
    live.clock.tick = 0.003  # whenever somebody looks: every iteration is longer
    for _ in range(10):
        live.iterate()
    live.clock.tick = 0.0
    after = samples(live, to)
    name = "opentracker_loop_iteration_seconds"
    assert after[f"{name}_count"] >= before[f"{name}_count"] + 10
    assert after[f"{name}_bucket{{le=0.001}}"] < after[f"{name}_count"] == after[f"{name}_bucket{{le=+Inf}}"]
    assert (
        after["opentracker_loop_busy_seconds_total"] >= before["opentracker_loop_busy_seconds_total"] + 0.03
    )
    assert after[f"{name}_sum"] == after["opentracker_loop_busy_seconds_total"]


def test_the_build_is_told_in_labels(asked: Asked) -> None:
    live, to = asked
    info = next(sample for sample in samples(live, to) if sample.startswith("opentracker_build_info"))
    record = build_info.record()
    assert f"version={record['version']}" in info
    assert f"profile={record['profile']}" in info
    assert f"changed={'yes' if record['is_changed'] else 'no'}" in info


def test_names_that_other_formats_ask_for_are_rows() -> None:
    """`count` gives 0 for an absent feature's counter, and for a misspelled one; this test tells them apart."""
    package = Path(statistics.__file__).parent
    asked_for = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("count", "rates", "recent"):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                asked_for |= {text for text in texts if isinstance(text, str)}
    live = Live()
    of_others = {"full_scrapes", "full_scrape_bytes", "sync_peers_received"}
    assert asked_for - of_others <= live.counters.values().keys()
    assert len(asked_for) > 10
    live.close()
