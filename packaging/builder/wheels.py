"""Wheels for builds without network, downloaded once: what pip asks for on a machine that has no index."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from builder.layers import Layers
from builder.processes import run

BUILDING: Final = ("hatchling>=1.27,<2",)
RUNNING: Final = ("librt>=0.11,<0.18", "mypy_extensions>=1.0")
COMPILING: Final = ("mypy>=2.4,<2.5", "setuptools>=70")
PLATFORMS: Final = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")


def python_of(root: Path) -> str:
    """Return the version of the Python in a file system: 3.14."""
    return next(path.name.removeprefix("python") for path in (root / "usr/bin").glob("python3.*[0-9]"))


def fetch(layers: Layers, base: str, requirements: Sequence[str], log: Path) -> Path:
    """Return a folder with wheels for the Python of a layer; they are downloaded if they are not there."""
    number = python_of(layers.folder / base)
    names = "-".join(sorted(requirement.partition(">")[0] for requirement in requirements))
    target = layers.folder / f"wheels-{number}-{names}"
    if not target.is_dir():
        platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{os.uname().machine}")]
        unfinished = tempfile.mkdtemp(prefix="wheels-", dir=layers.folder)
        command = ["python3", "-m", "pip", "download", "--only-binary", ":all:", "--python-version", number]
        run([*command, *platforms, "-d", unfinished, *requirements], log, 600)
        shutil.move(unfinished, target)
    return target
