"""Packages for a Debian that lacks libraries: wheels stand in for them, and a patch of packaging/debian says so.

hatchling is used by the build alone. librt and mypy_extensions come with each variant, which is for one Python then.
"""

import zipfile
from typing import Final

from builder.checkout import ROOT
from builder.layers import LACKING
from builder.trees import Tree
from builder.wheels import BUILDING, RUNNING, fetch
from builder.workshop import Workshop

LAYER: Final = "base"


class Vendored:
    """Unpacked wheels: `build` for the build, `run` for the packages."""

    def __init__(self, workshop: Workshop) -> None:
        self.suite = workshop.layers.suite
        self.folder = workshop.work / "vendor"
        for name, requirements in (("build", BUILDING), ("run", RUNNING)):
            for wheel in fetch(workshop.layers, LAYER, requirements, workshop.log("wheels")).glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(self.folder / name)

    def add(self, tree: Tree, folder: str) -> None:
        """Add the wheels and the patch to an unpacked source in a tree."""
        tree.copy({f"{folder}/debian/vendor": self.folder})
        tree.copy({"patch": ROOT / "packaging" / "debian" / f"{self.suite}.patch"})
        tree.run(["patch", "--directory", f"/{folder}", "--strip=1", "--input=/patch"], 30)


def vendored(workshop: Workshop) -> Vendored | None:
    """Return the wheels for a suite that lacks libraries, or None."""
    return Vendored(workshop) if workshop.layers.suite in LACKING else None
