"""Single choices: features file < profile < environment, and values that are none."""

from collections.abc import Callable
from typing import Any

import pytest

from build_hook.choices import default_choices, environment_choices
from build_hook.errors import BuildError
from build_hook.features_file import load_features
from build_hook.rules import check_range
from tests.build.workshop import ROOT

Choose = Callable[..., Any]

REFUSED = [
    ({"WANT_V6": "yes"}, "WANT_V6=yes (environment): a flag is 0 or 1"),
    ({"WANT_V6": "true"}, "WANT_V6=true (environment): a flag is 0 or 1"),
    ({"WANT_V6": " 1"}, "WANT_V6= 1 (environment): a flag is 0 or 1"),
    (
        {"OT_INTERVAL": "1e3"},
        "OT_INTERVAL=1e3 (environment): a whole number from 300 to 12000 (s) is allowed",
    ),
    (
        {"OT_INTERVAL": "9" * 5000},
        f"OT_INTERVAL={'9' * 5000} (environment): a whole number from 300 to 12000 (s) is allowed",
    ),
    (
        {"OT_INTERVAL": "99999999999999999999"},
        "OT_INTERVAL=99999999999999999999 (environment): from 300 to 12000 (s) is allowed",
    ),
    (
        {"OPENTRACKER_PROFILE": "debain"},
        "OPENTRACKER_PROFILE=debain (environment): no such profile; there are open, whitelist, ipv6, later",
    ),
]


@pytest.mark.parametrize(("environment", "message"), REFUSED, ids=[str(e)[:40] for e, _ in REFUSED])
def test_refused_in_one_line(choose: Choose, environment: dict[str, str], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        choose(**environment)
    assert str(caught.value) == message


FEATURES = load_features(ROOT / "features.toml")


@pytest.mark.parametrize("name", FEATURES.constants)
def test_the_bounds_that_a_range_names_can_be_reached(name: str) -> None:
    constant = FEATURES.constants[name]
    for bound in (constant.min, constant.max):
        if isinstance(bound, int):
            choices = default_choices(FEATURES, FEATURES) | environment_choices(FEATURES, {name: str(bound)})
            assert choices[name].value == bound
            check_range(FEATURES, choices, name)


def test_defaults_are_those_of_the_file(choose: Choose) -> None:
    build = choose()
    assert build.profile == "open"
    assert [name for name, value in build.flags.items() if value] == ["WANT_GREETING"]
    assert build.constants == {"OT_INTERVAL": 1800, "OT_VARIATION": 360}


def test_the_environment_wins_over_the_profile_and_that_over_the_file(choose: Choose) -> None:
    build = choose(OPENTRACKER_PROFILE="whitelist")
    assert build.flags["WANT_ACCESSLIST_WHITE"] is True
    assert build.constants["OT_INTERVAL"] == 900
    build = choose(OPENTRACKER_PROFILE="whitelist", WANT_ACCESSLIST_WHITE="0", OT_INTERVAL="12000")
    assert build.flags["WANT_ACCESSLIST_WHITE"] is False
    assert build.constants["OT_INTERVAL"] == 12000
