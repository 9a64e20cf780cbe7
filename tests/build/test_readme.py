"""The README's commands, run in a copy of the repository as a newcomer runs them: they need a package index."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.build.workshop import ROOT, copy_repository, run_in_shell
from tests.server.process import Tracker

README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = ROOT / ".ci" / "run"
PORTS = ("-i", "127.0.0.1", "-p", "0", "-P", "0")  # the README's own 6969 may be taken
LONG = 600.0  # seconds for a command that installs


def commands(title: str) -> list[str]:
    """The lines of the first block below a heading of the README."""
    section = README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return section.split("```")[1].strip().splitlines()


def run(clone: Path, command: str) -> str:
    """Run a command in the shell, with this Python as `python3`; return its standard output."""
    words = re.sub(r"\bpython3\b", sys.executable, command)
    done = run_in_shell(clone, words, LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def flags_of_the_installed(clone: Path) -> dict[str, bool]:
    """The flags of the tracker that is installed in the copy's environment."""
    flags: dict[str, bool] = json.loads(run(clone, ".venv/bin/opentracker --version --json"))["flags"]
    return flags


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    asked = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "hatchling"]
    if subprocess.run(asked, check=False, capture_output=True, timeout=LONG).returncode:
        pytest.skip("needs a package index")
    copy_repository(folder / "opentracker")
    (line,) = commands("Start a tracker")
    run(folder / "opentracker", line.rpartition(" && ")[0])
    return folder / "opentracker"


def test_the_first_command_starts_a_tracker(clone: Path) -> None:
    (line,) = commands("Start a tracker")
    with Tracker(*PORTS, sockets=2, command=[str(clone / line.rpartition(" && ")[2])]) as tracker:
        assert {kind for kind, _, _ in tracker.endpoints} == {"TCP", "UDP"}


def test_variants_are_what_the_page_says(clone: Path) -> None:
    """The compiled one is built and tested by an environment of tox, with the same variable."""
    white, compiled, blacklist = commands("Choose what is built")
    run(clone, white)
    assert flags_of_the_installed(clone)["WANT_ACCESSLIST_WHITE"]
    variable, value = compiled.split()[0].split("=")
    assert f"    compiled: {variable} = {value}\n" in (ROOT / "tox.ini").read_text(encoding="utf-8")
    run(clone, blacklist)
    (wheel,) = (clone / "dist").iterdir()
    run(clone, f".venv/bin/pip install --force-reinstall --no-deps {wheel}")
    assert flags_of_the_installed(clone)["WANT_ACCESSLIST_BLACK"]


@pytest.mark.skipif(not CI.exists(), reason="an sdist does not have .ci/run")
def test_the_test_command_is_what_runs_at_every_change() -> None:
    (line,) = commands("Run the tests")
    assert CI.read_text(encoding="utf-8").splitlines()[-1] == line
