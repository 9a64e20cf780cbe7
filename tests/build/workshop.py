"""Building projects in tests: copies, environments, runs of hatchling, and what comes of them."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
OURS = ("WANT_", "OT_", "OPENTRACKER_")
# The parts of a clone that wheels are made of or that tests read.
REPOSITORY = (
    *("opentracker", "tests", "docs", "bench", "build_hook", "packaging"),
    *("features.toml", "hatch_build.py", "pyproject.toml", "tox.ini", "opentracker.conf.sample"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
)


def load_module(path: Path) -> ModuleType:
    """Return a file as a module, as hatchling loads its hook: not in sys.modules."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_project(target: Path) -> Path:
    """Copy the small project, with the hook, to a folder that does not exist yet."""
    shutil.copytree(ROOT / "tests" / "build" / "project", target)
    copy_hook(target)
    return target


def copy_hook(target: Path) -> None:
    """Copy the hook into a project."""
    shutil.copy(ROOT / "hatch_build.py", target)
    for path in (ROOT / "build_hook").glob("*.py"):
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())


def copy_repository(target: Path) -> None:
    """Copy this repository to a folder that does not exist yet, as a clone would have it."""
    target.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "_features.py", "*.so", "corpus")
    for name in REPOSITORY:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=leave)
        else:
            shutil.copy(ROOT / name, target / name)


def run_in_shell(folder: Path, command: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a command of a page in the shell, in a folder; `timeout` is in seconds."""
    return subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def clean_environment(**variables: str) -> dict[str, str]:
    """Return the environment without what chooses features, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, **variables}


@dataclass(frozen=True)
class Artifact:
    """A wheel or an sdist."""

    path: Path

    @property
    def sha256(self) -> str:
        """Its hash, in hex."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @property
    def names(self) -> list[str]:
        """The names of a wheel's files."""
        with zipfile.ZipFile(self.path) as archive:
            return sorted(archive.namelist())

    @property
    def modules(self) -> list[str]:
        """The names of a wheel's files that are code."""
        return [name for name in self.names if name.endswith((".py", ".so"))]

    def read(self, ending: str) -> bytes:
        """Return the one file of a wheel whose name ends so."""
        (name,) = (name for name in self.names if name.endswith(ending))
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name)

    def contents(self) -> bytes:
        """Return all files of a wheel, one after the other."""
        with zipfile.ZipFile(self.path) as archive:
            return b"".join(archive.read(name) for name in self.names)

    def unpack(self, folder: Path) -> Path:
        """Unpack a wheel, and return the folder."""
        with zipfile.ZipFile(self.path) as archive:
            archive.extractall(folder)
        return folder


def run_build(
    project: Path, target: str, environment: Mapping[str, str], umask: int = -1
) -> subprocess.CompletedProcess[str]:
    """Run hatchling on a project, without isolation: what it needs is installed beside the tests."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target],
        cwd=project,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )


def build(project: Path, target: str = "wheel", umask: int = -1, /, **environment: str) -> Artifact:
    """Build a project and return what came of it, moved out of the way of the next build."""
    process = run_build(project, target, environment, umask)
    assert process.returncode == 0, process.stderr
    (path,) = (project / "dist").iterdir()
    number = sum(1 for _ in project.parent.glob(f"{project.name}-built-*"))
    kept = project.parent / f"{project.name}-built-{number}"
    (project / "dist").rename(kept)
    return Artifact(kept / path.name)
