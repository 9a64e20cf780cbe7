"""The bench is scripts beside each other, not a package: its modules and programs are taken by their paths."""

import importlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
FOLDERS = (BENCH, BENCH / "soak")


def bench_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def goals() -> ModuleType:
    return bench_module("goals")


@pytest.fixture(scope="session")
def results() -> ModuleType:
    return bench_module("results")


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the built C programs."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    directory = tmp_path_factory.mktemp("programs")
    for name in ("load", "http_load", "echo"):
        command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(directory / name)]
        subprocess.run([*command, str(BENCH / f"{name}.c"), "-lm"], check=True)
    return directory


@pytest.fixture(scope="module")
def module() -> Iterator[Callable[[str], ModuleType]]:
    """Scripts beside each other are no package: they are imported by their bare names, and forgotten afterwards."""
    before = set(sys.modules)
    sys.path[:0] = map(str, FOLDERS)
    try:
        yield importlib.import_module
    finally:
        del sys.path[: len(FOLDERS)]
        for name in set(sys.modules) - before:
            if any((folder / f"{name}.py").exists() for folder in FOLDERS):
                del sys.modules[name]
