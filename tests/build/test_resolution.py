"""The resolution: which features file is in force, and everything a build knows when every choice is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from build_hook.errors import BuildError
from build_hook.rendering import changed_constants, full_version

Choose = Callable[..., Any]

REFUSED = [
    ({"OPENTRACKER_LOCAL_VERSION": "yes"}, "OPENTRACKER_LOCAL_VERSION=yes (environment): it is 0 or 1"),
    (
        {"OPENTRACKER_FEATURES": "/no/such/file"},
        "OPENTRACKER_FEATURES=/no/such/file (environment): no such file; it names a whole features.toml",
    ),
]


@pytest.mark.parametrize(("environment", "message"), REFUSED, ids=[" ".join(e) for e, _ in REFUSED])
def test_refused_in_one_line(choose: Choose, environment: dict[str, str], message: str) -> None:
    with pytest.raises(BuildError) as caught:
        choose(**environment)
    assert str(caught.value) == message


def test_a_variable_set_to_nothing_is_not_set(choose: Choose) -> None:
    assert choose(WANT_GREETING="", OT_INTERVAL="", WANT_TYPO="", OPENTRACKER_PROFILE="").flags[
        "WANT_GREETING"
    ]


def test_flags_without_a_meaning_are_named_and_change_nothing(choose: Choose) -> None:
    build = choose(WANT_DEV_RANDOM="1")
    assert build.flags == choose().flags
    assert build.notes == (
        "WANT_DEV_RANDOM=1 (environment) has no meaning here: randomness always comes from the operating system",
    )


def swapped(project: Path, old: str, new: str) -> str:
    text = (project / "features.toml").read_text()
    assert old in text
    other = project / "other.toml"
    other.write_text(text.replace(old, new, 1))
    return str(other)


def test_another_features_file_takes_the_place_of_ours(project: Path, choose: Choose) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_V6 = true")
    assert choose(OPENTRACKER_FEATURES=other).flags["WANT_V6"] is True
    assert choose(OPENTRACKER_FEATURES="other.toml").flags["WANT_V6"] is True


def test_what_another_features_file_changes_is_named_like_any_change(project: Path, choose: Choose) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_V6 = true")
    (project / "other.toml").write_text(
        (project / "other.toml").read_text().replace("value = 360", "value = 300")
    )
    build = choose(OPENTRACKER_FEATURES=other, OPENTRACKER_LOCAL_VERSION="1")
    assert full_version(build, "0.1.0") == "0.1.0+v6.variation300"
    assert changed_constants(build) == {"OT_VARIATION": (300, 360)}


def test_another_features_file_has_every_name_and_no_power_over_what_is_not_written(
    project: Path, choose: Choose
) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_OTHER = false")
    with pytest.raises(BuildError, match="WANT_V6"):
        choose(OPENTRACKER_FEATURES=other)
    swapped(project, "WANT_GREETING = true", "# WANT_GREETING = true")
    with pytest.raises(BuildError, match="WANT_GREETING"):
        choose(OPENTRACKER_FEATURES=other)
    swapped(project, "WANT_SYNC_LIVE = false", "WANT_SYNC_LIVE = true")
    with pytest.raises(BuildError, match=r"WANT_SYNC_LIVE=1 \(other\.toml:13\): not in this version"):
        choose(OPENTRACKER_FEATURES=other)
    (project / "other.toml").write_text(
        (project / "features.toml")
        .read_text()
        .replace('"WANT_FULLSCRAPE", "WANT_SYNC_LIVE"]', '"WANT_FULLSCRAPE"]')
        .replace("WANT_SYNC_LIVE = false", "WANT_SYNC_LIVE = true")
    )
    with pytest.raises(BuildError, match="not in this version"):
        choose(OPENTRACKER_FEATURES=other)
