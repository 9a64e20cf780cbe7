"""Reproducible builds: everything is built twice, in circumstances as different as can be, and compared."""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.checkout import copy_checkout
from builder.errors import PackagingError
from builder.variants import VARIANTS

BUILDING: Final = 1800.0  # seconds; mypyc takes the most of them
OURS: Final = ("WANT_", "OT_", "OPENTRACKER_")


@dataclass(frozen=True)
class Circumstances:
    """Folder, environment and umask of a build."""

    folder: str
    environment: Mapping[str, str]
    umask: int


FIRST: Final = Circumstances("first", {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, 0o022)
SECOND: Final = Circumstances(
    "another/folder", {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}, 0o077
)


def reproduce(variants: list[str]) -> list[tuple[str, str, str]]:
    """Build the sdist and the wheels of variants twice; return name and both checksums of each.

    The second time, wheels are built of the sdist in place of the checkout.
    """
    with tempfile.TemporaryDirectory(prefix="opentracker-twice-") as folder:
        first, second = Path(folder, FIRST.folder), Path(folder, SECOND.folder)
        copy_checkout(first)
        copy_checkout(second)
        results = [compared("sdist", build(first, FIRST, "sdist", {}), build(second, SECOND, "sdist", {}))]
        unpacked = unpack(second)
        for variant in variants:
            choices = VARIANTS[variant].choices
            wheels = build(first, FIRST, "wheel", choices), build(unpacked, SECOND, "wheel", choices)
            results.append(compared(variant, *wheels))
    return results


def build(project: Path, circumstances: Circumstances, target: str, choices: Mapping[str, str]) -> Path:
    """Build an sdist or a wheel, and return it, in a folder of its own."""
    out = Path(tempfile.mkdtemp(prefix="built-", dir=project.parent))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)],
        cwd=project,
        env={**kept, **circumstances.environment, **choices},
        umask=circumstances.umask,
        capture_output=True,
        text=True,
        timeout=BUILDING,
        check=False,
    )
    if done.returncode:
        raise PackagingError(done.stderr)
    (path,) = out.iterdir()
    return path


def unpack(project: Path) -> Path:
    """Unpack the sdist that was built of a project, and return its folder."""
    (sdist,) = project.parent.glob("built-*/*.tar.gz")
    target = project.with_name("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(target)
    (folder,) = target.iterdir()
    return folder


def compared(name: str, *paths: Path) -> tuple[str, str, str]:
    """Return a name with the checksums of two files."""
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    return name, first, second
