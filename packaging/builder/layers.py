"""Layers: file systems of distributions, fetched once and kept, each on top of another.

A layer is a directory. `base` is made by debootstrap; every other layer is an overlay of what apt changed on the layer
below it. Only making a layer needs the network.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.errors import PackagingError
from builder.processes import run

MIRROR: Final = "http://deb.debian.org/debian"
FETCHING: Final = 3600.0  # seconds
MERGED: Final = "/usr/share/debootstrap/scripts/sid"  # for suites that an older debootstrap does not know

TOOLCHAIN: Final = (
    "build-essential",
    "debhelper",
    "dh-python",
    "fakeroot",
    "lintian",
    "pybuild-plugin-pyproject",
)
COMPILING: Final = ("mypy", "python3-all-dev", "python3-setuptools")
NEEDED: Final = ("python3-librt", "python3-mypy-extensions")


@dataclass(frozen=True)
class Layer:
    """A layer: the one below it, the packages that apt installs, and those that it only downloads."""

    below: str = ""
    packages: tuple[str, ...] = ()
    downloads: tuple[str, ...] = ()


LAYERS: Final = {
    "base": Layer(packages=("systemd", "systemd-sysv", "dbus", "python3", *NEEDED)),
    "debian-build": Layer("base", (*TOOLCHAIN, *COMPILING, "python3-all", "python3-hatchling")),
    "debian-run": Layer("base", downloads=("opentracker",)),
    "rpm-build": Layer("debian-build", ("rpm", "python3-installer")),
    "rpm-run": Layer("base", ("rpm",)),
    "oci-base": Layer(packages=("python3", "python3-venv")),
    "oci-build": Layer("oci-base", ("gcc", "libc6-dev", "python3-dev")),
}

# Packages that a suite lacks, or has too old: wheels stand in for them.
LACKING: Final = {"bookworm": {*NEEDED, "python3-hatchling", "mypy"}}


class Layers:
    """The layers of one suite, in a directory of the cache."""

    def __init__(self, folder: Path, suite: str) -> None:
        self.folder = folder / suite
        self.suite = suite

    def packages(self, layer: Layer) -> list[str]:
        """Return the packages of a layer that the suite has."""
        return [name for name in layer.packages if name not in LACKING.get(self.suite, ())]

    def stack(self, name: str) -> list[Path]:
        """Return the directories of a layer and of those below it, the uppermost first."""
        stack = []
        while name:
            stack.append(self.folder / name)
            name = LAYERS[name].below
        return stack

    def fetch(self, name: str, log: Path) -> None:
        """Make a layer, and first those below it, where they are missing."""
        layer, target = LAYERS[name], self.folder / name
        if layer.below:
            self.fetch(layer.below, log)
        if target.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        unfinished.chmod(0o755)
        try:
            if layer.below:
                self.install(layer, unfinished, log)
            else:
                self.bootstrap(layer, unfinished, log)
            unfinished.rename(target)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def bootstrap(self, layer: Layer, target: Path, log: Path) -> None:
        """Make a file system from nothing."""
        if shutil.which("debootstrap") is None:
            raise PackagingError("there is no debootstrap; install it (apt-get install debootstrap)")
        include = "--include=" + ",".join(self.packages(layer))
        known = Path("/usr/share/debootstrap/scripts", self.suite).exists()
        script = [] if known else [MERGED]
        command = [
            "debootstrap",
            "--variant=minbase",
            "--merged-usr",
            include,
            self.suite,
            str(target),
            MIRROR,
        ]
        run([*command, *script], log, FETCHING)

    def install(self, layer: Layer, target: Path, log: Path) -> None:
        """Install a layer's packages on top of the layer below."""
        apt = ["apt-get", "install", "--yes", "--no-install-recommends"]
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        with overlay(self.stack(layer.below), target) as root:
            shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
            inside = ["unshare", "--pid", "--fork", "--kill-child", f"--root={root}", "--mount-proc"]
            if layer.packages:
                run([*inside, *apt, *self.packages(layer)], log, FETCHING, environment)
            if layer.downloads:
                run([*inside, *apt, "--download-only", *layer.downloads], log, FETCHING, environment)


@contextmanager
def overlay(lower: list[Path], upper: Path) -> Iterator[Path]:
    """Mount directories on top of each other: `upper` takes the changes. The mount is of this process' namespace."""
    with tempfile.TemporaryDirectory(prefix="overlay-", dir=upper.parent) as folder:
        root, work = Path(folder, "root"), Path(folder, "work")
        root.mkdir()
        work.mkdir()
        below = ":".join(map(str, lower))
        options = f"lowerdir={below},upperdir={upper},workdir={work}"
        log = Path(folder, "log")
        run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], log, 10)
        try:
            yield root
        finally:
            run(["umount", "--recursive", "--lazy", str(root)], log, 10)
