"""The C programs of the bench: built when their sources change, run on the load's core."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.errors import BenchError
from harness.paths import BENCH, LOAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.scheduling import Place

PROGRAMS: Final = ("load", "http_load", "websocket_load", "echo", "http_echo")


@dataclass(frozen=True, slots=True)
class Programs:
    """The directory of the built programs, and the core of the load."""

    directory: Path
    place: Place

    def path(self, name: str) -> Path:
        return self.directory / name

    def load(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run a load generator to its end and return its report (see `load --help`, `http_load --help`)."""
        return self.reported([str(self.path(name)), *arguments])

    def script(self, name: str, *arguments: str) -> dict[str, Any]:
        """The same for a load in Python."""
        path = {"PYTHONPATH": str(BENCH)}
        return self.reported([sys.executable, str(LOAD / name), *arguments], env={**os.environ, **path})

    def reported(self, command: list[str], **options: Any) -> dict[str, Any]:
        pipe = subprocess.PIPE
        process = self.place.start(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, **options
        )
        try:
            output, errors = process.communicate()
        finally:
            process.kill()  # only where we were interrupted is there something left to end
        if not output.startswith("{"):
            raise BenchError(f"{' '.join(command)} ended with {process.returncode}: {errors.strip()}")
        report: dict[str, Any] = json.loads(output)
        report["exit"] = process.returncode
        return report

    def whitelist(self, torrents: int) -> Path:
        """The info_hashes of a load's torrents, in a file for `-w`."""
        path = self.directory / f"whitelist-{torrents}.txt"
        if not path.exists():
            with path.open("wb") as file:
                subprocess.run(
                    [self.path("load"), "hashes", "--torrents", str(torrents)], stdout=file, check=True
                )
        return path


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the directory's lock: two runs of the bench would share cores and environments, and spoil both."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run of the bench to end …", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build_programs(directory: Path, place: Place) -> Programs:
    """Compile what is older than any of the C sources."""
    newest = max(path.stat().st_mtime for path in (*LOAD.glob("*.c"), *LOAD.glob("*.h")))
    for name in PROGRAMS:
        target = directory / name
        if target.exists() and target.stat().st_mtime > newest:
            continue
        command = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(target), str(LOAD / f"{name}.c"), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
    return Programs(directory, place)
