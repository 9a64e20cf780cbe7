"""The command line of opentracker.control: what it prints, its statuses, its page and its completion."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_CONTROL
from opentracker.control.__main__ import FAILED, UNREACHABLE, VARIABLE, main, parser
from tests.server.live import HOME
from tests.server.process import Tracker

if WANT_CONTROL:
    from opentracker.features.control.commands import TABLE

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "man" / "opentracker.control.1").read_text()
HASH = "41" * 20


class Answering:
    """A tracker that answers each client with the same bytes; `lines` are what the clients have sent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer = b'{"ok": true}\n'
        self.cut = 0  # clients that get no answer
        self.lines: list[bytes] = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(str(path))
        self.sock.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.sock.accept()
            except OSError:
                return
            with client:
                line = client.makefile("rb").readline()
                if line == b"stop\n":
                    return
                self.lines.append(line)
                if self.cut > 0:
                    self.cut -= 1
                    continue
                client.sendall(self.answer)

    def stop(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(self.path))
            client.sendall(b"stop\n")
        self.thread.join()
        self.sock.close()


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    it = Answering(tmp_path / "control")
    yield it
    it.stop()


def ask(answering: Answering, *words: str) -> int:
    return main(["-s", str(answering.path), *words])


def test_a_command_is_a_line(answering: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    answering.answer = b'{"ok": true, "changed": 2}\n'
    assert ask(answering, "list", "add", HASH, HASH) == 0
    assert answering.lines == [f"list add {HASH} {HASH}\n".encode()]
    assert capsys.readouterr().out == "changed: 2\n"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"listed": {HASH: True, "b": False}}, f"{HASH}: yes\nb: no\n"),
        ({"worries": []}, "\n"),
        (
            {"peers": [{"address": "192.0.2.1:1", "role": "seeder", "age": 3}]},
            "peers: address 192.0.2.1:1, role seeder, age 3\n",
        ),
        ({"newest": None, "known": True}, "newest: none\nknown: yes\n"),
    ],
)
def test_answers_for_people(
    answering: Answering, capsys: pytest.CaptureFixture[str], answer: dict[str, object], text: str
) -> None:
    answering.answer = json.dumps({"ok": True, **answer}).encode() + b"\n"
    assert ask(answering, "status") == 0
    assert capsys.readouterr().out == text


def test_answers_for_programs(answering: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    answering.answer = b'{"ok": false, "error": "no"}\n'
    assert ask(answering, "--json", "status") == FAILED
    assert capsys.readouterr().out == '{"ok": false, "error": "no"}\n'


def test_a_refusal_is_a_status_and_a_line_on_standard_error(
    answering: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.answer = b'{"ok": false, "error": "there is no list"}\n'
    assert ask(answering, "list", "count") == FAILED
    assert capsys.readouterr() == ("", "opentracker.control: there is no list\n")


@pytest.mark.parametrize("answer", [b"", b'{"ok": tr', b"what?\n"])
def test_answers_that_are_none(
    answering: Answering, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    answering.answer = answer
    assert ask(answering, "status") == UNREACHABLE
    assert str(answering.path) in capsys.readouterr().err


@pytest.mark.needs("WANT_CONTROL")
def test_a_real_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o777)
    config, path = tmp_path / "conf", tmp_path / "control"
    config.write_text(f"tracker.rootdir {tmp_path}\ncontrol.socket {path}\n")
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1):
        assert main(["-s", str(path), "status"]) == 0
        assert "torrents: 0\npeers: 0\n" in capsys.readouterr().out
        assert main(["-s", str(path), "torrent", HASH]) == 0
        assert "known: no\n" in capsys.readouterr().out
        assert main(["-s", str(path), "torrent", "41"]) == FAILED
        assert "expected info_hashes" in capsys.readouterr().err


def test_a_connection_that_an_upgrade_has_ended_is_made_anew(answering: Answering) -> None:
    answering.cut = 1
    assert ask(answering, "status") == 0
    assert answering.lines == [b"status\n"] * 2
    answering.cut = 2
    assert ask(answering, "status") == UNREACHABLE


def test_a_command_of_two_lines_is_refused(answering: Answering) -> None:
    assert ask(answering, "list", "add\nlist remove") == FAILED
    assert answering.lines == []


def test_without_a_tracker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", str(tmp_path / "none"), "status"]) == UNREACHABLE
    assert capsys.readouterr().err == f"opentracker.control: {tmp_path}/none: No such file or directory\n"


def test_the_environment_names_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/somewhere")
    assert parser().parse_args(["status"]).socket == "/somewhere"


def test_the_page_has_all_options() -> None:
    there = set(re.findall(r"^\s+(?:-\w PATH, |-\w, )?--([a-z-]+)", parser().format_help(), re.MULTILINE))
    assert there == {"socket", "json", "help"}
    assert there == set(re.findall(r"Fl -([a-z-]+)", PAGE))


@pytest.mark.needs("WANT_CONTROL")
def test_page_help_and_completion_know_every_command() -> None:
    assert WANT_CONTROL
    assert set(re.findall(r"^\.It Cm ((?:list|keys) \w+|\w+)", PAGE, re.MULTILINE)) == set(TABLE)
    for command in TABLE:
        assert set(command.split()) <= set(re.findall(r"[a-z]+", parser().format_help()))
        *before, last = command.split()
        assert last in completed(*before, "")


def completed(*words: str) -> list[str]:
    """The words that bash offers behind others."""
    if not shutil.which("bash"):
        pytest.skip("needs bash")
    script = (
        'source "$1"; shift; COMP_WORDS=(opentracker.control "$@"); COMP_CWORD=$#; '
        '_opentracker_control; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    command = ["bash", "-c", script, "bash", str(DOCS / "completion" / "opentracker.control"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["li"], ["list"]),
        (["list", "re"], ["remove"]),
        (["keys", "co"], ["contains", "count"]),
        (["--json", "level", "w"], ["warning"]),
        (["-s", "/x", "level", "e"], ["error"]),
        (["torrent", HASH, ""], ["peers"]),
        (["torrent", "41", ""], []),
        (["--js"], ["--json"]),
        (["status", ""], []),
    ],
)
def test_the_completion(words: list[str], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_the_completion_of_the_socket_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "control").touch()
    assert completed("-s", f"{tmp_path}/con") == [f"{tmp_path}/control"]
