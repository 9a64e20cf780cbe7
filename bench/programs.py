"""The C programs of the bench: built when their sources change, run on the load's core."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scheduling import placed

SOURCES: Final = Path(__file__).resolve().parent
PROGRAMS: Final = ("load", "http_load", "echo")


class BenchError(Exception):
    """Something that the bench cannot go on with; its text is one line for whoever runs it."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the built programs are, and where the load runs: its core and its niceness."""

    directory: Path
    core: int
    nice: int

    def path(self, name: str) -> Path:
        return self.directory / name

    def load(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run a load generator to its end and return its report (see `load --help`, `http_load --help`)."""
        command = [str(self.path(name)), *arguments]
        with placed(self.core, self.nice):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, errors = process.communicate()
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


def build_programs(directory: Path, core: int, nice: int) -> Programs:
    """Compile what is older than any of the C sources."""
    directory.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in (*SOURCES.glob("*.c"), *SOURCES.glob("*.h")))
    for name in PROGRAMS:
        target = directory / name
        if target.exists() and target.stat().st_mtime > newest:
            continue
        command = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(target), str(SOURCES / f"{name}.c"), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
    return Programs(directory, core, nice)
