"""The command line of lists."""

import io

import pytest

from opentracker.bridge.__main__ import main
from opentracker.bridge.list_command import entries_of, parser

HASH = "0123456789abcdef0123456789abcdef01234567"


def test_the_help_helps(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["list", "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("add", "carry", "--fifo-add", "--nats", "examples:"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "the following arguments are required: action"),
        (["frob"], "argument action: invalid choice: 'frob'"),
        (["add"], "there is nothing to add"),
        (["add", "x"], "entry 1: expected 40 hex digits"),
        (["add", "long-enough", "--list", "keys", "short"], "entry 2: expected a key of 8 to 64 characters"),
        (["delete", "--list", "keys", "short"], "entry 1: expected a key of 8 to 64 characters"),
        (["carry"], "carry needs --file"),
        (["carry", HASH, "--file", "f"], "carry takes no entries"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *arguments]) == 1
    assert f"opentracker: {text}" in capsys.readouterr().err


def test_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    for action in (["add", HASH], ["show"]):
        assert main(["list", *action, "--nats", "nats://127.0.0.1:1"]) == 111
        assert "opentracker: cannot use NATS at 127.0.0.1:1: " in capsys.readouterr().err


def test_entries_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"# comment\n\n{HASH} a name\n{HASH[::-1]}\n"))
    options = parser().parse_args(["add", "-", "--rest", "other"])
    assert entries_of(options) == [(HASH, "a name"), (HASH[::-1], "other")]
