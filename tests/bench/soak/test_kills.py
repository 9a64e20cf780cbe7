"""Kills under load: how a round is judged, and a few rounds with a real tracker."""

import sys
from pathlib import Path

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_SYNC_LIVE, WANT_V6
from soak.kills import GRACE, Round, judge, kill_rounds, report

A, B, C = b"a" * 20, b"b" * 20, b"c" * 20


def test_a_peer_from_before_the_last_finished_write_has_to_be_there() -> None:
    answered = {A: 1.0, B: 2.5, C: 3.5}
    good = judge(4.0, [2.0, 3.0], [2.2], answered, [B, C])
    assert (good.lost, good.faults, good.writing) == (2, [], True)
    assert good.oldest_lost == pytest.approx(1.5)
    assert good.last_begin == pytest.approx(2.0)
    assert good.write_time == pytest.approx(0.2)
    bad = judge(4.0, [2.0, 3.0], [2.2], answered, [A])
    assert bad.faults == ["1 peers are missing that were answered before the last write began"]


def test_what_was_answered_as_the_write_began_may_be_lost() -> None:
    assert judge(4.0, [2.0], [2.2], {A: 2.0 - GRACE / 2}, [A]).faults == []


def test_before_the_first_write_all_may_be_lost() -> None:
    early = judge(4.0, [3.9], [], {A: 1.0}, [A])
    assert (early.faults, early.last_begin, early.writing) == ([], None, True)


def test_the_report() -> None:
    text = report([Round(10, 2, 1.5, 1.6, True, 0.25), Round(20, 4, 2.5, 2.6, False, 0.5, ["x"])], 2)
    assert "| kills, of them during a write | 2, 1 |" in text
    assert "| announces answered, lost | 30, 6 |" in text
    assert "| oldest loss before the kill: median, most | 2.00 s, 2.50 s |" in text
    assert "| most beyond interval and longest write | 0.00 s |" in text
    assert "| faults | 1 |" in text


@pytest.mark.needs("WANT_FULL_STATE")
@pytest.mark.skipif(
    WANT_V6 or WANT_SYNC_LIVE or WANT_ACCESSLIST_WHITE, reason="the harness starts an open tracker over IPv4"
)
def test_kills_of_a_real_tracker(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    outcomes = kill_rounds([sys.executable, "-P", "-m", "opentracker"], tmp_path, 2, 1, 7)
    assert [each.faults for each in outcomes] == [[], []]
    assert all(each.answered > 0 for each in outcomes)
