from typing import Literal

import pytest

from harness import goals


@pytest.mark.parametrize(
    ("direction", "measured", "start"),
    [
        ("at least", 1.4, "PASS udp compiled: goal at least 1.4 × c, measured 1.4 × c"),
        ("at least", 1.39, "FALLS SHORT udp compiled: goal at least 1.4 × c, measured 1.39 × c"),
        ("at most", 1.4, "PASS udp compiled: goal at most 1.4 × c, measured 1.4 × c"),
        ("at most", 1.41, "FALLS SHORT udp compiled: goal at most 1.4 × c, measured 1.41 × c"),
    ],
)
def test_a_verdict_names_the_goal_and_what_was_measured(
    direction: Literal["at least", "at most"], measured: float, start: str
) -> None:
    goal = goals.Goal("udp", "compiled", "c", direction, 1.4)
    assert goal.verdict("compiled", measured) == start


def test_the_base_of_a_revision_is_the_variant_of_the_same_revision(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ["pure", "pure-young", "pure@HEAD", "pure-young@HEAD", "pure@v1"]
    figures = {("pure", "pure-young"): 1.5, ("pure@HEAD", "pure-young@HEAD"): 0.5}
    goals.print_verdicts("udp-renewals", names, lambda name, base: figures[name, base])
    assert capsys.readouterr().out.splitlines() == [
        "PASS udp-renewals pure: goal at least 0.9 × pure-young, measured 1.5 × pure-young",
        "FALLS SHORT udp-renewals pure@HEAD: goal at least 0.9 × pure-young, measured 0.5 × pure-young",
        "",
    ]


def test_goals_that_nobody_was_measured_for_have_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    goals.print_verdicts("http", ["c", "compiled@HEAD", "pure"], lambda name, base: 1.5)
    assert capsys.readouterr().out.splitlines() == [
        "PASS http compiled@HEAD: goal at least 1.45 × c, measured 1.5 × c",
        "",
    ]


def test_the_revision_that_a_goal_compares_with_has_no_verdict_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = f"pure@{goals.BEFORE}"
    goals.print_verdicts(
        "http", ["pure", "pure@HEAD", before], lambda name, base: {"pure": 1.2}.get(name, 0.9)
    )
    assert capsys.readouterr().out.splitlines() == [
        f"PASS http pure: goal at least 1 × {before}, measured 1.2 × {before}",
        f"FALLS SHORT http pure@HEAD: goal at least 1 × {before}, measured 0.9 × {before}",
        "",
    ]
