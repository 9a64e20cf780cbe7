"""The command line: the cases L-xx, in this process and others."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from opentracker import cli
from opentracker._features import BUILD_RECORD, OPTION_FLAGS, WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Bind, Settings
from opentracker.errors import UsageError
from tests.config.parsing import settings_of
from tests.server.live import HOME, packed
from tests.server.marks import needs_ipv4
from tests.server.process import CLUSTER, COMMAND, PATIENCE, Tracker, run

RECORD = json.loads(BUILD_RECORD)
HOME6 = HOME == "::1"
ENDPOINT = f"[{HOME}]" if HOME6 else HOME


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_l01_help(option: str) -> None:
    status, out, err = run(option)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: opentracker ")
    for each in cli.OPTIONS:
        assert f"\n  -{each.letter} " in out


@pytest.mark.parametrize("option", ["-v", "--version"])
def test_l02_version(option: str) -> None:
    status, out, err = run(option)
    assert (status, err) == (0, "")
    assert out.startswith("opentracker ")


def test_l02_version_for_programs() -> None:
    status, out, err = run("--version", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["flags"]["WANT_V6"] is WANT_V6


@pytest.mark.parametrize("option", ["-h", "-v", "-t"])
def test_who_reads_nothing_of_it_gets_no_traceback(option: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        done = subprocess.run(
            [*COMMAND, *CLUSTER, option], check=False, stdout=nobody, stderr=subprocess.PIPE, timeout=PATIENCE
        )
    assert (done.returncode, b"BrokenPipe" in done.stderr) == (0, False)


def test_the_console_script() -> None:
    script = Path(sysconfig.get_path("scripts")) / "opentracker"
    assert run("-v", command=[str(script)]) == run("-v")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-x"], "-x"),
        (["-p"], "-p"),
        (["-i", "notanip"], "notanip"),
        (["-i", "1.2.3"], "1.2.3"),
        (["-i", ""], "-i"),
        (["-i", "127.0.0.1:80"], "127.0.0.1:80"),
        (["-p", "abc"], "abc"),
        (["-p", ""], "-p"),
        (["-P", "٣"], "-P"),
        (["-A", "bogus"], "-A"),
        (["-A", "1.2.3.4/33"], "-A"),
        (["-p", "70000"], "70000"),  # L-04
        (["-p", "27160x"], "27160x"),
        (["-p", "-1"], "-1"),
        (["-r", "http://x/ y"], "-r"),
        (["-r", "http://x/\r\nSet-Cookie: y"], "-r"),
        (["-r", ""], "-r"),
        (["surplus"], "surplus"),
        (["-p", "0", "surplus"], "surplus"),
        (["--json"], "--json"),
        (["--bogus"], "bogus"),
        (["-b", "x", "-w", "y"], "-"),  # L-16, A-18: no build has both
        (["-A", ""], "-A ''"),
        (["-u", ""], "-u"),
        (["-d", ""], "-d"),
        (["-f"], "-f"),
    ],
)
def test_l03_l04_wrong_command_lines(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("opentracker: ")
    assert named in first
    assert second == "opentracker: `opentracker -h` tells which options there are"


def test_l03_in_a_process_of_its_own() -> None:
    status, out, err = run("-p", "abc")
    assert (status, out) == (1, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("letter", OPTION_FLAGS)
def test_options_of_absent_features_do_not_exist(letter: str) -> None:
    flag = OPTION_FLAGS[letter]
    if RECORD["flags"][flag]:
        assert settings_of(f"-{letter}", "80") != Settings()
        assert f"\n  -{letter} " in cli.usage()
        return
    with pytest.raises(UsageError, match=f"^option -{letter}: not in this .*{flag}"):
        cli.parse([f"-{letter}", "80"])
    assert f"-{letter}" not in cli.usage()


def test_l07_without_ports_6969_is_bound() -> None:
    settings = settings_of()
    assert settings.binds == []
    status, out, err = run("-t")
    assert (status, "Traceback" in err) == (0, False)
    bound = out.splitlines()
    wildcard = "[::]:6969" if WANT_V6 else "0.0.0.0:6969"
    assert f"would listen on TCP {wildcard}" in bound
    assert f"would listen on UDP {wildcard}" in bound


def test_l07_without_ports_6969_is_bound_on_the_latest_address() -> None:
    status, out, _ = run("-i", HOME, "-t")
    bound = [line for line in out.splitlines() if "listen" in line]
    assert (status, bound) == (
        0,
        [f"would listen on TCP {ENDPOINT}:6969", f"would listen on UDP {ENDPOINT}:6969"],
    )


@needs_ipv4
def test_l08_an_address_is_for_the_ports_that_follow() -> None:
    one, two = packed("127.0.0.1"), packed("127.0.0.2")
    settings = settings_of("-p", "80", "-i", "127.0.0.1", "-p", "1", "-i", "127.0.0.2", "-P", "2", "-p", "3")
    assert settings.binds == [
        Bind(False, None, 80),
        Bind(False, one, 1),
        Bind(True, two, 2),
        Bind(False, two, 3),
    ]
    with Tracker("-i", "127.0.0.1", "-p", "0", "-i", "127.0.0.2", "-P", "0", sockets=2) as tracker:
        assert [(kind, host) for kind, host, _ in tracker.endpoints] == [
            ("TCP", "127.0.0.1"),
            ("UDP", "127.0.0.2"),
        ]


@pytest.mark.parametrize(
    ("flag", "address", "named"),
    [(WANT_V4_ONLY, "::1", "WANT_V4_ONLY"), (WANT_V6, "127.0.0.1", "WANT_V6")],
    ids=["V4_ONLY", "V6"],
)
def test_addresses_of_a_family_that_is_not_built_in(flag: bool, address: str, named: str) -> None:
    if not flag:
        assert settings_of("-i", address).last_address == packed(address)
        return
    with pytest.raises(UsageError, match=named):
        cli.parse(["-i", address])
