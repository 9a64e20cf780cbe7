"""The units in docs/systemd, read by systemd's own tools where there are any."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opentracker.errors import EXIT_USAGE

UNITS = Path(__file__).parents[1] / "docs/systemd"
MOST_EXPOSED = 1.5  # of 10
BRIDGE = "opentracker-bridge.service"
SERVICES = ["opentracker.service", BRIDGE]

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs the command systemd-analyze"
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments, "--no-pager"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a command that this machine has."""
    for unit in ("opentracker.service", "opentracker.socket", BRIDGE):
        text = (UNITS / unit).read_text().replace("/usr/bin/opentracker", sys.executable)
        (tmp_path / unit).write_text(text)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES)
def test_the_services_are_hardly_exposed(units: Path, unit: str) -> None:
    done = analyze("security", "--offline=true", str(units / unit))
    if "unrecognized option" in done.stderr or "Unknown" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED


@needs_systemd
def test_systemd_understands_the_units(units: Path) -> None:
    done = analyze("verify", "--man=no", *map(str, sorted(units.iterdir())))
    ours = [line for line in done.stderr.splitlines() if "opentracker" in line]
    assert ours == []


def keys(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", SERVICES)
def test_the_services_have_no_rights(unit: str) -> None:
    service = keys(unit)
    assert service["User"] == service["Group"] == [unit.removesuffix(".service")]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["Type"] == ["notify"]


@pytest.mark.parametrize("unit", SERVICES)
def test_what_a_new_start_cannot_mend_is_not_started_again(unit: str) -> None:
    """And an address that is not there yet gets minutes: more starts fit into the interval than are tried in it."""
    service = keys(unit)
    assert service["Restart"] == ["on-failure"]
    assert service["RestartPreventExitStatus"] == [str(EXIT_USAGE)]
    seconds, starts = int(service["RestartSec"][0]), int(service["StartLimitBurst"][0])
    assert seconds * starts >= 300
    assert service["StartLimitIntervalSec"] == ["10min"]


def test_directories_are_as_tmpfiles_makes_them_and_there_is_one_for_fifos() -> None:
    service = keys("opentracker.service")
    assert service["StateDirectoryMode"] == service["RuntimeDirectoryMode"] == ["0750"]
    assert service["RuntimeDirectory"] == ["opentracker"]


def test_the_state_is_kept_and_has_time_to_be_loaded_and_written() -> None:
    service = keys("opentracker.service")
    assert " -S state " in service["ExecStart"][0]
    assert service["StateDirectory"] == ["opentracker"]
    assert service["TimeoutSec"] == ["10min"]


def test_what_the_sandbox_needs_is_allowed() -> None:
    allowed = keys("opentracker.service")["SystemCallFilter"][-1].split()
    assert allowed == ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"]


def test_the_ipv6_sockets_leave_ipv4_to_the_others() -> None:
    """A build with IPv6 alone takes no other; it and one with IPv4 alone have to do without half of the lines."""
    sockets = keys("opentracker.socket")
    assert sockets["BindIPv6Only"] == ["ipv6-only"]
    assert sockets["ListenStream"] == sockets["ListenDatagram"] == ["0.0.0.0:6969", "[::]:6969"]
    assert "Accept" not in sockets


def test_user_and_directories_are_those_of_the_service() -> None:
    assert re.search(r"^u +opentracker ", (UNITS / "sysusers.conf").read_text(), re.MULTILINE)
    assert re.search(r"^u +opentracker-bridge ", (UNITS / "sysusers-bridge.conf").read_text(), re.MULTILINE)
    assert re.search(
        r"^d +/var/lib/opentracker +0750 opentracker ", (UNITS / "tmpfiles.conf").read_text(), re.MULTILINE
    )
