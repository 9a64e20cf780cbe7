"""Debian packages: built from an sdist and packaging/debian, checked by lintian, tried under systemd."""

import shutil
from pathlib import Path
from typing import Final

from builder.errors import PackagingError
from builder.trees import BUILDER, Tree
from builder.trying import package_paths, plan_of, try_each, try_packages
from builder.variants import ROOT, VARIANTS, version
from builder.workshop import Workshop

SOURCE: Final = "opentracker-py"
COMMON: Final = f"{SOURCE}-common"
BUILDING: Final = 1800.0  # seconds; mypyc takes the most of them
GONE: Final = ("/etc/opentracker", "/var/lib/opentracker", "/usr/bin/opentracker")


def build(workshop: Workshop, variants: list[str]) -> list[Path]:
    """Build the packages of variants, and try each; return the packages."""
    workshop.fetch("debian-build", "debian-run")
    sdist = workshop.source()
    with workshop.tree("debian-build", "debian-build") as tree:
        with workshop.step("dpkg-buildpackage " + " ".join(variants)):
            build_packages(tree, sdist, variants)
        with workshop.step("lintian"):
            tree.run(["sh", "-c", "lintian --info --fail-on error,warning /src/*.changes"], 300, BUILDER)
        packages = [
            Path(shutil.copy(path, workshop.out)) for path in sorted((tree.root / "src").glob("*.deb"))
        ]
        for path in (tree.root / "src").glob(f"{SOURCE}_*"):
            shutil.copy(path, workshop.out)
    try_each(workshop, "debian-run", variants, try_variant)
    return packages


def build_packages(tree: Tree, sdist: Path, variants: list[str]) -> None:
    """Run dpkg-buildpackage as a user, without network."""
    folder = f"src/opentracker-{version()}"
    tree.add_builder()
    tree.copy({f"src/{SOURCE}_{version()}.orig.tar.gz": sdist})
    tree.run(["tar", "-C", "/src", "-xf", f"/src/{SOURCE}_{version()}.orig.tar.gz"], 60)
    tree.copy({f"{folder}/debian": ROOT / "packaging" / "debian"})
    tree.own("src")
    left_out = " ".join(f"pkg.{SOURCE}.no{name}" for name in VARIANTS if name not in variants)
    command = f"cd /{folder} && dpkg-buildpackage --no-sign"
    tree.run(["sh", "-c", command], BUILDING, BUILDER, DEB_BUILD_PROFILES=left_out)


def package(folder: Path, name: str) -> Path:
    """Return the file of a package."""
    found = sorted(folder.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise PackagingError(f"{len(found)} packages {name} in {folder}, and one is expected")
    return found[0]


def try_variant(tree: Tree, out: Path, variant: str, other: str) -> dict[str, float]:
    """Try the package of a variant, and a switch to another if there is one."""
    names = [COMMON, f"{SOURCE}-{variant}"]
    new = [package(out, name) for name in names]
    switched = [package(out, f"{SOURCE}-{other}")] if other else []
    tree.copy({f"trial/{path.name}": path for path in (*new, *switched)})
    before = [earlier(tree, path) for path in new]
    plan = plan_of("dpkg", variant, other, before, package_paths(*new), package_paths(*switched))
    plan |= {"names": [f"{SOURCE}-{other or variant}", COMMON], "gone": GONE}
    return try_packages(tree, plan)


def earlier(tree: Tree, path: Path) -> str:
    """Make the package that an upgrade comes from: the same with a lower version. Return its path in the tree."""
    name = path.name.replace(f"_{version()}-", f"_{version()}~before-")
    edit = f"/^(Version|Depends):/s/{version()}-/{version()}~before-/"
    script = (
        f"cd /trial && dpkg-deb -R {path.name} before && sed -E -i '{edit}' before/DEBIAN/control"
        f" && dpkg-deb -b before {name} && rm -r before"
    )
    tree.run(["sh", "-c", script], 60)
    return f"/trial/{name}"
