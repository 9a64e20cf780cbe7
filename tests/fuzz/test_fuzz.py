"""Every harness for a bounded number of inputs, always the same ones; docs/testing.md tells how to go on from there."""

import importlib.util
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_COMPILED
from tests.fuzz import engine

INPUTS = 4000
SECONDS = 5.0  # a harness; on a slow machine it sees fewer inputs
RUNNER = Path(__file__).with_name("run.py")
NOT_HARNESSES = {"engine", "run", "tracker", "test_fuzz"}


@pytest.fixture(autouse=True)
def fixture_log_level() -> Iterator[None]:
    log = logging.getLogger("opentracker")
    level = log.level
    yield
    log.setLevel(level)


@pytest.mark.parametrize("name", sorted(engine.HARNESSES))
def test_nothing_is_found_in_the_first_inputs(name: str) -> None:
    needed = engine.lacking(name)
    if needed:
        pytest.skip(f"needs a build with {needed}")
    seeds = len(engine.corpus(name))
    assert engine.run_mutations(name, INPUTS, seed=1, seconds=SECONDS) > seeds


def test_every_harness_is_known_and_has_seeds() -> None:
    there = {path.stem for path in engine.HERE.glob("*.py")} - NOT_HARNESSES
    assert there == set(engine.HARNESSES)
    assert {path.name for path in (engine.HERE / "corpus").iterdir()} == there
    for name in engine.HARNESSES:
        assert engine.corpus(name)


# Tells what of the package is not what it was, once all harnesses are loaded.
SEEN = """
import importlib, pkgutil, sys
import opentracker
from tests.conftest import missing_flags
from tests.fuzz import engine

left_out = {"__main__", "bridge"}
for module in pkgutil.walk_packages(opentracker.__path__, "opentracker."):
    name = module.name.removeprefix("opentracker.")
    if name.partition(".")[0] not in left_out and not missing_flags(name):
        importlib.import_module(module.name)
package = {name: module for name, module in sys.modules.items() if name.startswith("opentracker")}
before = {name: dict(vars(module)) for name, module in package.items()}
for name in engine.HARNESSES:
    if not engine.lacking(name):
        engine.load(name)
for name, module in package.items():
    print(*(f"{name}.{key}" for key, value in before[name].items() if vars(module)[key] is not value))
"""


def test_a_harness_that_is_loaded_changes_nothing_of_the_package() -> None:
    """Other tests of the same process are to run on what was built."""
    root = str(RUNNER.parents[2])
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.append({root!r}){SEEN}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == []


def test_the_same_seed_gives_the_same_inputs() -> None:
    words = [b"word", b"another"]

    def first(seed: int) -> list[bytes]:
        source = engine.inputs("bencoded", words, seed)
        return [next(source) for _ in range(500)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert len(set(first(1))) > 250


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUNNER), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


def test_the_runner_counts_what_it_does() -> None:
    done = run("bencoded", "--runs", "700", "--engine", "mutate")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"bencoded: 700 inputs in \d+ s, \d+ a second, nothing found\n", done.stdout)


def test_the_runner_tells_what_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = engine.load("bencoded")
    monkeypatch.setattr(harness, "check", lambda data: 1 // (b"files" not in data))
    with pytest.raises(ZeroDivisionError) as caught:
        engine.run_mutations("bencoded", 5000, seed=1)
    assert "files" in caught.value.__notes__[0]


def test_the_runner_refuses_what_it_does_not_know() -> None:
    assert run("nothing").returncode == 2
    lacking = [name for name in engine.HARNESSES if engine.lacking(name)]
    for name in lacking[:1]:
        done = run(name)
        assert (done.returncode, done.stdout) == (1, "")
        assert "needs a build with WANT_" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="there is no atheris for this Python")
@pytest.mark.skipif(WANT_COMPILED, reason="atheris sees no code that is compiled")
@pytest.mark.parametrize("name", ["announces", "heads"])
def test_atheris_runs_a_harness(name: str, tmp_path: Path) -> None:
    done = run(name, "--runs", "2000", "--engine", "atheris", "--found", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "stat::number_of_executed_units: 2000" in done.stderr
    assert "new_units_added" in done.stderr
