"""Results as tables in Markdown, ready for bench/results."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from harness.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SOURCES = ("opentracker", "build_hook", "hatch_build.py")  # of a wheel


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances(python: str) -> str:
    """The head of a dated table: date, commit, Python, processor, kernel."""
    commit = output_of("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") or "no git"
    if output_of("git", "-C", str(ROOT), "status", "--porcelain", "--", *SOURCES):
        commit += " with uncommitted changes"
    version = output_of(python, "--version")
    cores = os.cpu_count()
    return (
        f"{date.today().isoformat()}, commit {commit}, {version} ({python}), {processor()}, {cores} cores, "
        f"{platform.system()} {platform.release()}"
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def output_of(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
