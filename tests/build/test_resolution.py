"""Choices: features file < profile < environment; what cannot be is one line that names everything about it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Resolve = Callable[..., Any]

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"WANT_V6": "yes"}, "WANT_V6=yes (environment): a flag is 0 or 1"),
    ({"WANT_V6": "true"}, "WANT_V6=true (environment): a flag is 0 or 1"),
    ({"WANT_V6": " 1"}, "WANT_V6= 1 (environment): a flag is 0 or 1"),
    ({"WANT_VG": "1"}, "WANT_VG=1 (environment): no such flag; the nearest known one is WANT_V6"),
    ({"OT_INTERVALL": "600"}, "OT_INTERVALL=600 (environment): no such constant; the nearest known one is OT_INTERVAL"),
    (
        {"WANT_ACCESSLIST_WHITE": "1", "WANT_ACCESSLIST_BLACK": "1"},
        "WANT_ACCESSLIST_BLACK=1 (environment) and WANT_ACCESSLIST_WHITE=1 (environment) exclude each other"
        " (features.toml:26): at most one of them is allowed",
    ),
    (
        {"OPENTRACKER_PROFILE": "whitelist", "WANT_ACCESSLIST_BLACK": "1"},
        "WANT_ACCESSLIST_BLACK=1 (environment) and WANT_ACCESSLIST_WHITE=1 (profile whitelist, features.toml:58)"
        " exclude each other (features.toml:26): at most one of them is allowed",
    ),
    (
        {"WANT_GZIP": "1", "WANT_FULLSCRAPE": "0"},
        "WANT_GZIP=1 (environment) needs WANT_FULLSCRAPE (features.toml:33); there is WANT_FULLSCRAPE=0 (environment)",
    ),
    (
        {"WANT_DYNAMIC": "1"},
        "WANT_DYNAMIC=1 (environment) needs WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE (features.toml:29);"
        " there is WANT_ACCESSLIST_BLACK=0 (features.toml:7), WANT_ACCESSLIST_WHITE=0 (features.toml:8)",
    ),
    ({"WANT_SYNC_LIVE": "1"}, "WANT_SYNC_LIVE=1 (environment): not in this version; only 0 is allowed"),
    ({"WANT_FULLSCRAPE": "1"}, "WANT_FULLSCRAPE=1 (environment): not in this version; only 0 is allowed"),
    (
        {"OPENTRACKER_PROFILE": "later"},
        "WANT_SYNC_LIVE=1 (profile later, features.toml:65): not in this version; only 0 is allowed",
    ),
    (
        {"WANT_GZIP": "1"},
        "WANT_GZIP=1 (environment) needs WANT_FULLSCRAPE (features.toml:33); there is WANT_FULLSCRAPE=0 (not in this version)",
    ),
    ({"OT_INTERVAL": "0"}, "OT_INTERVAL=0 (environment): from 300 to 12000 (s) is allowed"),
    ({"OT_INTERVAL": "1e3"}, "OT_INTERVAL=1e3 (environment): a whole number from 300 to 12000 (s) is allowed"),
    ({"OT_INTERVAL": "9" * 5000}, f"OT_INTERVAL={'9' * 5000} (environment): a whole number from 300 to 12000 (s) is allowed"),
    (
        {"OT_VARIATION": "901", "OPENTRACKER_PROFILE": "whitelist"},
        "OT_VARIATION=901 (environment): from 0 to OT_INTERVAL (s) is allowed; OT_INTERVAL is 900"
        " (profile whitelist, features.toml:59)",
    ),
    (
        {"OPENTRACKER_PROFILE": "debain"},
        "OPENTRACKER_PROFILE=debain (environment): no such profile; there are open, whitelist, ipv6, later",
    ),
    ({"OPENTRACKER_LOCAL_VERSION": "yes"}, "OPENTRACKER_LOCAL_VERSION=yes (environment): it is 0 or 1"),
    (
        {"OPENTRACKER_PROFIL": "ipv6"},
        "OPENTRACKER_PROFIL=ipv6 (environment): no such variable; the nearest known one is OPENTRACKER_PROFILE",
    ),
    (
        {"OPENTRACKER_FEATURES": "/no/such/file"},
        "OPENTRACKER_FEATURES=/no/such/file (environment): no such file; it names a whole features.toml",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "message"), REFUSED, ids=[" ".join(e)[:40] for e, _ in REFUSED])
def test_refused_in_one_line(hook: Any, resolve: Resolve, environment: dict[str, str], message: str) -> None:
    with pytest.raises(hook.BuildError) as caught:
        resolve(**environment)
    assert str(caught.value) == message


def test_defaults_are_those_of_the_file_and_planned_flags_are_off(resolve: Resolve) -> None:
    build = resolve()
    assert build.profile == "open"
    assert [name for name, value in build.flags.items() if value] == ["WANT_GREETING"]
    assert build.constants == {"OT_INTERVAL": 1800, "OT_VARIATION": 360}


def test_the_environment_wins_over_the_profile_and_that_over_the_file(resolve: Resolve) -> None:
    build = resolve(OPENTRACKER_PROFILE="whitelist")
    assert build.flags["WANT_ACCESSLIST_WHITE"] is True
    assert build.constants["OT_INTERVAL"] == 900
    build = resolve(OPENTRACKER_PROFILE="whitelist", WANT_ACCESSLIST_WHITE="0", OT_INTERVAL="12000")
    assert build.flags["WANT_ACCESSLIST_WHITE"] is False
    assert build.constants["OT_INTERVAL"] == 12000


def test_a_variable_set_to_nothing_is_not_set(resolve: Resolve) -> None:
    assert resolve(WANT_GREETING="", OT_INTERVAL="", WANT_TYPO="", OPENTRACKER_PROFILE="").flags[
        "WANT_GREETING"
    ]


def test_a_planned_flag_may_be_set_to_what_it_is(resolve: Resolve) -> None:
    assert resolve(WANT_FULLSCRAPE="0", WANT_SYNC_LIVE="0").flags["WANT_FULLSCRAPE"] is False


def test_conflicts_and_needs_are_told_before_what_is_planned(hook: Any, resolve: Resolve) -> None:
    with pytest.raises(hook.BuildError, match=r"WANT_SYNC_LIVE=1 .* needs WANT_GREETING"):
        resolve(WANT_SYNC_LIVE="1", WANT_GREETING="0")


def test_flags_without_a_meaning_are_named_and_change_nothing(resolve: Resolve) -> None:
    build = resolve(WANT_DEV_RANDOM="1")
    assert build.flags == resolve().flags
    assert build.notes == (
        "WANT_DEV_RANDOM=1 (environment) has no meaning here: randomness always comes from the operating system",
    )


def test_variables_of_other_programs_are_left_alone(resolve: Resolve) -> None:
    resolve(OPENTRACKER_SERVICE_HOST="10.0.0.1", OPENTRACKER_PORT="6969", MY_WANT_V6="yes")


def swapped(project: Path, old: str, new: str) -> str:
    text = (project / "features.toml").read_text()
    assert old in text
    other = project / "other.toml"
    other.write_text(text.replace(old, new, 1))
    return str(other)


def test_another_features_file_takes_the_place_of_ours(project: Path, resolve: Resolve) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_V6 = true")
    assert resolve(OPENTRACKER_FEATURES=other).flags["WANT_V6"] is True
    assert resolve(OPENTRACKER_FEATURES="other.toml").flags["WANT_V6"] is True


def test_what_another_features_file_changes_is_named_like_any_change(
    hook: Any, project: Path, resolve: Resolve
) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_V6 = true")
    (project / "other.toml").write_text(
        (project / "other.toml").read_text().replace("value = 360", "value = 300")
    )
    build = resolve(OPENTRACKER_FEATURES=other, OPENTRACKER_LOCAL_VERSION="1")
    assert hook.full_version(build, "0.1.0") == "0.1.0+v6.variation300"
    assert hook.changed_constants(build) == {"OT_VARIATION": (300, 360)}


def test_another_features_file_has_every_name_and_no_power_over_what_is_not_written(
    hook: Any, project: Path, resolve: Resolve
) -> None:
    other = swapped(project, "WANT_V6 = false", "WANT_OTHER = false")
    with pytest.raises(hook.BuildError, match="WANT_V6"):
        resolve(OPENTRACKER_FEATURES=other)
    swapped(project, "WANT_GREETING = true", "# WANT_GREETING = true")
    with pytest.raises(hook.BuildError, match="WANT_GREETING"):
        resolve(OPENTRACKER_FEATURES=other)
    swapped(project, "WANT_SYNC_LIVE = false", "WANT_SYNC_LIVE = true")
    with pytest.raises(hook.BuildError, match=r"WANT_SYNC_LIVE=1 \(other\.toml:13\): not in this version"):
        resolve(OPENTRACKER_FEATURES=other)
    (project / "other.toml").write_text(
        (project / "features.toml")
        .read_text()
        .replace('"WANT_FULLSCRAPE", "WANT_SYNC_LIVE"]', '"WANT_FULLSCRAPE"]')
        .replace("WANT_SYNC_LIVE = false", "WANT_SYNC_LIVE = true")
    )
    with pytest.raises(hook.BuildError, match="not in this version"):
        resolve(OPENTRACKER_FEATURES=other)


@pytest.mark.parametrize(
    ("environment", "label"),
    [
        ({}, ""),
        ({"WANT_V6": "1", "WANT_ACCESSLIST_WHITE": "1"}, "v6.white"),
        ({"WANT_GREETING": "0"}, "nogreeting"),
        ({"OPENTRACKER_PROFILE": "whitelist"}, "white.interval900"),
        ({"WANT_V4_ONLY": "1", "OT_VARIATION": "0"}, "v4only.variation0"),
    ],
)
def test_the_local_version_names_what_differs(
    hook: Any, resolve: Resolve, environment: dict[str, str], label: str
) -> None:
    assert hook.full_version(resolve(**environment), "0.1.0") == "0.1.0"
    named = resolve(**environment, OPENTRACKER_LOCAL_VERSION="1")
    assert hook.full_version(named, "0.1.0") == ("0.1.0+" + label).rstrip("+")


def test_peers_outlive_the_longest_interval(hook: Any) -> None:
    root = Path(hook.__file__).parent
    assert hook.resolve(root, {"OT_PEER_TIMEOUT": "42"}).constants["OT_PEER_TIMEOUT"] == 42
    with pytest.raises(
        hook.BuildError, match=r"OT_PEER_TIMEOUT=41 \(environment\): at least 42 min is allowed"
    ):
        hook.resolve(root, {"OT_PEER_TIMEOUT": "41"})
    with pytest.raises(hook.BuildError, match=r"OT_PEER_TIMEOUT=45 \(features\.toml:\d+\): at least 246 min"):
        hook.resolve(root, {"OT_CLIENT_REQUEST_INTERVAL": "11612"})
