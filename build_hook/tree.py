"""The tree's own _features.py, for work on a checkout: `python hatch_build.py`, and editable installs."""

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from build_hook.errors import one_line_errors
from build_hook.rendering import render_features
from build_hook.resolution import Build, resolve


def write_tree_features(root: Path, project: str, version: str, environment: Mapping[str, str]) -> Build:
    """Write the tree's own _features.py, for work on a checkout: never compiled."""
    build = resolve(root, environment)
    if build.flags.get("WANT_COMPILED"):
        print("note: WANT_COMPILED=1 has no effect on a tree that is worked on", file=sys.stderr)
        build = resolve(root, {**environment, "WANT_COMPILED": "0"})
    text = render_features(build, project, version)
    (root / project / "_features.py").write_text(text, encoding="utf-8")
    return build


def print_notes(build: Build) -> None:
    """Print the notes of a build on standard error."""
    for note in build.notes:
        print(f"note: {note}", file=sys.stderr)


def main(root: Path) -> None:
    """Write the tree's own _features.py for the choices in the environment."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]["name"]
    version = pyproject["tool"]["hatch"]["metadata"]["hooks"]["custom"]["version"]
    with one_line_errors():
        build = write_tree_features(root, project, version, os.environ)
    print_notes(build)
    on = " ".join(name for name, value in build.flags.items() if value) or "no flag on"
    print(f"{project}/_features.py: profile {build.profile}, {on}")
