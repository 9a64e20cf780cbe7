"""A workshop: the directories of one run of packaging/build, and its steps with their times."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from builder.checkout import copy_checkout, version
from builder.layers import Layers
from builder.trees import Tree, tree


@dataclass
class Workshop:
    """The folders of a run, and its steps so far."""

    layers: Layers
    work: Path
    out: Path  # packages and logs
    steps: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell of a step on standard error, and keep its time."""
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            yield
        except BaseException:
            print("failed", file=sys.stderr)
            raise
        seconds = time.monotonic() - started
        self.steps.append((name, seconds))
        print(f"{seconds:.1f} s", file=sys.stderr)

    def log(self, name: str) -> Path:
        """Return the file for the output of a step."""
        return self.out / f"{name}.log"

    @contextmanager
    def tree(self, layer: str, name: str) -> Iterator[Tree]:
        """Mount a throwaway tree; its log has the name."""
        with tree(self.layers, layer, self.work, self.log(name)) as mounted:
            yield mounted

    def fetch(self, *names: str) -> None:
        """Make the layers that are missing: the only step with network."""
        for name in names:
            if not (self.layers.folder / name).is_dir():
                with self.step(f"fetch {self.layers.suite}/{name}"):
                    self.layers.fetch(name, self.log(f"fetch-{name}"))

    def source(self, layer: str = "debian-build", vendored: Path | None = None) -> Path:
        """Build the sdist of this checkout in a tree, and return it; `vendored` has hatchling if the layer lacks it."""
        target = self.out / f"opentracker-{version()}.tar.gz"
        with self.step("sdist"), self.tree(layer, "sdist") as mounted:
            copy_checkout(mounted.root / "src")
            if vendored is not None:
                mounted.copy({"vendored": vendored})
            command = ["sh", "-c", "cd /src && python3 -m hatchling build -t sdist -d /dist"]
            mounted.run(command, 120, PYTHONPATH="/vendored")
            target.write_bytes((mounted.root / "dist" / target.name).read_bytes())
        return target
