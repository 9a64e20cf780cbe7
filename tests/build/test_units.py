"""Files of service managers: a wheel has those of one, and they start its tracker, whatever was left out of it."""

import os
import shutil
import subprocess

import pytest

from build_hook.errors import BuildError
from build_hook.resolution import SERVICES, resolve
from build_hook.units import COMMANDS, is_wanted, unit_for
from tests.build.workshop import ROOT

TEXT = (ROOT / "docs/systemd/opentracker.service").read_text()


def exec_start(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("ExecStart=")]


def test_a_unit_is_taken_as_it_is_where_nothing_is_lacking() -> None:
    everything = {"WANT_ACCESSLIST_BLACK": "1", "WANT_SYNC_LIVE": "1"}
    assert unit_for(resolve(ROOT, everything), TEXT) == TEXT
    assert " -S state " in exec_start(TEXT)[0]


def test_options_that_are_lacking_go_with_their_arguments() -> None:
    unit = unit_for(resolve(ROOT, {"OPENTRACKER_PROFILE": "private"}), TEXT)
    assert exec_start(unit) == [exec_start(TEXT)[0].replace(" -S state", "")]
    changed = exec_start(TEXT)[0]
    assert unit.replace(exec_start(unit)[0], changed) == TEXT


@pytest.mark.parametrize("service", SERVICES)
def test_a_wheel_has_the_files_of_one_service_manager(service: str) -> None:
    build = resolve(ROOT, {"OPENTRACKER_SERVICE": service})
    folders = ["systemd", "openrc", "rc.d"]
    wanted = [folder for folder in folders if is_wanted(build, f"docs/{folder}/opentracker")]
    assert wanted == [folder for folder in folders if folder == service]
    assert is_wanted(build, "docs/man/opentracker.1")


def test_another_service_manager_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        BuildError, match=r"OPENTRACKER_SERVICE=upstart .* one of systemd, openrc, rc\.d, none"
    ):
        resolve(ROOT, {"OPENTRACKER_SERVICE": "upstart"})


@pytest.mark.parametrize("name", ["openrc/opentracker.initd", "rc.d/opentracker"])
def test_scripts_are_programs_and_lose_lacking_options(name: str) -> None:
    path = ROOT / "docs" / name
    assert os.access(path, os.X_OK)
    text = path.read_text()
    (line,) = (line for line in text.splitlines() if line.startswith(COMMANDS) and " -f " in line)
    without = unit_for(resolve(ROOT, {"OPENTRACKER_PROFILE": "private"}), text)
    assert without == text.replace(line, line.replace(" -S state ", " "))
    assert without != text


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
@pytest.mark.parametrize("name", ["openrc/opentracker.initd", "openrc/opentracker.confd", "rc.d/opentracker"])
def test_scripts_are_sound_shell(name: str) -> None:
    """SC2034 is left out: variables for the service manager look unused to shellcheck."""
    unseen = ["--exclude=SC2034,SC1091", "--shell=sh"]
    done = subprocess.run(
        ["shellcheck", *unseen, str(ROOT / "docs" / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
