"""The staged copy: modules of absent features missing, and nothing left that would miss them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from build_hook.errors import BuildError
from build_hook.rendering import render_features
from build_hook.resolution import resolve
from build_hook.staging import stage

Staged = Callable[..., Path]


@pytest.fixture
def staged(project: Path, tmp_path: Path) -> Staged:
    """Staging of the small project for these variables."""

    def stage_project(**environment: str) -> Path:
        build = resolve(project, environment)
        target = tmp_path / f"stage-{len(list(tmp_path.iterdir()))}" / "minitracker"
        stage(build, project / "minitracker", target, render_features(build, "minitracker", "0.1.0"))
        return target

    return stage_project


def files(folder: Path) -> set[str]:
    """Return a folder's files."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


ALWAYS = {"__init__.py", "_features.py", "cli.py", "core.py", "py.typed", "features/__init__.py"}


@pytest.mark.parametrize(
    ("environment", "more"),
    [
        ({}, set()),
        ({"WANT_ACCESSLIST_WHITE": "1"}, {"features/accesslist.py"}),
        ({"WANT_ACCESSLIST_BLACK": "1"}, {"features/accesslist.py"}),
        (
            {"WANT_ACCESSLIST_BLACK": "1", "WANT_DYNAMIC": "1"},
            {"features/accesslist.py", "features/dynamic.py"},
        ),
    ],
)
def test_modules_follow_their_flags(staged: Staged, environment: dict[str, str], more: set[str]) -> None:
    assert files(staged(**environment)) == ALWAYS | more


def test_no_text_of_an_absent_feature_is_left(staged: Staged) -> None:
    texts = {path.name: path.read_text() for path in staged().rglob("*.py")}
    assert not [name for name, text in texts.items() if "SECRET" in text or "guest" in text]
    assert "SECRET GUEST TEXT" in (staged(WANT_ACCESSLIST_WHITE="1") / "core.py").read_text()


def test_a_source_without_flags_is_copied_as_it_is(staged: Staged, project: Path) -> None:
    folder = staged(WANT_V6="1")
    for name in ("cli.py", "__init__.py", "py.typed"):
        assert (folder / name).read_bytes() == (project / "minitracker" / name).read_bytes()


def test_caches_extensions_and_hidden_files_stay_behind(staged: Staged, project: Path) -> None:
    for name in (
        "core.cpython-313-x86_64-linux-gnu.so",
        "core.pyc",
        ".core.py.swp",
        "__pycache__/core.pyc",
        "_features.py",
    ):
        path = project / "minitracker" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"stale")
    folder = staged()
    assert files(folder) == ALWAYS
    assert (folder / "_features.py").read_bytes() != b"stale"


@pytest.mark.parametrize(
    "line",
    [
        "import minitracker.features.accesslist",
        "from minitracker.features import accesslist",
        "from minitracker.features.accesslist import allowed",
        "from .features import accesslist",
        "from .features.accesslist import allowed",
        "def f():\n    from . import core; from .features import accesslist",
    ],
)
def test_an_import_of_what_is_left_out_fails_the_build(staged: Staged, project: Path, line: str) -> None:
    path = project / "minitracker" / "cli.py"
    path.write_text(line + "\n")
    number = line.count("\n") + 1
    with pytest.raises(BuildError) as caught:
        staged()
    assert str(caught.value) == (
        f"minitracker/cli.py:{number}: imports minitracker.features.accesslist, which is in builds with"
        " WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE alone: import it under the flag"
    )
    staged(WANT_ACCESSLIST_BLACK="1")


def test_an_import_from_a_sibling_is_seen(staged: Staged, project: Path) -> None:
    (project / "minitracker" / "features" / "other.py").write_text("from .accesslist import allowed\n")
    with pytest.raises(BuildError, match=r"features/other\.py:1: imports minitracker\.features\.accesslist"):
        staged()


def test_a_module_that_the_features_file_names_must_be_there(staged: Staged, project: Path) -> None:
    (project / "minitracker" / "features" / "dynamic.py").unlink()
    with pytest.raises(
        BuildError, match=r"features\.dynamic \(features\.toml:43\): no such module in minitracker/"
    ):
        staged()


def test_what_the_rules_forbid_fails_the_build_with_file_and_line(staged: Staged, project: Path) -> None:
    path = project / "minitracker" / "cli.py"
    path.write_text("from minitracker._features import WANT_V6\n\nif WANT_V6:\n    class C: pass\n")
    with pytest.raises(BuildError, match=r"^minitracker/cli\.py:4: class C under WANT_V6"):
        staged()


def test_a_module_can_belong_to_builds_without_a_flag(staged: Staged, project: Path) -> None:
    (project / "minitracker" / "plain.py").write_text("")
    features = project / "features.toml"
    features.write_text(
        features.read_text().replace('"features.dynamic"', '"plain" = ["!WANT_V6"]\n"features.dynamic"')
    )
    assert files(staged()) == ALWAYS | {"plain.py"}
    assert files(staged(WANT_V6="1")) == ALWAYS
    (project / "minitracker" / "cli.py").write_text("import minitracker.plain\n")
    with pytest.raises(BuildError, match=r"plain, which is in builds with WANT_V6=0 alone: import it under"):
        staged(WANT_V6="1")


def test_a_package_can_belong_to_a_flag(staged: Staged, project: Path) -> None:
    folder = project / "minitracker" / "dynamic"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "more.py").write_text("")
    features = project / "features.toml"
    features.write_text(
        features.read_text().replace('"features.dynamic"', '"dynamic" = ["WANT_DYNAMIC"]\n"features.dynamic"')
    )
    assert files(staged()) == ALWAYS
    on = files(staged(WANT_DYNAMIC="1", WANT_ACCESSLIST_BLACK="1"))
    assert {"dynamic/__init__.py", "dynamic/more.py"} <= on
