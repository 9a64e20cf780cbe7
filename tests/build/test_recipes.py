"""Commands of the pages: what they choose can be built, and make reads the Debian rules as they are meant."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from build_hook.features_file import load_features
from build_hook.resolution import resolve

ROOT = Path(__file__).parents[2]
BUILDING = (ROOT / "docs" / "building.md").read_text(encoding="utf-8")
CHOICE = re.compile(r"\b((?:WANT|OT)_[A-Z0-9_]+|OPENTRACKER_PROFILE)=([a-z0-9_-]+)")
# Blocks of commands for a shell; ```console blocks show errors.
BLOCK = re.compile(r"^```(?:sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every line of the pages that chooses something for a build."""
    pages = [(ROOT / "README.md").read_text(encoding="utf-8"), BUILDING]
    lines = [line for page in pages for block in BLOCK.findall(page) for line in block.splitlines()]
    return sorted({line.strip() for line in lines if CHOICE.search(line)})


def test_there_are_commands() -> None:
    assert len(commands()) > 5


@pytest.mark.parametrize("command", commands())
def test_what_a_command_chooses_can_be_built(command: str) -> None:
    assert resolve(ROOT, dict(CHOICE.findall(command))).flags


@pytest.mark.skipif(shutil.which("make") is None, reason="needs the command make")
def test_each_variant_of_the_debian_rules_is_built_and_installed_by_its_own_name(tmp_path: Path) -> None:
    """Else pybuild packs the first variant as the second."""
    rules = tmp_path / "rules"
    rules.write_text(
        re.findall(r"^```make\n(#!/usr/bin/make -f\n.*?)^```", BUILDING, re.MULTILINE | re.DOTALL)[0]
    )
    for step in ("build", "install"):
        done = subprocess.run(
            ["make", "-n", "-f", str(rules), f"override_dh_auto_{step}"],
            capture_output=True,
            text=True,
            check=True,
        )
        calls = [call for call in done.stdout.split(";") if f"dh_auto_{step}" in call]
        names = [re.findall(r"PYBUILD_NAME=(\S+)", call) for call in calls]
        assert names == [["open"], ["whitelist"]]
        if step == "build":
            profiles = [dict(CHOICE.findall(call))["OPENTRACKER_PROFILE"] for call in calls]
            assert profiles == ["open", "debian"]


def test_the_debian_profile_requires_nothing_beyond_the_usual() -> None:
    """Debian has neither gzip-stream nor nats-py."""
    assert resolve(ROOT, {"OPENTRACKER_PROFILE": "debian"}).dependencies() == []
    assert load_features(ROOT / "features.toml").dependencies
