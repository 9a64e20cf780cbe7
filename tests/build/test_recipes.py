"""Commands of the pages: what they choose can be built, and those of docs/building.md do what they say."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from build_hook.features_file import load_features
from build_hook.resolution import resolve
from tests.build.workshop import ROOT, copy_repository, run_in_shell

BUILDING = (ROOT / "docs" / "building.md").read_text(encoding="utf-8")
CHOICE = re.compile(r"\b((?:WANT|OT)_[A-Z0-9_]+|OPENTRACKER_PROFILE)=([a-z0-9_-]+)")
# Blocks of commands for a shell; ```console blocks show errors.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^\$ (.*)\n(error: .*)$", re.MULTILINE)
LONG = 300.0  # seconds for a command

# Commands that no test here runs, by how they begin.
ELSEWHERE = {
    "packaging/build ": "a build of packages: as root, and some minutes",
    "python packaging/release reproduce": "tests/packaging/test_reproduce.py",
    "python3 -m venv /opt": "needs root, and systemd as process 1",
    "/opt/opentracker/": "needs root, and systemd as process 1",
    "ln -s /opt/opentracker/": "needs root, and systemd as process 1",
    "systemd-sysusers": "needs root, and systemd as process 1",
    "sed s:/usr/bin/opentracker:": "needs root, and systemd as process 1",
    "> /etc/systemd/": "needs root, and systemd as process 1",
    "install -D -m 644 /opt": "needs root, and systemd as process 1",
    "systemctl ": "needs root, and systemd as process 1",
    "WANT_V6=1 pip install opentracker": "the trap of pip's cache: needs a package index",
    "WANT_V6=0 pip install opentracker": "the trap of pip's cache: needs a package index",
    "opentracker --version": "tests/test_cli.py",
}


def lines_of(pages: list[str]) -> list[str]:
    """Every command of the pages, without the comment behind it."""
    blocks = [block for page in pages for language, block in BLOCK.findall(page) if language in ("", "sh")]
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


def commands() -> list[str]:
    """Every line of the pages that chooses something for a build."""
    pages = [(ROOT / "README.md").read_text(encoding="utf-8"), BUILDING]
    return sorted({line for line in lines_of(pages) if CHOICE.search(line)})


def pip_wheels() -> list[str]:
    """The commands of docs/building.md that build a wheel by pip."""
    return [line for line in lines_of([BUILDING]) if "pip wheel --no-deps ." in line]


def looks() -> list[str]:
    """The commands of docs/building.md that look into wheels."""
    return [line for line in lines_of([BUILDING]) if "unzip" in line]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes") / "opentracker"
    copy_repository(folder)
    return folder


def run(clone: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the shell, without isolation: what it needs is installed beside the tests."""
    python = sys.executable
    for word, here in [
        ("pip wheel", f"{python} -m pip wheel -q --no-build-isolation"),
        ("hatch build", f"{python} -m hatchling build"),
    ]:
        command = command.replace(word, here)
    return run_in_shell(clone, command, LONG)


def record_of(wheel: Path) -> dict[str, Any]:
    """The build record that lies in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("extra_metadata/opentracker.json"))
        record: dict[str, Any] = json.loads(archive.read(name))
    return record


def test_there_are_commands() -> None:
    assert len(commands()) > 5
    assert len(pip_wheels()) > 3
    assert len(CONSOLE.findall(BUILDING)) > 2
    assert len(looks()) > 2


def test_every_command_of_the_page_is_run_or_it_is_said_why_not() -> None:
    here = {*pip_wheels(), *looks()}
    unknown = [
        line for line in lines_of([BUILDING]) if line not in here and not line.startswith(tuple(ELSEWHERE))
    ]
    assert unknown == []


@pytest.mark.parametrize("command", commands())
def test_what_a_command_chooses_can_be_built(command: str) -> None:
    assert resolve(ROOT, dict(CHOICE.findall(command))).flags


@pytest.mark.parametrize("command", pip_wheels())
def test_pip_builds_what_the_command_chooses(clone: Path, command: str) -> None:
    pytest.importorskip("pip", reason="pip is not installed")
    done = run(clone, command)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = clone.glob("*.whl")
    record, choices = record_of(wheel), dict(CHOICE.findall(command))
    wheel.unlink()
    assert record["profile"] == choices.pop("OPENTRACKER_PROFILE", "open")
    values = {**record["flags"], **record["constants"]}
    assert {name: int(values[name]) for name in choices} == {
        name: int(text) for name, text in choices.items()
    }


@pytest.mark.parametrize(("command", "message"), CONSOLE.findall(BUILDING))
def test_a_refused_build_says_what_the_page_shows(clone: Path, command: str, message: str) -> None:
    """In a message of the page `...` stands for a line's number."""
    done = run(clone, command)
    assert done.returncode != 0
    pattern = re.escape(message).replace(re.escape("..."), "[0-9]+")
    assert re.search(f"^{pattern}$", done.stderr, re.MULTILINE), done.stderr


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs unzip")
@pytest.mark.parametrize("command", looks())
def test_a_wheel_can_be_looked_into(clone: Path, command: str) -> None:
    shutil.rmtree(clone / "dist", ignore_errors=True)
    if "build" not in command:
        assert run(clone, "hatch build -t wheel").returncode == 0
    done = run(clone / "dist" if "build" not in command else clone, command)
    if "grep -c" in command:
        assert done.stdout.splitlines()[-1] == "0"
    else:
        assert "opentracker" in done.stdout


def test_the_debian_profile_requires_nothing_beyond_the_usual() -> None:
    """Debian has neither gzip-stream nor nats-py."""
    assert resolve(ROOT, {"OPENTRACKER_PROFILE": "debian"}).dependencies() == []
    assert load_features(ROOT / "features.toml").dependencies
