"""Reproducible builds: what is built twice is the same, and a difference is told."""

import pytest

from builder import release
from builder.reproduce import reproduce

pytest.importorskip("hatchling", reason="hatchling is not installed")


def test_sdist_and_wheels_are_the_same_twice() -> None:
    results = reproduce(["open", "whitelist"])
    assert [name for name, _, _ in results] == ["sdist", "open", "whitelist"]
    assert all(first == second for _, first, second in results)
    assert len({first for _, first, _ in results}) == 3


def test_a_difference_is_told_and_is_an_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "reproduce", lambda variants: [("open", "aa", "aa"), ("other", "aa", "bb")])
    assert release.compare(["open"]) == 1
    assert capsys.readouterr().out.splitlines() == ["open       aa the same", "other      aa differs: bb"]
