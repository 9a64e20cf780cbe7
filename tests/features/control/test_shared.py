"""The control socket over several workers: one answer of those of all."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE, WANT_DYNAMIC_ACCESSLIST
from opentracker.features.control.shared import NOBODY, merged
from tests.server.process import PATIENCE, Tracker
from tests.server.workers.several import (
    INFO_HASHES,
    RELOADED,
    announce,
    needs_several,
    options,
    several,
    until,
    workers_of,
)


def test_the_answer_of_nobody() -> None:
    assert merged("status", []) == {"ok": False, "error": NOBODY}


def test_counts_are_summed_and_worries_are_told_once() -> None:
    answers = [
        {"ok": True, "version": "1", "uptime": 5, "torrents": 2, "peers": 3, "worries": ["a", "b"]},
        {"ok": True, "version": "1", "uptime": 4, "torrents": 1, "peers": 9, "worries": ["b", "c"]},
    ]
    assert merged("status", answers) == {
        "ok": True,
        "version": "1",
        "uptime": 5,
        "torrents": 3,
        "peers": 12,
        "worries": ["a", "b", "c"],
    }


def test_a_torrent_is_known_by_its_owner() -> None:
    unknown, known = {"ok": True, "known": False}, {"ok": True, "known": True, "complete": 1}
    assert merged("torrent", [unknown, known]) == known
    assert merged("torrent", [unknown, unknown]) == unknown


def test_a_refusal_of_one_is_that_of_all() -> None:
    refused = {"ok": False, "error": "no"}
    assert merged("list", [{"ok": True, "changed": 1}, refused]) == refused


class Client:
    """A client of the control socket."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(path))
        self.lines = self.sock.makefile("rb")

    def ask(self, *words: str) -> dict[str, Any]:
        """The answer to a command."""
        self.sock.sendall(" ".join(words).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self.lines.readline())
        return answer

    def close(self) -> None:
        self.lines.close()
        self.sock.close()


@needs_several
@several
def test_commands_are_for_all_workers(tmp_path: Path, workers: int) -> None:
    (tmp_path / "control.conf").write_text(f"control.socket {tmp_path / 'socket'}\n")
    given = ["-f", str(tmp_path / "control.conf"), "-S", str(tmp_path / "state")]
    with Tracker(*options(tmp_path, workers, *given), sockets=2) as tracker:
        client = Client(tmp_path / "socket")
        for info_hash in INFO_HASHES:
            announce(tracker, info_hash, 7000)
        found = client.ask("status")
        assert (found["ok"], found["torrents"], found["peers"]) == (True, 40, 40)
        assert "list count" in client.ask("help")["commands"]
        for info_hash in INFO_HASHES:
            found = client.ask("torrent", info_hash.hex(), "peers")
            assert (found["known"], found["complete"], len(found["peers"])) == (True, 1, 1)
        assert client.ask("torrent", "00" * 20)["known"] is False
        assert client.ask("torrent", "short")["ok"] is False
        assert client.ask("nothing")["error"].startswith("unknown command: 'nothing'")
        assert client.ask("level", "debug") == {"ok": True, "level": "debug"}
        assert client.ask("reload") == {"ok": True, "begun": True}
        for _ in range(workers):
            tracker.line_with(RELOADED)
        assert client.ask("dump") == {"ok": True, "begun": True}
        tracker.line_with("wrote the state to")
        client.close()
    assert not (tmp_path / "socket").exists()


@needs_several
@several
def test_a_list_that_is_changed_for_all_workers(tmp_path: Path, workers: int) -> None:
    if not WANT_DYNAMIC_ACCESSLIST:
        pytest.skip("needs a build with WANT_DYNAMIC_ACCESSLIST=1")
    (tmp_path / "list").write_text("")
    (tmp_path / "control.conf").write_text(f"control.socket {tmp_path / 'socket'}\n")
    option = "-w" if WANT_ACCESSLIST_WHITE else "-b"
    given = ["-f", str(tmp_path / "control.conf"), option, str(tmp_path / "list")]
    with Tracker(*options(tmp_path, workers, *given), sockets=2) as tracker:
        client = Client(tmp_path / "socket")
        words = [each.hex() for each in INFO_HASHES[:10]]

        def listed() -> list[bool]:
            return [
                (b"8:completei" in announce(tracker, each, 7000)) is WANT_ACCESSLIST_WHITE
                for each in INFO_HASHES
            ]

        assert client.ask("list", "add", *words) == {"ok": True, "changed": 10}
        assert client.ask("list", "add", *words) == {"ok": True, "changed": 0}
        assert listed() == [number < 10 for number in range(40)]
        assert client.ask("list", "count")["changes"] == 10
        assert client.ask("list", "contains", words[0])["listed"] == {words[0]: True}
        if workers > 1:
            os.kill(workers_of(tracker)[0], signal.SIGKILL)
            tracker.line_with("serves again")
            until(lambda: listed() == [number < 10 for number in range(40)], "the list of the successor")
        assert client.ask("list", "remove", *words) == {"ok": True, "changed": 10}
        assert listed() == [False] * 40
        client.close()
