"""The counts of handshakes."""

import logging

import pytest

from opentracker.server.tls.metrics import COUNTERS, TEXTS, VERSION, HandshakeCounts
from opentracker.swarm.counting.counters import Counters


def test_each_kind_is_counted_by_itself() -> None:
    counters = Counters()
    counters.bring(COUNTERS)
    counts = HandshakeCounts(counters)
    counts.completed(False)
    counts.completed(True)
    for kind in TEXTS:
        counts.failed(kind, bytes(4), "")
    values = counters.values()
    assert {name: values[name] for name in values if name.startswith("tls_")} == {
        "tls_full": 1,
        "tls_resumed": 1,
        **dict.fromkeys(TEXTS, 1),
    }


def test_a_stranger_writes_no_line_above_debug(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    counters.bring(COUNTERS)
    with caplog.at_level(logging.DEBUG, "opentracker"):
        HandshakeCounts(counters).failed(VERSION, bytes([192, 0, 2, 1]), "UNSUPPORTED_PROTOCOL")
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("DEBUG", "a TLS handshake of 192.0.2.1 failed: UNSUPPORTED_PROTOCOL")
    ]
