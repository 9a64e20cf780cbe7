"""The release page of CONTRIBUTING.md: its commands are those that there are."""

import re
import tomllib

import pytest

from builder import command, release
from tests.build.workshop import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Release\n")[2]
BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line.strip() for block in BLOCKS for line in block.splitlines()]
DOCS = (ROOT / "docs" / "building.md").read_text(encoding="utf-8")


def commands(program: str) -> list[list[str]]:
    """The arguments of every call of a program on the page."""
    found = re.findall(
        rf"(?:^|python |-exec ){re.escape(program)} (.*?)(?: \+)?$", "\n".join(LINES), re.MULTILINE
    )
    return [line.split() for line in found]


@pytest.mark.parametrize("arguments", commands("packaging/release"))
def test_steps_of_the_page_are_steps_of_the_program(arguments: list[str]) -> None:
    assert release.parse(arguments).step == arguments[0]


@pytest.mark.parametrize("arguments", commands("packaging/build"))
def test_packages_of_the_page_can_be_built(arguments: list[str]) -> None:
    assert command.parse(arguments).variants == arguments[1:]


def test_every_step_of_the_program_is_on_the_page() -> None:
    assert {arguments[0] for arguments in commands("packaging/release")} == {"version", "reproduce", "sbom"}
    assert {arguments[0] for arguments in commands("packaging/build")} == set(command.DISTROS)


def test_the_builds_of_the_page_are_those_of_the_packagers_page() -> None:
    calls = [line for line in DOCS.splitlines() if line.startswith("packaging/build ")]
    assert {line.split()[1] for line in calls} == set(command.DISTROS)
    for line in calls:
        assert command.parse(line.split()[1:]).distro == line.split()[1]


def test_the_wheels_for_pypi_are_of_the_defaults() -> None:
    path = ROOT / "packaging" / "wheels" / "cibuildwheel.toml"
    config = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["cibuildwheel"]
    assert config["environment"]["OPENTRACKER_PROFILE"] == "open"
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    classifiers = re.findall(r"Python :: 3\.(\d+)", "\n".join(pyproject["project"]["classifiers"]))
    assert config["build"] == [f"cp3{minor}-*" for minor in classifiers]
