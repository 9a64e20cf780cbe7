"""The version: one number in every file, and a command that changes it."""

import shutil
from pathlib import Path

import pytest

from builder.checkout import ROOT, version
from builder.errors import PackagingError
from builder.versions import EBUILDS, PLACES, set_version, versions

DATE = "Mon, 07 Dec 2026"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that have the version, alone."""
    for name in PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / EBUILDS, tmp_path / EBUILDS)
    return tmp_path


def test_every_file_has_the_same_version() -> None:
    found = dict(versions(ROOT))
    assert len(found) >= len(PLACES)
    assert {path: number for path, number in found.items() if number != version()} == {}


def test_a_release_changes_every_file(copy: Path) -> None:
    set_version(copy, "0.9.2", DATE)
    found = dict(versions(copy))
    assert set(found.values()) == {"0.9.2"}
    assert f"{EBUILDS}/opentracker-0.9.2.ebuild" in found
    assert "## 0.9.2 (07 Dec 2026)\n" in (copy / "CHANGELOG.md").read_text()
    debian = (copy / "packaging/debian/changelog").read_text()
    assert debian.startswith("opentracker-py (0.9.2-1) unstable")
    assert f"{DATE} 00:00:00 +0000\n\nopentracker-py ({version()}-1)" in debian
    assert "%changelog\n* Mon Dec 07 2026 " in (copy / "packaging/rpm/opentracker.spec").read_text()


def test_the_first_release_has_one_entry_in_its_changelogs(copy: Path) -> None:
    set_version(copy, version(), DATE)
    assert (copy / "packaging/debian/changelog").read_text().count("urgency=") == 1
    assert f"## {version()} (07 Dec 2026)\n" in (copy / "CHANGELOG.md").read_text()


def test_what_is_no_version_is_refused_and_nothing_is_written(copy: Path) -> None:
    with pytest.raises(PackagingError, match="'v1' is no version"):
        set_version(copy, "v1", DATE)
    assert set(dict(versions(copy)).values()) == {version()}


def test_a_file_without_a_version_is_told(copy: Path) -> None:
    (copy / "packaging/nix/default.nix").write_text("{ }\n")
    with pytest.raises(PackagingError, match=r"packaging/nix/default\.nix: there is no version"):
        list(versions(copy))
