"""Wheels of the small project, built by hatchling: what they hold, require, say, and that they come out the same."""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.build.workshop import Artifact, build, clean_environment, copy_project, run_build

BASE = ["minitracker/__init__.py", "minitracker/_features.py", "minitracker/cli.py", "minitracker/core.py"]
LIST = "minitracker/features/accesslist.py"
DYNAMIC = "minitracker/features/dynamic.py"


def run(folder: Path) -> str:
    """Run an unpacked wheel, and return what it says."""
    process = subprocess.run(
        [sys.executable, "-m", "minitracker.cli"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def snapshot(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a folder, build results and Python's caches left aside."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and not {"dist", "__pycache__"} & set(path.parts)
    )
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def requirements(wheel: Artifact) -> list[str]:
    """Return what a wheel requires."""
    lines = wheel.read("/METADATA").decode().splitlines()
    return sorted(line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist"))


def test_a_wheel_holds_what_was_chosen_and_no_more(project: Path) -> None:
    before = snapshot(project)
    wheel = build(project)
    assert wheel.path.name == "minitracker-0.1.0-py3-none-any.whl"
    assert wheel.modules == [*BASE, "minitracker/features/__init__.py"]
    assert b"SECRET" not in wheel.contents()
    assert b"guest" not in wheel.contents()
    assert snapshot(project) == before
    white = build(project, WANT_ACCESSLIST_WHITE="1", WANT_DYNAMIC="1")
    assert white.modules == [*BASE, "minitracker/features/__init__.py", LIST, DYNAMIC]
    assert white.contents().count(b"SECRET") == wheel.contents().count(b"SECRET") + 4


def test_wheels_run(project: Path, tmp_path: Path) -> None:
    plain = run(build(project).unpack(tmp_path / "plain"))
    assert plain == "(4, 6) ['V4 and V6', 'static'] GREETING: Grüße1800 GREETING: Grüße1800 []"
    whitelist = run(build(project, OPENTRACKER_PROFILE="whitelist", WANT_V6="1").unpack(tmp_path / "white"))
    assert whitelist == "(6,) ['V6', 'static'] GREETING: Grüße900 not on the guest list: SECRET GUEST TEXT []"
    dynamic = run(
        build(project, WANT_DYNAMIC="1", WANT_ACCESSLIST_BLACK="1", WANT_GREETING="0").unpack(
            tmp_path / "dyn"
        )
    )
    assert dynamic == (
        "(4, 6) ['V4 and V6', 'SECRET\\n        DYNAMIC'] not on the guest list: SECRET GUEST TEXT 1800"
        " ['SECRET DYNAMIC JOB']"
    )


def test_requirements_follow_the_flags(project: Path) -> None:
    assert requirements(build(project)) == ["mypy-extensions>=1.0"]
    dynamic = build(project, WANT_DYNAMIC="1", WANT_ACCESSLIST_BLACK="1")
    assert requirements(dynamic) == ["mypy-extensions>=1.0", "some-fifo-package>=1"]


def test_a_feature_arrives_when_its_mark_is_gone(project: Path) -> None:
    features = project / "features.toml"
    features.write_text(features.read_text().replace('"WANT_FULLSCRAPE", ', ""))
    assert requirements(build(project)) == ["mypy-extensions>=1.0"]
    assert requirements(build(project, WANT_GZIP="1")) == ["gzip-stream>=1.2", "mypy-extensions>=1.0"]


def test_a_wheel_can_be_asked_without_being_run(project: Path, tmp_path: Path) -> None:
    wheel = build(project, OPENTRACKER_PROFILE="whitelist")
    record = json.loads(wheel.read(".dist-info/extra_metadata/minitracker.json"))
    assert record["profile"] == "whitelist"
    assert [name for name, on in record["flags"].items() if on] == ["WANT_ACCESSLIST_WHITE", "WANT_GREETING"]
    names: dict[str, Any] = {}
    exec(wheel.read("minitracker/_features.py"), names)
    assert json.loads(names["BUILD_RECORD"]) == record


BAD = [
    ({"WANT_V6": "yes"}, "error: WANT_V6=yes (environment): a flag is 0 or 1"),
    ({"WANT_VG": "1"}, "error: WANT_VG=1 (environment): no such flag; the nearest known one is WANT_V6"),
    (
        {"WANT_ACCESSLIST_WHITE": "1", "WANT_ACCESSLIST_BLACK": "1"},
        "error: WANT_ACCESSLIST_BLACK=1 (environment) and ",
    ),
    ({"WANT_GZIP": "1", "WANT_FULLSCRAPE": "0"}, "error: WANT_GZIP=1 (environment) needs WANT_FULLSCRAPE"),
    ({"WANT_SYNC_LIVE": "1"}, "error: WANT_SYNC_LIVE=1 (environment): not in this version"),
    ({"OT_INTERVAL": "0"}, "error: OT_INTERVAL=0 (environment): from 300 to 12000 (s) is allowed"),
    ({"OPENTRACKER_PROFILE": "nobody"}, "error: OPENTRACKER_PROFILE=nobody (environment): no such profile"),
    ({"OPENTRACKER_FEATURES": "pyproject.toml"}, "error: pyproject.toml:1: [build-system] is not a table"),
]


@pytest.mark.parametrize(("environment", "message"), BAD, ids=[" ".join(variables) for variables, _ in BAD])
@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_bad_input_is_one_line_and_no_wheel(
    project: Path, environment: dict[str, str], message: str, target: str
) -> None:
    process = run_build(project, target, environment)
    assert process.returncode == 1
    assert process.stderr.startswith(message)
    assert process.stderr.count("\n") == 1
    assert not list(project.glob("dist/*.*"))


def test_a_broken_features_file_is_one_line(project: Path) -> None:
    (project / "features.toml").write_text("[flags\n")
    process = run_build(project, "wheel", {})
    assert process.returncode == 1
    assert process.stderr.startswith(f"error: features file {project}/features.toml: not TOML: ")
    assert process.stderr.count("\n") == 1


def test_a_flag_without_a_meaning_is_named(project: Path) -> None:
    process = run_build(project, "wheel", {"WANT_DEV_RANDOM": "1"})
    assert process.returncode == 0
    assert (
        "note: WANT_DEV_RANDOM=1 (environment) has no meaning here: randomness always comes" in process.stderr
    )


def test_the_local_version_is_that_of_the_wheel_alone(project: Path, tmp_path: Path) -> None:
    named = {"OPENTRACKER_LOCAL_VERSION": "1", "WANT_V6": "1", "WANT_ACCESSLIST_WHITE": "1"}
    assert build(project, **named).path.name == "minitracker-0.1.0+v6.white-py3-none-any.whl"
    assert build(project, OPENTRACKER_LOCAL_VERSION="1").path.name == "minitracker-0.1.0-py3-none-any.whl"
    sdist = build(project, "sdist", **named)
    assert sdist.path.name == "minitracker-0.1.0.tar.gz"
    assert sdist.sha256 == build(project, "sdist").sha256
    unpacked = unpack_sdist(sdist, tmp_path)
    assert build(unpacked, **named).path.name == "minitracker-0.1.0+v6.white-py3-none-any.whl"
    assert build(unpacked).path.name == "minitracker-0.1.0-py3-none-any.whl"


def test_both_targets_in_one_run_have_their_own_version(project: Path) -> None:
    environment = clean_environment(OPENTRACKER_LOCAL_VERSION="1", WANT_V6="1")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build"],
        cwd=project,
        env=environment,
        check=True,
        capture_output=True,
    )
    names = sorted(path.name for path in (project / "dist").iterdir())
    assert names == ["minitracker-0.1.0+v6-py3-none-any.whl", "minitracker-0.1.0.tar.gz"]


def unpack_sdist(sdist: Artifact, folder: Path) -> Path:
    """Unpack an sdist, and return the project in it."""
    with tarfile.open(sdist.path) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
        archive.extractall(folder / "unpacked")
    (project,) = (folder / "unpacked").iterdir()
    return project


@pytest.mark.parametrize(
    "variant", [{}, {"OPENTRACKER_PROFILE": "whitelist"}, {"WANT_V6": "1", "OT_INTERVAL": "600"}]
)
def test_wheels_are_reproducible(project: Path, tmp_path: Path, variant: dict[str, str]) -> None:
    first = build(project, "wheel", 0o022, PYTHONHASHSEED="1", TZ="UTC", **variant)
    elsewhere = copy_project(tmp_path / "a longer name" / "elsewhere" / "minitracker-copy")
    for path in elsewhere.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    second = build(elsewhere, "wheel", 0o077, PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C", **variant)
    assert second.path.name == first.path.name
    assert second.sha256 == first.sha256
    by_sdist = build(unpack_sdist(build(elsewhere, "sdist"), tmp_path), **variant)
    assert by_sdist.sha256 == first.sha256


def test_variants_differ(project: Path) -> None:
    variants: list[dict[str, str]] = [
        {},
        {"OPENTRACKER_PROFILE": "ipv6"},
        {"OPENTRACKER_PROFILE": "whitelist"},
        {"OT_INTERVAL": "600"},
    ]
    assert len({build(project, **variant).sha256 for variant in variants}) == len(variants)


def test_an_editable_install_writes_the_trees_features(project: Path) -> None:
    script = "import hatchling.build as b; b.build_editable('dist')"
    environment = clean_environment(WANT_V6="1")
    subprocess.run(
        [sys.executable, "-c", script], cwd=project, env=environment, check=True, capture_output=True
    )
    (wheel,) = (Artifact(path) for path in (project / "dist").iterdir())
    assert [name for name in wheel.names if ".dist-info" not in name] == ["_minitracker.pth"]
    assert "WANT_V6: Final = True" in (project / "minitracker" / "_features.py").read_text()
