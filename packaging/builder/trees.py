"""Trees: a stack of layers with a throwaway directory on top, to build or to try a package in.

All that runs in a tree is without network but for loopback, and ends with the tree.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.layers import Layers, overlay
from builder.processes import ALONE, WITH_CGROUPS, run

BUILDER: Final = "builder"  # the user that builds
BOOT: Final = (
    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"),
    *("--console=pipe", "--kill-signal=SIGRTMIN+3"),
)


@dataclass(frozen=True)
class Tree:
    """A mounted tree."""

    root: Path
    log: Path

    def run(self, command: Sequence[str], seconds: float, user: str = "", **environment: str) -> None:
        """Run a command in the tree, as root or as a user."""
        words = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        words += [f"{name}={value}" for name, value in environment.items()]
        if user:
            words = [
                "setpriv",
                f"--reuid={user}",
                f"--regid={user}",
                "--clear-groups",
                *words,
                f"HOME=/home/{user}",
            ]
        run([*ALONE, f"--root={self.root}", "--mount-proc", *words, *command], self.log, seconds)

    def boot(self, seconds: float) -> None:
        """Boot the tree with systemd, and wait until it has powered off."""
        machine = [*BOOT, f"--directory={self.root}", f"--machine=trial-{os.getpid()}"]
        run([*ALONE[:2], "--fork", "--kill-child", *WITH_CGROUPS, *machine], self.log, seconds)

    def add_builder(self) -> None:
        """Make the user that builds."""
        self.run(["useradd", "--create-home", BUILDER], 30)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the tree."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def copy(self, sources: Mapping[str, Path]) -> None:
        """Copy files and folders into the tree: path there -> path here."""
        for path, source in sources.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
                )
            else:
                shutil.copy(source, target)

    def own(self, path: str) -> None:
        """Give a folder to the user that builds."""
        self.run(["chown", "-R", f"{BUILDER}:{BUILDER}", f"/{path}"], 60)


@contextmanager
def tree(layers: Layers, name: str, work: Path, log: Path) -> Iterator[Tree]:
    """Mount a throwaway tree on a layer."""
    work.mkdir(parents=True, exist_ok=True)
    upper = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work))
    upper.chmod(0o755)
    try:
        with overlay(layers.stack(name), upper) as root:
            yield Tree(root, log)
    finally:
        shutil.rmtree(upper, ignore_errors=True)
