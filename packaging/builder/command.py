"""The command packaging/build."""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from builder import debian, oci, rpm
from builder.errors import PackagingError
from builder.layers import Layers
from builder.variants import VARIANTS
from builder.workshop import Workshop

DISTROS: Final[dict[str, Callable[[Workshop, list[str]], list[Path]]]] = {
    "debian": debian.build,
    "oci": oci.build,
    "rpm": rpm.build,
}

EPILOG: Final = """
It fetches a Debian system once (debootstrap, apt), and then works without network: it builds in a throwaway file
system with namespaces of its own, and ends by trying what it built under systemd there: installing it, asking
`opentracker --version --json`, an announce over UDP and HTTP, a reload, an upgrade, upgrades without a stop,
a switch to the next of the variants, and a purge. It has to be started as root. docs/building.md says more.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "opentracker-packaging"
    parser = argparse.ArgumentParser(
        prog="packaging/build",
        description="Build packages of variants, and try them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("distro", choices=DISTROS)
    parser.add_argument("variants", choices=VARIANTS, nargs="+", metavar="variant", help=" ".join(VARIANTS))
    parser.add_argument("--suite", default="forky", help="of Debian, to build in (default: %(default)s)")
    parser.add_argument("--cache", type=Path, default=cache, help="of fetched systems (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("dist"), help="for packages and logs: OUT/DISTRO")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Build and try, and print a table of steps and packages."""
    options = parse(arguments)
    if os.geteuid() != 0:
        print("packaging/build: it mounts file systems and has to be started as root", file=sys.stderr)
        return 1
    if "OPENTRACKER_PACKAGING_INSIDE" not in os.environ:
        # In a mount namespace of its own, no mount outlives this process.
        os.environ["OPENTRACKER_PACKAGING_INSIDE"] = "1"
        command = ["unshare", "--mount", "--propagation=private", sys.executable, sys.argv[0], *arguments]
        os.execvp(command[0], command)
    # A signal unwinds the stack, so that processes and temporary folders do not outlive this process.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    out = (options.out / options.distro).resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if old.is_file():
            old.unlink()
    cache = options.cache.resolve()
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="work-", dir=made(cache)) as work:
            workshop = Workshop(Layers(cache, options.suite), Path(work), out)
            packages = DISTROS[options.distro](workshop, list(dict.fromkeys(options.variants)))
    except PackagingError as error:
        print(f"packaging/build: {error}", file=sys.stderr)
        return 1
    for name, seconds in workshop.steps:
        print(f"{seconds:8.1f} s  {name}")
    print(f"{time.monotonic() - started:8.1f} s  in all")
    for package in packages:
        print(f"{package.stat().st_size / 1000:8.0f} kB {package}")
    return 0


def made(folder: Path) -> Path:
    """Return a folder, made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
