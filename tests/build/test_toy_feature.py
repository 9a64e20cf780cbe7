"""The worked example of CONTRIBUTING.md, followed in a copy of the repository: wheels with the feature and without."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.build.workshop import ROOT, Artifact, build, clean_environment, copy_repository
from tests.server.process import PATIENCE, Tracker

FLAG, KEY, MODULE = "WANT_MOTTO", "tracker.motto", "opentracker/features/motto.py"
# `In `FILE`, below `LINE`:` or `The new file `FILE`:`, and the block behind it.
STEP = re.compile(
    r"^(?:In `(?P<file>[^`]+)`, (?P<side>below|above) `(?P<line>[^`]+)`|The new file `(?P<new>[^`]+)`):\n\n"
    r"```\w+\n(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def section() -> str:
    """The section of CONTRIBUTING.md that adds a feature."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = page.partition("\n## Adding a feature: six files\n")[2].partition("\n## ")[0]
    assert found
    return found


def follow(step: re.Match[str], project: Path) -> str:
    """Take one step, and return the file that it changes."""
    if step["new"]:
        path = project / step["new"]
        assert not path.exists()
        path.write_text(step["block"], encoding="utf-8")
        return step["new"]
    path = project / step["file"]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(step["line"]))
    lines.insert(at + (step["side"] == "below"), step["block"])
    path.write_text("".join(lines), encoding="utf-8")
    return step["file"]


def run_in(folder: Path, *command: str, path: Path | None = None) -> str:
    """Run a Python command in a folder, with nothing of the folder but `path` to import; return its output."""
    environment = clean_environment(PYTHONPATH=str(path or ""))
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Toy:
    """The copy with the feature, the files of the steps, and two wheels: packed, and unpacked beside it."""

    project: Path
    files: set[str]
    with_flag: Artifact
    without: Artifact
    here: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    project = tmp_path_factory.mktemp("toy") / "opentracker"
    copy_repository(project)
    files = {follow(step, project) for step in STEP.finditer(section())}
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", section(), re.MULTILINE | re.DOTALL)
    python = {"python": sys.executable, f"{FLAG}=1": f"{FLAG}=1"}
    for command in commands.strip().split(" && "):
        words = [python.get(word, word) for word in command.split()]
        subprocess.run(["env", *words], cwd=project, env=clean_environment(), check=True, capture_output=True)
    with_flag, without = build(project, **{FLAG: "1"}), build(project)
    here = with_flag.unpack(project.parent / "with")
    return Toy(project, files, with_flag, without, here, without.unpack(project.parent / "without"))


def command_of(wheel: Path) -> list[str]:
    """The tracker of an unpacked wheel."""
    return ["env", f"PYTHONPATH={wheel}", sys.executable, "-P", "-m", "opentracker"]


def test_there_are_six_files(toy: Toy) -> None:
    assert len(toy.files) == 6
    assert {MODULE, "features.toml"} < toy.files
    assert section().count("\n**") == 6


def test_the_generated_files_and_the_house_are_in_order(toy: Toy) -> None:
    """The copy's own tests of its shape, pages, rows and keys, and those of the feature."""
    tests = (
        *("tests/test_house.py", "tests/test_docs.py", "tests/config/test_file.py"),
        *("tests/build/test_tables.py", "tests/build/test_pairwise.py", "tests/features/test_motto.py"),
    )
    out = run_in(toy.project, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, path=toy.here)
    assert re.search(r"\d+ passed", out)
    assert "failed" not in out


def test_the_code_of_the_page_is_as_strict_as_the_rest(toy: Toy) -> None:
    pytest.importorskip("mypy")
    run_in(toy.project, "-m", "mypy", "--cache-dir", str(toy.project.parent / "mypy"), MODULE)


def test_a_wheel_with_the_flag_takes_the_key_and_counts(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "opentracker.conf").write_text(f"{KEY} peers welcome\n")
    options = ["-f", str(tmp_path / "opentracker.conf"), "-i", "127.0.0.1", "-p", "0"]
    with Tracker(*options, sockets=1, command=command_of(toy.here)) as tracker:
        host, port = tracker.endpoint("TCP")

        def ask(path: str) -> str:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=PATIENCE) as answer:
                return str(answer.read().decode())

        assert ask("/motto") == "peers welcome\n"
        assert "\nopentracker_mottos_total 1\n" in ask("/stats?mode=prometheus")
        assert "Mottos" in ask("/stats?mode=html")
        assert json.loads(ask("/stats?mode=everything&format=json"))["counters"]["mottos_sent"] == 1


def test_a_wheel_without_the_flag_has_no_word_of_it_and_names_it(toy: Toy, tmp_path: Path) -> None:
    assert MODULE in toy.with_flag.modules
    assert MODULE not in toy.without.modules
    for name in toy.without.modules:
        words = toy.without.read(name) if name != "opentracker/_features.py" else b""
        assert b"motto" not in words.lower().replace(FLAG.lower().encode(), b""), name
    (tmp_path / "opentracker.conf").write_text(f"{KEY} peers welcome\n")
    done = subprocess.run(
        [*command_of(toy.elsewhere), "-t", "-f", "opentracker.conf"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"opentracker: opentracker.conf:1: '{KEY} peers welcome': "
        f"not in this build, it needs {FLAG}: build with {FLAG}=1\n"
    )
