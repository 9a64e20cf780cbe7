"""The rows of flags: every pair of values that can meet meets in one, and tox builds every row that can be built."""

import configparser
import itertools
import re
import tomllib
from types import SimpleNamespace
from typing import Any

import pytest

from build_hook.features_file import load_features
from tests.build.workshop import ROOT


@pytest.fixture(scope="module")
def features() -> Any:
    """features.toml of this repository."""
    return load_features(ROOT / "features.toml")


def profile_flags(features: Any, name: str) -> dict[str, bool]:
    """Return a profile's flags, none of them planned off."""
    return {flag: features.profiles[name].get(flag, default) for flag, default in features.flags.items()}


def pairs(features: Any) -> list[str]:
    """Return the names of the rows."""
    return [name for name in features.profiles if name.startswith("pair")]


def planned_in(features: Any, name: str) -> list[str]:
    """Return the planned flags that a profile sets."""
    return [flag for flag in features.planned if features.profiles[name].get(flag)]


def describe(pair: tuple[str, bool, str, bool]) -> str:
    one, a, two, b = pair
    return f"{one}={int(a)} with {two}={int(b)}"


def test_every_pair_of_flags_is_in_a_row(features: Any, pairwise: Any) -> None:
    rules = pairwise.Rules(features)
    rows = [profile_flags(features, name) for name in pairs(features)]
    assert all(rules.allowed(row) for row in rows)
    missing = set(rules.possible_pairs({})) - set().union(*map(pairwise.covered, rows))
    assert not missing, f"run `python tests/build/pairwise.py`: {', '.join(sorted(map(describe, missing)))}"


def test_every_pair_of_flags_that_exist_is_in_a_row_that_can_be_built(features: Any, pairwise: Any) -> None:
    rules = pairwise.Rules(features)
    off = dict.fromkeys(features.planned, False)
    rows = [profile_flags(features, name) | off for name in pairs(features) if not planned_in(features, name)]
    covered = set().union(*map(pairwise.covered, rows))
    missing = set(rules.possible_pairs(off)) - covered
    assert not missing, f"run `python tests/build/pairwise.py`: {', '.join(sorted(map(describe, missing)))}"


def test_a_pair_that_no_row_has_is_found(features: Any, pairwise: Any) -> None:
    features.flags["WANT_NEW"] = False
    try:
        rules = pairwise.Rules(features)
        rows = [profile_flags(features, name) for name in pairs(features)]
        missing = set(rules.possible_pairs({})) - set().union(*map(pairwise.covered, rows))
    finally:
        del features.flags["WANT_NEW"]
    assert {one if two == "WANT_NEW" else two for one, _, two, _ in missing} == set(features.flags)


def test_possible_pairs_are_those_of_all_allowed_sets(pairwise: Any) -> None:
    small = SimpleNamespace(
        flags=dict.fromkeys("ABCDE", False),
        planned=[],
        conflicts=[["A", "B"]],
        requires=[("C", ["A", "B"]), ("D", ["C"])],
    )
    rules = pairwise.Rules(small)
    every = [dict(zip("ABCDE", values, strict=True)) for values in itertools.product((True, False), repeat=5)]
    expected = set().union(*(pairwise.covered(row) for row in every if rules.allowed(row)))
    assert set(rules.possible_pairs({})) == expected
    found = pairwise.rows(small)
    assert set().union(*map(pairwise.covered, found)) == expected
    assert all(rules.allowed(row) for row in found)


def ready(features: Any) -> list[str]:
    """Return the profiles that set no planned flag."""
    return [name for name in features.profiles if not planned_in(features, name)]


def test_tox_builds_every_profile_that_can_be_built(features: Any) -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    environments = re.sub(
        r"(\w+){([\d,]+)}", lambda m: " ".join(m[1] + n for n in m[2].split(",")), config["tox"]["env_list"]
    ).split()
    profiles = re.findall(r"(\w+): OPENTRACKER_PROFILE = (\w+)", config["pkgenv"]["set_env"])
    # `open` is what each Python's own environment builds.
    expected = [name for name in ready(features) if name != "open"]
    assert profiles == [(name, name) for name in expected]
    assert set(expected) <= set(environments)


def test_rows_are_written_into_tox_ini(pairwise: Any) -> None:
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    names = re.findall(r"(?m)^    (pair\d+):", text)
    assert pairwise.tox_text(text, names) == text
    more = pairwise.tox_text(text, ["pair01", "pair02"])
    assert "    pair{01,02}\n" in more
    assert re.findall(r"(?m)^    (pair\d+):", more) == ["pair01", "pair02"]


def test_hatch_builds_every_profile_that_can_be_built(features: Any) -> None:
    (matrix,) = hatch_settings()["envs"]["variants"]["matrix"]
    assert matrix["profile"] == [name for name in ready(features) if not name.startswith("pair")]


def hatch_settings() -> Any:
    """Return [tool.hatch] of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]


def test_hatch_compiles_variants_with_what_a_compiled_wheel_requires() -> None:
    variants = hatch_settings()["envs"]["variants"]
    added = variants["overrides"]["env"]["WANT_COMPILED"]["dependencies"]
    required = hatch_settings()["build"]["targets"]["wheel"]["hooks"]["custom"]["compile-requires"]
    assert added == [{"value": requirement, "if": ["1"]} for requirement in required]


def test_profiles_name_only_what_differs_from_the_defaults(features: Any) -> None:
    repeated = [
        f"{name}: {flag}"
        for name, choices in features.profiles.items()
        for flag, value in choices.items()
        if flag in features.flags and value == features.flags[flag]
    ]
    assert not repeated
    assert features.profiles["open"] == {}
