"""The command line of the bridge."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opentracker.bridge.__main__ import main, parser
from opentracker.bridge.options import client_options
from opentracker.errors import UsageError

REQUIRED = ["--cluster", "c", "--site", "s", "--listen", "127.0.0.1:0", "--node-ip", "127.0.0.1"]


def test_the_help_helps(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("--cluster", "--node-ip", "--creds", "exit status", "example:"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "the following arguments are required: --cluster, --site, --listen, --node-ip"),
        ([*REQUIRED, "--site", "a.b"], "argument --site: 'a.b': expected letters, digits, _ and -"),
        ([*REQUIRED, "--cluster", "*"], "argument --cluster: '*': expected letters"),
        ([*REQUIRED, "--listen", "nowhere"], "argument --listen: 'nowhere' is not an IPv4 or IPv6 address"),
        ([*REQUIRED, "--node-ip", "1.2.3.4/33"], "argument --node-ip: '1.2.3.4/33' has a bad prefix length"),
        ([*REQUIRED, "--queue", "0"], "argument --queue: '0': expected a number over 0"),
        (
            [*REQUIRED, "--nats", "http://a:1"],
            "argument --nats: 'http://a:1': expected nats://HOST:PORT or tls://",
        ),
        ([*REQUIRED, "@/nonexistent"], "[Errno 2] No such file or directory: '/nonexistent'"),
        ([*REQUIRED, "--creds", "/nonexistent"], "cannot use a file of the options for NATS: "),
        ([*REQUIRED, "--tls-key", "/nonexistent"], "--tls-key goes with --tls-cert"),
        ([*REQUIRED, "--tls-ca", __file__], "cannot use a file of the options for NATS: "),
        ([*REQUIRED, "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert f"opentracker: {text}" in capsys.readouterr().err


def test_an_address_that_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*REQUIRED[:4], "--listen", "203.0.113.9", "--node-ip", "127.0.0.1"]) == 111
    assert "cannot bind live sync to UDP 203.0.113.9:9696" in capsys.readouterr().err


def test_a_file_for_metrics_that_cannot_be_written(tmp_path: Path) -> None:
    """As a process of its own, which may become somebody else."""
    path = tmp_path / "none" / "bridge.prom"
    command = [sys.executable, "-P", "-m", "opentracker.bridge", *REQUIRED, "--metrics", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 111
    assert f"cannot write {path} (--metrics): " in done.stderr


def test_what_the_client_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    files = ["--creds", str(secret), "--nkey", str(secret), "--token", str(secret)]
    told = client_options(parser().parse_args([*REQUIRED, *files]))
    assert told == {"user_credentials": "s3cret\n", "nkeys_seed_str": "s3cret", "token": "s3cret"}
    with pytest.raises(UsageError):
        client_options(parser().parse_args([*REQUIRED, "--tls-cert", str(secret)]))


def test_the_man_page_has_every_option() -> None:
    page = (Path(__file__).parents[2] / "docs" / "man" / "opentracker-bridge.1").read_text()
    listed = re.findall(
        r"^\.It Fl -([a-z-]+)",
        page.replace("Fl u Ar user , Fl -user", "Fl -user").replace("Fl h , Fl", "Fl"),
        re.MULTILINE,
    )
    options = [
        text[2:] for action in parser()._actions for text in action.option_strings if text.startswith("--")
    ]
    assert sorted(listed) == sorted(options)


def test_options_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "options"
    path.write_text("# the site\n--cluster main\n\n  --site   paris\n--nats tls://a:1\n--nats tls://b:2\n")
    found = parser().parse_args([f"@{path}", *REQUIRED[4:]])
    assert (found.cluster, found.site, found.nats) == ("main", "paris", ["tls://a:1", "tls://b:2"])


@pytest.mark.skipif(os.geteuid() != 0, reason="for root: becomes somebody else")
@pytest.mark.parametrize(
    ("user", "status", "text"),
    [("root", 111, "refuse to go on as root"), ("nobody-of-that-name", 111, "there is no user")],
)
def test_root_becomes_somebody_else_or_nothing_starts(
    user: str, status: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*REQUIRED, "--user", user]) == status
    assert text in capsys.readouterr().err
