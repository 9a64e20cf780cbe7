"""Compiled wheels of the small project: the same stage, by mypyc."""

import json
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

from build_hook.compiling import compiled_modules, package_fault
from build_hook.resolution import resolve
from tests.build.workshop import Artifact, build, clean_environment, copy_project, run_build

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


@pytest.fixture(scope="module")
def compiled(needs_compiler: None, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A compiled wheel of the defaults."""
    return build(copy_project(tmp_path_factory.mktemp("compiled") / "project"), WANT_COMPILED="1")


def test_the_chosen_modules_are_compiled_and_nothing_is_left_in_the_tree(compiled: Artifact) -> None:
    extensions = [name.removesuffix(SUFFIX) for name in compiled.modules if name.endswith(".so")]
    assert extensions == ["minitracker/_features", "minitracker/core", "minitracker__mypyc"]
    project = compiled.path.parent.parent / "project"
    assert not [
        path for path in project.rglob("*") if path.suffix in (".so", ".c", ".o") or path.name == "build"
    ]


def test_the_wheel_is_for_this_python_and_platform(compiled: Artifact) -> None:
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    assert compiled.path.name.startswith(f"minitracker-0.1.0-{python}-{python}-")
    assert "Root-Is-Purelib: false" in compiled.read("/WHEEL").decode()
    record = json.loads(compiled.read("extra_metadata/minitracker.json"))
    assert record["compiled"] is True


def test_no_text_of_an_absent_feature_is_in_the_machine_code(compiled: Artifact, project: Path) -> None:
    assert b"SECRET" not in compiled.contents()
    assert b"guest list" not in compiled.contents()
    white = build(project, WANT_COMPILED="1", WANT_ACCESSLIST_WHITE="1")
    assert b"SECRET GUEST TEXT" in white.read("minitracker__mypyc" + SUFFIX)


def test_it_runs_as_the_pure_one_does(compiled: Artifact, tmp_path: Path) -> None:
    folder = compiled.unpack(tmp_path / "unpacked")
    for path in folder.glob("minitracker/core.py"):
        path.unlink()  # so that it must be the extension that runs
    process = subprocess.run(
        [sys.executable, "-m", "minitracker.cli"], cwd=folder, capture_output=True, text=True, check=False
    )
    expected = "(4, 6) ['V4 and V6', 'static'] GREETING: Grüße1800 GREETING: Grüße1800 []"
    assert process.stdout.strip() == expected, process.stderr


def test_it_is_reproducible(compiled: Artifact, tmp_path: Path) -> None:
    elsewhere = copy_project(tmp_path / "some" / "other" / "folder")
    again = build(elsewhere, "wheel", 0o077, PYTHONHASHSEED="7", TZ="Asia/Tokyo", WANT_COMPILED="1")
    assert again.path.name == compiled.path.name
    assert again.sha256 == compiled.sha256


def test_mypyc_is_asked_for_only_then(needs_compiler: None, project: Path) -> None:
    assert requirements(project, WANT_COMPILED="0") == "[]"
    assert requirements(project, WANT_COMPILED="1") == "['mypy', 'setuptools']"


def requirements(project: Path, **variables: str) -> str:
    """Return the requirements that a frontend is told of before it builds a wheel."""
    process = subprocess.run(
        [sys.executable, "-c", "import hatchling.build as b; print(b.get_requires_for_build_wheel())"],
        cwd=project,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


def test_without_a_compiler_there_is_one_line_and_mypyc_is_not_asked_for(project: Path) -> None:
    assert requirements(project, WANT_COMPILED="1", CC="/no/such/cc -O2") == "[]"
    process = run_build(project, "wheel", {"WANT_COMPILED": "1", "CC": "/no/such/cc -O2"})
    assert process.returncode == 1
    assert process.stderr == (
        "error: WANT_COMPILED=1 (environment): there is no C compiler /no/such/cc;"
        " install it, name another in CC, or build with 0\n"
    )


@pytest.mark.parametrize(
    ("requirement", "complaint"),
    [
        ("setuptools>=999.1", r"setuptools [0-9.]+ is too old, setuptools>=999\.1 is needed"),
        (
            "no-such-package-0==1.0",
            r"no-such-package-0 is not installed, and no-such-package-0==1\.0 is needed; install it, .*",
        ),
    ],
)
def test_a_package_that_is_missing_or_too_old_is_named_with_the_version_that_is_needed(
    needs_compiler: None, project: Path, requirement: str, complaint: str
) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('["mypy", "setuptools"]', f'["{requirement}"]'))
    process = run_build(project, "wheel", {"WANT_COMPILED": "1"})
    assert process.returncode == 1
    assert re.fullmatch(rf"error: WANT_COMPILED=1 \(environment\): {complaint}\n", process.stderr)


def test_a_version_of_the_same_series_is_tried() -> None:
    major, minor = map(int, version("pytest").split(".")[:2])
    for requirement in ("pytest", "pytest>=1", f"pytest=={major}.{minor}.999"):
        assert package_fault(requirement) == ""
    for requirement in (f"pytest~={major}.{minor + 1}", f"pytest >= {major + 1}"):
        assert package_fault(requirement).endswith(f" is too old, {requirement} is needed")


def test_what_mypyc_refuses_is_told(needs_compiler: None, project: Path) -> None:
    (project / "minitracker" / "core.py").write_text('x: int = "text"\n')
    process = run_build(project, "wheel", {"WANT_COMPILED": "1"})
    assert process.returncode == 1
    assert process.stderr.startswith("minitracker: compiling 2 modules with mypyc, about 1 min\n")
    assert (
        'minitracker/core.py:1: error: Incompatible types in assignment (expression has type "str"'
        in process.stderr
    )
    assert process.stderr.endswith("mypyc or the C compiler failed, its messages are above\n")
    assert not list(project.glob("dist/*.*"))


def test_every_exclusion_has_its_reason(project: Path) -> None:
    build_choices = resolve(project, {})
    modules = compiled_modules(build_choices, project / "minitracker")
    names = [str(path.relative_to(project / "minitracker")) for path in modules]
    assert names == ["core.py", "features/accesslist.py", "features/dynamic.py"]
    assert all(build_choices.features.interpreted.values())
