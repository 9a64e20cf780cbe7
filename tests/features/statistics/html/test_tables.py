from xml.etree import ElementTree

import pytest

from opentracker._features import WANT_CLIENT_COUNT
from opentracker.features.statistics.html.tables import clients, counted, served, turned_down
from opentracker.swarm.counting.core_metrics import COUNTERS, OF_STATUSES
from opentracker.swarm.surveys.snapshot import StatsSnapshot

if WANT_CLIENT_COUNT:
    from opentracker.features.statistics.clients import NEWCOMERS


def rows(table: str) -> list[tuple[str | None, str | None]]:
    root = ElementTree.fromstring(table)
    return [(row[0].text, row[-1].text) for row in root.findall(".//tbody/tr")]


def snapshot(**counters: int) -> StatsSnapshot:
    found = StatsSnapshot("opentracker", 1, 1, COUNTERS + OF_STATUSES)
    found.counters.update(counters)
    return found


def test_the_largest_number_comes_first() -> None:
    found = rows(served(snapshot(udp_announces=5, tcp_announces=1234)))
    assert found[:2] == [("HTTP announces", "1,234"), ("UDP announces", "5")]
    assert ("Redirects", "0") in found


def test_reasons_that_were_not_met_are_left_out() -> None:
    assert rows(turned_down(snapshot())) == [("Nothing was turned down.", "Nothing was turned down.")]
    found = rows(turned_down(snapshot(http_404=2, udp_mismatches=3)))
    assert found == [("Datagrams without a valid connection id", "3"), ("HTTP 404: an unknown path", "2")]


def test_names_are_escaped() -> None:
    assert rows(counted("T & t", "What", [("<b>", 1, 7)], "none")) == [("<b>", "7")]


@pytest.mark.needs(WANT_CLIENT_COUNT=False)
def test_a_build_without_clients_has_no_table() -> None:
    assert clients(snapshot()) == ""


@pytest.mark.needs("WANT_CLIENT_COUNT")
def test_clients() -> None:
    told = snapshot()
    told.tell(NEWCOMERS, 3, 'client="Transmission"')
    assert rows(clients(told)) == [("Transmission", "3")]
