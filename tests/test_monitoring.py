"""docs/monitoring: queries and rules name metrics that a full build has, and the rules' own tests pass."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_DENY, WANT_FULLSCRAPE, WANT_SYNC_LIVE, WANT_TLS
from opentracker.server.system.process import ProcessFeature
from tests.features.stats import blessed, live_with, stats
from tests.protocol.http_cases import announce

if WANT_DENY:
    from opentracker.features.denial.feature import DenialSettings
if WANT_FULLSCRAPE:
    from opentracker.features.state.feature import StateSettings
if WANT_SYNC_LIVE:
    from opentracker.features.cluster.livesync import LiveSync
if WANT_TLS:
    from opentracker.server.tls.metrics import NOT_AFTER

MONITORING = Path(__file__).parents[1] / "docs" / "monitoring"
METRIC = re.compile(r"\b(?:opentracker|process)_[a-z_]+\b(?:\{[^}]*\})?")
LABEL = re.compile(r'(\w+)(=~?)"([^"]*)"')
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ", re.MULTILINE)


def dashboard() -> Any:
    return json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))


def expressions(node: Any) -> Iterator[str]:
    """The queries of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for each in node:
            yield from expressions(each)


def rule_expressions() -> list[str]:
    """The queries of the alert rules; a folded one has its lines below it."""
    text = (MONITORING / "opentracker.rules.yml").read_text(encoding="utf-8")
    return re.findall(r"expr: >?\s*(.*?)\n        (?:for|labels):", text, re.DOTALL)


def exposition(folder: Path) -> str:
    """The exposition of a tracker with a list, a state file, a member and a client."""
    settings = blessed()
    if WANT_FULLSCRAPE:
        settings.of(StateSettings).file = folder / "state"
    if WANT_DENY:
        (folder / "denied").write_text("192.0.2.0/24\n")
        settings.of(DenialSettings).path = folder / "denied"
    live, to = live_with(settings=settings)
    if WANT_TLS:  # as a tracker with a certificate does
        live.server.sources.append(
            lambda snapshot: snapshot.tell(NOT_AFTER, 0, 'certificate="tracker.example"')
        )
    process = ProcessFeature(settings)
    process.open()
    process.join(live.server)
    if WANT_SYNC_LIVE:
        live.server.part(LiveSync).members.expect(bytes([192, 0, 2, 1]))
    live.ask(to, announce(7000))
    text = stats(live, to, "mode=prometheus").body.decode()
    live.close()
    process.close()
    return text


@pytest.mark.needs("WANT_SYNC_LIVE", "WANT_ACCESSLIST_WHITE", "WANT_FULLSCRAPE", "WANT_MAX_PEER")
@pytest.mark.needs("WANT_CLIENT_COUNT", "WANT_BOGON_FILTER", "WANT_STATS_PROMETHEUS")
def test_queries_and_rules_name_metrics_that_exist(tmp_path: Path) -> None:
    """And labels with values that exist, where a query names one."""
    known: dict[str, list[dict[str, str]]] = {}
    for match in SAMPLE.finditer(exposition(tmp_path)):
        found = {key: value for key, _, value in LABEL.findall(match[2] or "")}
        known.setdefault(match[1], []).append(found)
    selectors = [
        selector
        for query in [*expressions(dashboard()), *rule_expressions()]
        for selector in METRIC.findall(query)
    ]
    assert len(selectors) > 60
    for selector in selectors:
        name, _, rest = selector.partition("{")
        assert name in known, selector
        for key, operator, value in LABEL.findall(rest):
            if key in ("instance", "job"):
                continue
            wanted = value.split("|") if operator == "=~" else [value]
            assert {each.get(key) for each in known[name]} >= set(wanted), selector


def test_rules_have_tests_and_a_line_in_the_page() -> None:
    rules = re.findall(r"alert: (\w+)", (MONITORING / "opentracker.rules.yml").read_text(encoding="utf-8"))
    tests = (MONITORING / "opentracker.rules.test.yml").read_text(encoding="utf-8")
    page = (MONITORING / "README.md").read_text(encoding="utf-8")
    assert len(rule_expressions()) == len(rules) == len(set(rules)) > 10
    for rule in rules:
        assert len(re.findall(rf"alertname: {rule}\b", tests)) == 2, (
            f"{rule}: one that fires, one that does not"
        )
        assert f"`{rule}`" in page


def test_the_rules_fire_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    for arguments in (
        ["check", "rules", "opentracker.rules.yml"],
        ["test", "rules", "opentracker.rules.test.yml"],
    ):
        done = subprocess.run(
            [promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_overlap() -> None:
    places = set()
    for panel in dashboard()["panels"]:
        grid = panel["gridPos"]
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                assert (x, y) not in places, panel["title"]
                assert x < 24
                places.add((x, y))
    identifiers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(identifiers)) == len(identifiers)
