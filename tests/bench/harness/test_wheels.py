import subprocess
from pathlib import Path

import pytest

from harness import wheels
from harness.paths import IN_WHEEL, ROOT


def test_a_script_is_that_of_the_contenders_own_tree(tmp_path: Path) -> None:
    """An older revision names modules by their former places, and has the script by its own former place."""
    assert wheels.script_of(tmp_path, "pure", "micro.py") == IN_WHEEL / "micro.py"
    old = subprocess.run(
        ["git", "-C", str(ROOT), "rev-list", "-1", "HEAD", "--", "bench/micro.py"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not old:
        pytest.skip("an sdist has no history")
    found = wheels.script_of(tmp_path, f"pure@{old}^", "micro.py")
    assert found.relative_to(tmp_path).parts[1:] == ("bench", "micro.py")
    assert found.read_text().startswith('"""')


def test_a_wheel_is_made_anew_when_the_hook_changes(tmp_path: Path) -> None:
    for name in (
        "hatch_build.py",
        "features.toml",
        "pyproject.toml",
        "build_hook/hooks.py",
        "opentracker/a.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x = 1")
    before = wheels.digest(tmp_path)
    wheels.digest.cache_clear()
    (tmp_path / "build_hook/hooks.py").write_text("x = 2")
    assert wheels.digest(tmp_path) != before
