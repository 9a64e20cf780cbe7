"""Gauges and histograms: names that Prometheus takes."""

import re

from opentracker.swarm.counting import core_gauges
from opentracker.swarm.counting.metric import Gauge, Histogram

DEFINED = [each for each in vars(core_gauges).values() if isinstance(each, Gauge | Histogram)]


def test_names_and_texts() -> None:
    assert len({each.name for each in DEFINED}) == len(DEFINED) > 15
    for each in DEFINED:
        assert re.fullmatch(r"(opentracker|process)_[a-z_]+", each.name)
        assert each.help.endswith(".")


def test_bounds_rise() -> None:
    for each in DEFINED:
        if isinstance(each, Histogram):
            assert list(each.bounds) == sorted(set(each.bounds))
