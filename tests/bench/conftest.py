"""C programs and trackers for the tests of the bench.

Its Python is imported as by `run.py`: bench/ is on the path, see pyproject.toml. Trackers run from copies of the
package with the flags that a row wants, so that each row runs whatever build is tested.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import wheels
from harness.paths import LOAD, ROOT
from harness.programs import PROGRAMS, Programs
from harness.scheduling import Place
from harness.servers import Contender, Stage
from harness.setting import FLOOR, UDP_FLOOR, Bench, Floor

SOURCES = ("opentracker", "build_hook", "hatch_build.py", "features.toml", "pyproject.toml")
SCALE = 1 / 200


def nobody_may_start(program: Path) -> bool:
    """Whether everybody may enter every directory above a program, and above the file that it links to."""
    folders = {*program.absolute().parents, *program.resolve().parents}
    return all(folder.stat().st_mode & 0o001 for folder in folders)


@pytest.fixture(autouse=True)
def python_of_servers(request: pytest.FixtureRequest) -> None:
    """Skip what starts a server with a Python that nobody, whom root starts it as, may not run (pyenv in /root)."""
    starts_servers = request.path.parent.name in ("in_wheel", "rows")
    if starts_servers and os.geteuid() == 0 and not nobody_may_start(Path(sys.executable)):
        pytest.skip(f"nobody may not run {sys.executable}")


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """A directory that servers can read: as root they are started as nobody."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def programs(directory: Path) -> Path:
    """The directory of the built C programs."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    for name in PROGRAMS:
        # A busy machine may stop a program for seconds, which is no fault of a test.
        command = [
            "cc",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-DTIMEOUT_MS=20000",
            "-o",
            str(directory / name),
        ]
        subprocess.run([*command, str(LOAD / f"{name}.c"), "-lm"], check=True)
    return directory


def generated(directory: Path, flags: dict[str, str]) -> Path:
    """A copy of the package with flags, made once."""
    copy = directory / "-".join(["copy", *sorted(f"{name}={value}" for name, value in flags.items())])
    if not copy.exists():
        copy.mkdir()
        for name in SOURCES:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / name)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("WANT_", "OT_"))}
        command = [sys.executable, "-P", str(copy / "hatch_build.py")]
        subprocess.run(command, env=own | flags, check=True, capture_output=True, cwd=copy)
    return copy


@dataclass(frozen=True)
class SmallBench(Bench):
    """A bench whose contenders are made without a wheel."""

    def contender(self, name: str, flags: dict[str, str], floor: Floor = UDP_FLOOR) -> Contender:
        if name == FLOOR:
            return super().contender(name, flags, floor)
        serve = wheels.SERVE_LIST if "WANT_ACCESSLIST_WHITE" in flags else wheels.SERVE
        package = {"PYTHONPATH": str(generated(self.stage.directory, flags))}
        return Contender(name, (sys.executable, "-P", "-m", "opentracker", *serve), environment=package)


@pytest.fixture(scope="session")
def bench(programs: Path) -> Bench:
    """Our tracker and the floor, one short round, small populations."""
    cores = sorted(os.sched_getaffinity(0))
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    return SmallBench(
        programs=Programs(programs, Place(cores[-1], nice)),
        stage=Stage(programs, Place(cores[0], nice)),
        python=sys.executable,
        c_tracker="",
        names=("pure", "echo"),
        others=(),
        rounds=1,
        seconds=0.2,
        realtime=False,
        scale=SCALE,
    )
