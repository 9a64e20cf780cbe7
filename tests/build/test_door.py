"""hatch_build.py: hatchling opens it by its path, and finds one class of each kind in it."""

import sys

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from hatchling.plugin.utils import load_plugin_from_script

from tests.build.workshop import ROOT

DOOR = ROOT / "hatch_build.py"
HOOK = ROOT / "build_hook"


def test_hatchling_finds_both_hooks_and_the_path_is_as_before() -> None:
    path = list(sys.path)
    for script, kind in [("FeaturesHook", BuildHookInterface), ("VersionHook", MetadataHookInterface)]:
        found = load_plugin_from_script(str(DOOR), DOOR.name, kind, "custom")
        assert found.__name__ == script
    assert sys.path == path


def test_every_module_of_the_hook_has_its_test() -> None:
    modules = {path.stem for path in HOOK.glob("*.py")} - {"__init__"}
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "build").glob("test_*.py")}
    assert modules - tests == set()
