"""The rows that every build has: names that Prometheus takes, samples that differ, and texts for people."""

import re

from opentracker.swarm.counting.core_metrics import COUNTERS, OF_LIMITS, OF_STATUSES
from opentracker.swarm.counting.metric import NOT_STORED, SERVED, TURNED_DOWN

ALL = COUNTERS + OF_STATUSES + OF_LIMITS


def test_no_two_rows_are_the_same_sample() -> None:
    assert len({row.name for row in ALL}) == len(ALL)
    assert len({(row.family.name, row.labels) for row in ALL}) == len(ALL)
    assert len({row.text for row in ALL}) == len(ALL)


def test_names_are_those_of_counters() -> None:
    for row in ALL:
        assert re.fullmatch(r"opentracker_[a-z_]+_total", row.family.name)
        assert row.family.help.endswith(".")
        assert re.fullmatch(r'([a-z]+="[a-z0-9_]*"(,|$))*', row.labels), row.labels


def test_a_family_is_one_object() -> None:
    """Two of one name would give an exposition two help texts."""
    families = {row.family.name: row.family for row in ALL}
    assert all(families[row.family.name] is row.family for row in ALL)


def test_requests_are_parts_of_a_total() -> None:
    for row in ALL:
        assert bool(row.part_of) is (row.group in (SERVED, TURNED_DOWN)), row.name
    assert {row.group for row in OF_LIMITS} == {NOT_STORED}
