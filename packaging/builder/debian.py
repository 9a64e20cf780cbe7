"""Debian packages: built from an sdist and packaging/debian, checked by lintian, tried under systemd."""

import shutil
from pathlib import Path
from typing import Final

from builder.checkout import ROOT, version
from builder.errors import PackagingError
from builder.trees import BUILDER, Tree
from builder.trying import package_paths, plan_of, try_each, try_packages
from builder.variants import VARIANTS
from builder.vendoring import Vendored, vendored
from builder.workshop import Workshop

SOURCE: Final = "opentracker-py"
COMMON: Final = f"{SOURCE}-common"
COMPILED: Final = "compiled"
LIKE_THEIRS: Final = "whitelist"  # the variant that has the features of Debian's package of the tracker in C
BUILDING: Final = 1800.0  # seconds; mypyc takes the most of them
GONE: Final = ("/etc/opentracker", "/var/lib/opentracker", "/usr/bin/opentracker")


def build(workshop: Workshop, variants: list[str]) -> list[Path]:
    """Build the packages of variants, and try each; return the packages."""
    workshop.fetch("debian-build", "debian-run")
    lacking = vendored(workshop)
    if lacking and COMPILED in variants:
        raise PackagingError(f"{workshop.layers.suite} has no mypy that could compile: leave {COMPILED} out")
    sdist = workshop.source("debian-build", lacking.folder / "build" if lacking else None)
    with workshop.tree("debian-build", "debian-build") as tree:
        with workshop.step("dpkg-buildpackage " + " ".join(variants)):
            build_packages(tree, sdist, variants, lacking)
        packages = sorted((tree.root / "src").glob("*.deb"))
        for path in [*packages, *(tree.root / "src").glob(f"{SOURCE}_*")]:
            shutil.copy(path, workshop.out)
        if (
            not lacking
        ):  # an older lintian knows an older policy, and libraries that come with a package are no secret
            with workshop.step("lintian"):
                tree.run(["sh", "-c", "lintian --info --fail-on error,warning /src/*.changes"], 600, BUILDER)
    try_each(workshop, "debian-run", variants, try_variant)
    if LIKE_THEIRS in variants and not lacking:
        with (
            workshop.step("trial of a move from the tracker in C"),
            workshop.tree("debian-run", "move") as tree,
        ):
            times = try_move(tree, workshop.out)
        workshop.steps += [(f"  {name}", seconds) for name, seconds in times.items()]
    return [workshop.out / path.name for path in packages]


def build_packages(tree: Tree, sdist: Path, variants: list[str], lacking: Vendored | None) -> None:
    """Run dpkg-buildpackage as a user, without network."""
    folder = f"src/opentracker-{version()}"
    tree.add_builder()
    tree.copy({f"src/{SOURCE}_{version()}.orig.tar.gz": sdist})
    tree.run(["tar", "-C", "/src", "-xf", f"/src/{SOURCE}_{version()}.orig.tar.gz"], 60)
    tree.copy({f"{folder}/debian": ROOT / "packaging" / "debian"})
    if lacking:
        lacking.add(tree, folder)
    tree.own("src")
    left_out = " ".join(f"pkg.{SOURCE}.no{name}" for name in VARIANTS if name not in variants)
    # A source package has no room for wheels.
    command = f"cd /{folder} && dpkg-buildpackage --no-sign{' --build=binary' if lacking else ''}"
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


def try_move(tree: Tree, out: Path) -> dict[str, float]:
    """Try to move from the tracker in C, which apt has downloaded into the tree, and back."""
    packages = [package(out, name) for name in (COMMON, f"{SOURCE}-{LIKE_THEIRS}")]
    tree.copy({f"trial/{path.name}": path for path in packages})
    return try_packages(tree, {"trial": "migration", "packages": package_paths(*packages)})


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
