"""rpm packages: built by rpmbuild on Debian, where Fedora's macros are missing, and tried under systemd."""

import shutil
from pathlib import Path
from typing import Final

from builder.checkout import ROOT, version
from builder.errors import PackagingError
from builder.trees import BUILDER, Tree
from builder.trying import package_paths, plan_of, try_each, try_packages
from builder.workshop import Workshop

NAME: Final = "opentracker-py"
BUILDING: Final = 1800.0  # seconds; mypyc takes the most of them
GONE: Final = (
    "/etc/opentracker/opentracker.conf",
    "/usr/bin/opentracker",
    "/usr/lib/systemd/system/opentracker.service",
)
# Two builds on two machines are to be the same.
REPRODUCIBLE: Final = {
    "_topdir": "/src",
    "_buildhost": "localhost",
    "use_source_date_epoch_as_buildtime": "1",
    "source_date_epoch_from_changelog": "1",
    "clamp_mtime_to_source_date_epoch": "1",
}


def build(workshop: Workshop, variants: list[str]) -> list[Path]:
    """Build the packages of variants, and try each; return the packages."""
    workshop.fetch("rpm-build", "rpm-run")
    sdist = workshop.source()
    with workshop.tree("rpm-build", "rpm-build") as tree:
        tree.add_builder()
        tree.copy(
            {
                f"src/SOURCES/{sdist.name}": sdist,
                "src/opentracker.spec": ROOT / "packaging/rpm/opentracker.spec",
            }
        )
        tree.own("src")
        for variant in variants:
            with workshop.step(f"rpmbuild {variant}"):
                rpmbuild(tree, variant)
        with workshop.step("the version before of each"):
            for variant in variants:
                rpmbuild(tree, variant, "--short-circuit", "--define", "number 0")
        for path in (tree.root / "src/RPMS").rglob("*.rpm"):
            shutil.copy(path, workshop.out)
    try_each(workshop, "rpm-run", variants, try_variant)
    return [package(workshop.out, variant, 1) for variant in variants]


def rpmbuild(tree: Tree, variant: str, *options: str) -> None:
    """Build the package of a variant as a user, without network."""
    chosen = [] if variant == "open" else ["--with", variant]
    defines = [word for name, value in REPRODUCIBLE.items() for word in ("--define", f"{name} {value}")]
    command = [
        "rpmbuild",
        "-bb",
        "--noclean",
        "--nodeps",
        *chosen,
        *defines,
        *options,
        "/src/opentracker.spec",
    ]
    tree.run(command, BUILDING, BUILDER)


def package(folder: Path, variant: str, number: int) -> Path:
    """Return the file of a package."""
    found = sorted(folder.glob(f"{NAME}-{variant}-{version()}-{number}*.rpm"))
    if len(found) != 1:
        raise PackagingError(f"{len(found)} packages of {variant} in {folder}, and one is expected")
    return found[0]


def try_variant(tree: Tree, out: Path, variant: str, other: str) -> dict[str, float]:
    """Try the package of a variant, and a switch to another if there is one."""
    before, new = package(out, variant, 0), package(out, variant, 1)
    switched = [package(out, other, 1)] if other else []
    tree.copy({f"trial/{path.name}": path for path in (before, new, *switched)})
    plan = plan_of("rpm", variant, other, package_paths(before), package_paths(new), package_paths(*switched))
    plan |= {"names": [f"{NAME}-{other or variant}"], "before_switch": [f"{NAME}-{variant}"], "gone": GONE}
    return try_packages(tree, plan)
