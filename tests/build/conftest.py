"""The build hook as a module, and the small project of tests/build/project to build wheels of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.build.workshop import ROOT, copy_project, load_module


@pytest.fixture(scope="session")
def hook() -> Any:
    """hatch_build.py of this repository."""
    return load_module(ROOT / "hatch_build.py")


@pytest.fixture(scope="session")
def pairwise() -> Any:
    """tests/build/pairwise.py."""
    return load_module(ROOT / "tests" / "build" / "pairwise.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small project, to be changed and built."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def resolve(hook: Any, project: Path) -> Callable[..., Any]:
    """The resolution of the small project's choices; its arguments are the environment."""
    return lambda **environment: hook.resolve(project, environment)


@pytest.fixture(scope="session")
def needs_compiler(hook: Any) -> None:
    """Skip where there is nothing to compile with."""
    pytest.importorskip("mypyc", reason="mypy is not installed")
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    compiled = hook.resolve(ROOT, {"WANT_COMPILED": "1"})
    try:
        hook.check_compiler(compiled)
    except hook.BuildError as error:
        pytest.skip(str(error))
