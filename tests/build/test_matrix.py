"""Many variants of the package itself: each resolved, staged, and every module of it imported, in this process.

Most variants of a module are the same bytes, so code objects are kept by content.
"""

import functools
import importlib
import importlib.machinery
import itertools
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from build_hook.features_file import load_features
from build_hook.rendering import render_features
from build_hook.resolution import resolve
from build_hook.staging import imports_of, module_name, stage
from tests.build.workshop import ROOT

PACKAGE = "opentracker"
CROSSED = (
    *("WANT_V6", "WANT_ACCESSLIST_BLACK", "WANT_ACCESSLIST_WHITE", "WANT_COMPRESSION_GZIP", "WANT_SYNC_LIVE"),
    *("WANT_RESTRICT_STATS", "WANT_FULLSCRAPE", "WANT_IP_FROM_QUERY_STRING"),
)
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"].values()


@functools.cache
def code_of(source: bytes, name: str) -> CodeType:
    return compile(source, name, "exec", dont_inherit=True)


class CachingLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from source, compiled once for each content."""

    def get_code(self, fullname: str) -> CodeType:
        return code_of(self.get_data(self.path), fullname)


class StageFinder:
    """Finds the package, and it alone, in a staged folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] != PACKAGE:
            return None
        finder = importlib.machinery.FileFinder(path[0] if path else self.folder, (CachingLoader, [".py"]))
        return finder.find_spec(fullname, target)


@contextmanager
def package_from(folder: Path) -> Iterator[None]:
    """Import the package from a staged folder; put everything back afterwards."""

    def ours() -> dict[str, ModuleType]:
        return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == PACKAGE}

    installed = ours()
    finder: Any = StageFinder(folder)
    for name in installed:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in ours():
            del sys.modules[name]
        sys.modules.update(installed)


def import_everything(folder: Path) -> list[str]:
    """Import every module of a staged package but the one that runs it, and return their names."""
    names = []
    for path in sorted((folder / PACKAGE).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    with package_from(folder):
        for name in names:
            if not name.endswith("__main__"):
                module = importlib.import_module(name)
                assert str(module.__file__).startswith(str(folder))
    return names


@pytest.fixture(scope="module")
def rows(pairwise: Any) -> list[dict[str, bool]]:
    """The pairwise rows of all flags."""
    features = load_features(ROOT / "features.toml")
    return [
        {flag: bool(profile.get(flag, default)) for flag, default in features.flags.items()}
        for name, profile in features.profiles.items()
        if name.startswith("pair")
    ]


def variants(pairwise: Any, rows: list[dict[str, bool]]) -> list[dict[str, bool]]:
    """Return every allowed combination of the crossed flags, each with the rest of one row in turn."""
    rules = pairwise.Rules(load_features(ROOT / "features.toml"))
    turn = itertools.cycle(rows)
    found = []
    for values in itertools.product((False, True), repeat=len(CROSSED)):
        combination = dict(zip(CROSSED, values, strict=True))
        if not rules.complete(combination):
            continue
        row = next(turn)
        for flag in (name for name in rules.flags if name not in combination):
            wanted = (
                row[flag]
                and flag != "WANT_COMPILED"
                and rules.complete({**combination, flag: True}) is not None
            )
            combination[flag] = bool(wanted)
        found.append(combination)
    return found


def test_every_combination_is_staged_and_imported(
    pairwise: Any, rows: list[dict[str, bool]], tmp_path: Path
) -> None:
    combinations = variants(pairwise, rows)
    assert all({combination[flag] for combination in combinations} == {True, False} for flag in CROSSED)
    planned = load_features(ROOT / "features.toml").planned
    builds = {}
    for combination in combinations:
        # Until a flag's feature exists it can only be off: some combinations are the same until then.
        environment = {name: str(int(on and name not in planned)) for name, on in combination.items()}
        builds[tuple(environment.items())] = environment
    for number, environment in enumerate(builds.values()):
        build = resolve(ROOT, environment)
        folder = tmp_path / str(number)
        stage(build, ROOT / PACKAGE, folder / PACKAGE, render_features(build, PACKAGE, "0.1.0"))
        names = import_everything(folder)
        assert ("opentracker.features.accesslist.accesslist" in names) is (
            build.flags["WANT_ACCESSLIST_BLACK"] or build.flags["WANT_ACCESSLIST_WHITE"]
        )


def profile_names() -> list[str]:
    text = (ROOT / "features.toml").read_text(encoding="utf-8")
    return [line[len("[profile.") : -1] for line in text.splitlines() if line.startswith("[profile.")]


@pytest.mark.parametrize("profile", profile_names())
def test_every_profile_is_staged_and_imported(profile: str, tmp_path: Path) -> None:
    features = load_features(ROOT / "features.toml")
    if planned := [name for name in features.planned if features.profiles[profile].get(name)]:
        pytest.skip(f"profile {profile}: not in this version: {', '.join(planned)}")
    build = resolve(ROOT, {"OPENTRACKER_PROFILE": profile})
    stage(build, ROOT / PACKAGE, tmp_path / PACKAGE, render_features(build, PACKAGE, "0.1.0"))
    names = import_everything(tmp_path)
    assert "opentracker.cli" in names
    unused = {name.removeprefix(f"{PACKAGE}.") for name in names} - reached(tmp_path / PACKAGE) - {PACKAGE}
    assert not unused, "in the wheel and imported by none of its modules: [modules] has to name their flags"


def reached(package: Path) -> set[str]:
    """Return the modules of a staged package that its programs import, directly or not, packages included."""
    found: set[str] = set()
    waiting = [script.removeprefix(f"{PACKAGE}.").partition(":")[0] for script in SCRIPTS]
    waiting += [module_name(path.relative_to(package)) for path in package.rglob("__main__.py")]
    while waiting:
        name = waiting.pop()
        path = package.joinpath(*name.split("."))
        folder = path.is_dir()
        source = path / "__init__.py" if folder else path.with_suffix(".py")
        if name in found or not source.is_file():
            continue  # a module that was seen, the name of something in a module
        found.add(name)
        waiting.append(name.rpartition(".")[0] or name)  # a package is imported before its modules
        parents = name.split(".")[: None if folder else -1]
        for _, imported in imports_of(source.read_bytes(), PACKAGE, tuple(parents)):
            parts = imported.split(".")
            waiting += [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return found


def test_a_module_of_a_feature_that_no_row_names_is_found(tmp_path: Path) -> None:
    build = resolve(ROOT, {})
    stage(build, ROOT / PACKAGE, tmp_path / PACKAGE, render_features(build, PACKAGE, "0.1.0"))
    (tmp_path / PACKAGE / "features" / "new.py").write_text("")
    assert "features.new" not in reached(tmp_path / PACKAGE)
    (tmp_path / PACKAGE / "server" / "core.py").write_text("from ..features import new")
    assert "features.new" in reached(tmp_path / PACKAGE)
