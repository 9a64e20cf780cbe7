"""This checkout: its version, and the parts of it that an sdist has."""

import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
LEFT: Final = ("__pycache__", "_features.py", "*.so", ".*")  # by builds and editors


@cache
def hatch() -> dict[str, Any]:
    """Return what pyproject.toml says to hatchling."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    table: dict[str, Any] = pyproject["tool"]["hatch"]
    return table


def version() -> str:
    """Return the version that is built."""
    number: str = hatch()["metadata"]["hooks"]["custom"]["version"]
    return number


def copy_checkout(target: Path) -> None:
    """Copy the parts of an sdist to a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ["pyproject.toml", *hatch()["build"]["targets"]["sdist"]["only-include"]]:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*LEFT))
        else:
            shutil.copy(ROOT / name, target / name)
