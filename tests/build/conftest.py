"""The build hook made importable, and the small project of tests/build/project to build wheels of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.build.workshop import ROOT, copy_project, load_module

# Nothing of this checkout is on the path of the tests: the door brings its own package, for all tests beside this file.
load_module(ROOT / "hatch_build.py")

from build_hook.compiling import compiler_fault  # noqa: E402
from build_hook.resolution import Build, resolve  # noqa: E402


@pytest.fixture(scope="session")
def pairwise() -> Any:
    """tests/build/pairwise.py."""
    return load_module(ROOT / "tests" / "build" / "pairwise.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small project, to be changed and built."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def choose(project: Path) -> Callable[..., Build]:
    """The resolution of the small project's choices; its arguments are the environment."""
    return lambda **environment: resolve(project, environment)


@pytest.fixture(scope="session")
def needs_compiler() -> None:
    """Skip where there is nothing to compile with."""
    pytest.importorskip("mypyc", reason="mypy is not installed")
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    if fault := compiler_fault():
        pytest.skip(fault)
