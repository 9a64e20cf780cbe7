"""Outcomes in words, in JSON, and as a status."""

import json

import pytest

from opentracker.check.exchange import Outcome
from opentracker.check.messages import Findings
from opentracker.check.report import CRITICAL, OK, WARNING, as_json, line, status_of

GOOD = Outcome(4, "192.0.2.1", [("connect", 0.001), ("announce", 0.0025)], Findings(1800, 0, 1, 2, 3))
BAD = Outcome(6, "2001:db8::1", [("connect", 0.001)], error="no answer within 5 s")


@pytest.mark.parametrize(
    ("outcomes", "slow", "status"),
    [
        ([GOOD], 1, OK),
        ([GOOD], 0.002, WARNING),
        ([GOOD, BAD], 1, WARNING),
        ([BAD], 1, CRITICAL),
        ([BAD, BAD], 1, CRITICAL),
    ],
)
def test_the_status(outcomes: list[Outcome], slow: float, status: int) -> None:
    assert status_of(outcomes, slow) == status


def test_a_line() -> None:
    assert line("udp://a:1", [GOOD, BAD], WARNING) == (
        "WARNING udp://a:1: IPv4 192.0.2.1: connect 1.0 ms, announce 2.5 ms, 1 seeders, 3 leechers, 2 downloads, "
        "interval 1800 s; IPv6 2001:db8::1: connect 1.0 ms, no answer within 5 s"
    )


def test_json() -> None:
    found = json.loads(as_json("udp://a:1", [GOOD, BAD], WARNING))
    assert (found["tracker"], found["status"]) == ("udp://a:1", "WARNING")
    good, bad = found["families"]
    assert (good["ms"], good["incomplete"], good["error"]) == ({"connect": 1.0, "announce": 2.5}, 3, None)
    assert (bad["family"], bad["error"], bad["interval"]) == (6, "no answer within 5 s", None)
