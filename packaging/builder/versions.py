"""The version of a release, in every file that has it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.errors import PackagingError

NUMBER: Final = r"[0-9]+(?:\.[0-9]+)+"
# File -> what the version stands behind, with the number in a group.
PLACES: Final = {
    "pyproject.toml": rf'^version = "({NUMBER})"$',
    "CHANGELOG.md": rf"^## ({NUMBER}) \(unreleased\)$",
    "packaging/debian/changelog": rf"^opentracker-py \(({NUMBER})-1\)",
    "packaging/rpm/opentracker.spec": rf"^Version: +({NUMBER})$",
    "packaging/alpine/APKBUILD": rf"^pkgver=({NUMBER})$",
    "packaging/freebsd/Makefile": rf"^DISTVERSION=\t({NUMBER})$",
    "packaging/nix/default.nix": rf'^  version = "({NUMBER})";$',
}
EBUILDS: Final = "packaging/gentoo"
PERSON: Final = "The opentracker developers <packagers@opentracker.example>"


def versions(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every file and the version in it. The changelog has none between a release and the next change."""
    for path, pattern in PLACES.items():
        found = re.search(pattern, (root / path).read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            yield path, found[1]
        elif path != "CHANGELOG.md":
            raise PackagingError(f"{path}: there is no version")
    for ebuild in (root / EBUILDS).glob("*.ebuild"):
        yield f"{EBUILDS}/{ebuild.name}", ebuild.stem.removeprefix("opentracker-")


def set_version(root: Path, number: str, date: str) -> list[str]:
    """Write a version into every file: `date` is of the form `Sat, 28 Nov 2026`. Return the changed files."""
    if not re.fullmatch(NUMBER, number):
        raise PackagingError(f"{number!r} is no version: numbers and dots")
    before = dict(versions(root))
    new = {name: version_of(root, name, number) for name in PLACES}
    new["CHANGELOG.md"] = changelog(new["CHANGELOG.md"], number, date)
    if before["packaging/debian/changelog"] != number:
        new["packaging/debian/changelog"] = debian_entry(number, date) + (
            root / "packaging/debian/changelog"
        ).read_text(encoding="utf-8")
        new["packaging/rpm/opentracker.spec"] = rpm_entry(new["packaging/rpm/opentracker.spec"], number, date)
    for path, text in new.items():
        (root / path).write_text(text, encoding="utf-8")
    for ebuild in (root / EBUILDS).glob("*.ebuild"):
        ebuild.rename(ebuild.with_name(f"opentracker-{number}.ebuild"))
    return [*new, EBUILDS]


def version_of(root: Path, path: str, number: str) -> str:
    """Return a file with the version replaced."""
    text = (root / path).read_text(encoding="utf-8")
    return re.sub(
        PLACES[path],
        lambda found: found[0].replace(found[1], number, 1),
        text,
        count=1,
        flags=re.MULTILINE,
    )


def changelog(text: str, number: str, date: str) -> str:
    """Return the changelog with the date of the release."""
    return text.replace(f"## {number} (unreleased)", f"## {number} ({date.partition(', ')[2]})", 1)


def debian_entry(number: str, date: str) -> str:
    """Return an entry of Debian's changelog."""
    lines = [f"opentracker-py ({number}-1) unstable; urgency=medium", "", "  * New release.", ""]
    return "\n".join([*lines, f" -- {PERSON}  {date} 00:00:00 +0000", "", ""])


def rpm_entry(spec: str, number: str, date: str) -> str:
    """Return a spec with an entry in its changelog."""
    week, day, month, year = date.replace(",", "").split()
    entry = f"%changelog\n* {week} {month} {day} {year} {PERSON} - {number}-1\n- New release\n\n"
    return spec.replace("%changelog\n", entry, 1)
