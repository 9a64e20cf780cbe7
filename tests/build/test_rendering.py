"""Descriptions of a build: _features.py, the record, the version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from build_hook.rendering import build_record, changed_constants, full_version, render_features
from build_hook.resolution import resolve

Choose = Callable[..., Any]


def test_features_are_final_literals_and_the_record_is_with_them(choose: Choose) -> None:
    build = choose(OPENTRACKER_PROFILE="whitelist")
    text = render_features(build, "minitracker", "0.1.0")
    assert "WANT_ACCESSLIST_WHITE: Final = True\n" in text
    assert "WANT_V6: Final = False\n" in text
    assert "OT_INTERVAL: Final = 900  # s\n" in text
    names: dict[str, Any] = {}
    exec(text, names)
    assert names["BUILD_RECORD"] == build_record(build, "minitracker", "0.1.0")
    record = json.loads(names["BUILD_RECORD"])
    assert record["flags"] == {name: names[name] for name in names if name.startswith("WANT_")}
    assert record["constants"] == {name: names[name] for name in names if name.startswith("OT_")}
    assert record["profile"] == "whitelist"
    assert record["changed_constants"] == {"OT_INTERVAL": {"value": 900, "default": 1800}}
    assert record["planned"] == ["WANT_FULLSCRAPE", "WANT_SYNC_LIVE"]
    assert names["KEY_FLAGS"] == {"greeting.text": "WANT_GREETING", "greeting.interval": ""}
    assert names["OPTION_FLAGS"] == {"g": "WANT_GREETING"}


def test_keys_are_those_of_the_project_whatever_file_chooses_the_flags(project: Path) -> None:
    text = (project / "features.toml").read_text()
    (project / "theirs.toml").write_text(text[: text.index("[sections.greetings]")])
    build = resolve(project, {"OPENTRACKER_FEATURES": "theirs.toml"})
    assert '"greeting.text": "WANT_GREETING"' in render_features(build, "minitracker", "0.1.0")


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
    choose: Choose, environment: dict[str, str], label: str
) -> None:
    assert full_version(choose(**environment), "0.1.0") == "0.1.0"
    named = choose(**environment, OPENTRACKER_LOCAL_VERSION="1")
    assert full_version(named, "0.1.0") == ("0.1.0+" + label).rstrip("+")


def test_constants_that_differ_have_both_values(choose: Choose) -> None:
    assert changed_constants(choose()) == {}
    assert changed_constants(choose(OT_VARIATION="300")) == {"OT_VARIATION": (300, 360)}
