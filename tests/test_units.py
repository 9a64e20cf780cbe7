"""The units in docs/systemd, read by systemd's own tools where there are any."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[1] / "docs/systemd"
MOST_EXPOSED = 1.5  # of 10

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
    for unit in ("opentracker.service", "opentracker.socket"):
        text = (UNITS / unit).read_text().replace("/usr/bin/opentracker", sys.executable)
        (tmp_path / unit).write_text(text)
    return tmp_path


@needs_systemd
def test_the_service_is_hardly_exposed(units: Path) -> None:
    done = analyze("security", "--offline=true", str(units / "opentracker.service"))
    if "unrecognized option" in done.stderr or "Unknown" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    found = re.search(r"Overall exposure level for opentracker.service: ([\d.]+)", done.stdout)
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


def test_the_service_has_no_rights() -> None:
    service = keys("opentracker.service")
    assert service["User"] == ["opentracker"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["Type"] == ["notify"]


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
    assert re.search(
        r"^d +/var/lib/opentracker +0750 opentracker ", (UNITS / "tmpfiles.conf").read_text(), re.MULTILINE
    )
