"""The commands of the control socket: what each answers, and what is refused."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_DYNAMIC_ACCESSLIST,
    WANT_FULLSCRAPE,
)
from opentracker.config.settings import Settings
from opentracker.features.control.commands import (
    LONGEST_LINE,
    MOST_PEERS,
    MOST_WORDS,
    TABLE,
    Commands,
    changes,
    for_log,
)
from tests.server.live import HASH_A, HASH_B, Live, sections
from tests.swarm.crowd import address, put

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.feature import AccessListSettings

HAS_LIST = WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE
A, B = HASH_A.hex(), HASH_B.hex()
SERVED = HASH_A if WANT_ACCESSLIST_WHITE else HASH_B  # the list has HASH_A


class Asked:
    """A tracker whose list has HASH_A, in builds with lists."""

    def __init__(self, folder: Path) -> None:
        own = []
        if HAS_LIST:
            path = folder / "list"
            path.write_text(A + "\n")
            own.append(AccessListSettings(path))
        self.live = Live(Settings(sections=sections(*own)))
        self.commands = Commands(self.live.server)

    def ask(self, line: str) -> dict[str, Any]:
        answer = self.commands.answer(line.encode("latin-1"))
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1
        found: dict[str, Any] = json.loads(answer)
        return found

    def done(self, line: str) -> dict[str, Any]:
        answer = self.ask(line)
        assert answer.pop("ok") is True, answer
        return answer

    def refused(self, line: str) -> str:
        answer = self.ask(line)
        assert answer.pop("ok") is False
        (error,) = answer.values()
        assert isinstance(error, str)
        return error


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    it = Asked(tmp_path)
    yield it
    it.live.close()


def test_the_commands_are_told(asked: Asked) -> None:
    assert asked.done("help") == {"commands": list(TABLE)}


def test_the_status(asked: Asked) -> None:
    put(asked.live.server.tracker, SERVED, address(1))
    status = asked.done("status")
    assert (status["torrents"], status["peers"], status["worries"]) == (1, 1, [])
    assert status["version"].startswith("opentracker ")
    asked.live.server.complaints.append(lambda: "the state could not be written")
    assert asked.done("status")["worries"] == ["the state could not be written"]


@pytest.mark.parametrize(
    "line", ["", " ", "lst", "list", "list up", "\xff", "\x1b[2J", "status\0", "help me"]
)
def test_what_is_no_command(asked: Asked, line: str) -> None:
    assert asked.refused(line).isprintable()


@pytest.mark.parametrize(
    "line", ["status now", "reload x", "dump x", "list count x", "level loud", "level info info"]
)
def test_words_that_are_too_many_or_wrong(asked: Asked, line: str) -> None:
    assert asked.refused(line)


@pytest.mark.parametrize("words", ["", "41", A + "41", "z" * 40, A + " friends", f"{A} peers peers"])
def test_torrents_that_are_no_torrents(asked: Asked, words: str) -> None:
    assert "expected" in asked.refused(f"torrent {words}")


def test_a_torrent(asked: Asked) -> None:
    tracker = asked.live.server.tracker
    put(tracker, SERVED, address(1), seeding=True)
    put(tracker, SERVED, address(2), port=7000)
    asked.live.advance(180)
    answer = asked.done(f"torrent {SERVED.hex().upper()}")
    assert (answer["complete"], answer["incomplete"], answer["downloaded"]) == (1, 1, 0)
    assert answer["newest"] == answer["oldest"] >= 3
    assert "peers" not in answer
    peers = asked.done(f"torrent {SERVED.hex()} peers")["peers"]
    assert [(each["role"], each["address"].endswith(":7000")) for each in peers] == [
        ("leecher", True),
        ("seeder", False),
    ]


def test_a_torrent_that_is_not_known(asked: Asked) -> None:
    for info_hash in (HASH_A, HASH_B):
        answer = asked.done(f"torrent {info_hash.hex()}")
        assert answer == {"known": False, "allowed": not HAS_LIST or info_hash == SERVED}


def test_the_peers_of_a_large_torrent_are_cut_off(asked: Asked) -> None:
    for number in range(MOST_PEERS + 7):
        put(asked.live.server.tracker, SERVED, address(number))
    answer = asked.done(f"torrent {SERVED.hex()} peers")
    assert (len(answer["peers"]), answer["left_out"]) == (MOST_PEERS, 7)


def test_a_reload_and_a_dump_without_files_say_so(asked: Asked) -> None:
    asked.live.server.reloads.clear()
    asked.live.server.dumps.clear()
    assert "nothing" in asked.refused("reload") or "no config" in asked.refused("reload")
    assert "state_file" in asked.refused("dump")


def test_a_reload_and_a_dump_do_what_the_signals_do(asked: Asked) -> None:
    done: list[str] = []
    asked.live.server.reloads[:] = [lambda: done.append("config"), lambda: done.append("list")]
    asked.live.server.dumps[:] = [lambda: done.append("dump")]
    assert asked.done("reload") == asked.done("dump") == {"begun": True}
    assert done == ["config", "list", "dump"]
    assert isinstance(WANT_FULLSCRAPE, bool)


def test_the_level_of_the_log(asked: Asked) -> None:
    log = logging.getLogger("opentracker")
    before = log.level
    try:
        assert asked.done("level error") == {"level": "error"}
        assert asked.done("level") == {"level": "error"}
        assert log.getEffectiveLevel() == logging.ERROR
    finally:
        log.setLevel(before)


@pytest.mark.skipif(HAS_LIST, reason="needs a build without an access list")
@pytest.mark.parametrize("line", ["list count", f"list contains {A}"])
def test_without_a_list_the_flags_are_named(asked: Asked, line: str) -> None:
    assert "WANT_ACCESSLIST_WHITE" in asked.refused(line)


@pytest.mark.needs(WANT_DYNAMIC_ACCESSLIST=False)
@pytest.mark.parametrize("command", ["list add", "list remove"])
def test_without_changes_the_flag_is_named(asked: Asked, command: str) -> None:
    assert not WANT_DYNAMIC_ACCESSLIST
    assert "WANT_DYNAMIC_ACCESSLIST" in asked.refused(f"{command} {A}")


@pytest.mark.skipif(not HAS_LIST, reason="needs a build with an access list")
def test_the_list(asked: Asked) -> None:
    kind = "whitelist" if WANT_ACCESSLIST_WHITE else "blacklist"
    count = asked.done("list count")
    assert (count["kind"], count["torrents"]) == (kind, 1)
    assert asked.done(f"list contains {A} {B}") == {"listed": {A: True, B: False}}
    assert "expected info_hashes" in asked.refused("list contains nothing")


@pytest.mark.needs("WANT_DYNAMIC_ACCESSLIST")
def test_changes_of_the_list(asked: Asked) -> None:
    assert asked.done(f"list add {A} {B}") == {"changed": 1}
    assert asked.done(f"list contains {A} {B}")["listed"] == {A: True, B: True}
    assert asked.done(f"list remove {A} {B} {B}") == {"changed": 2}
    assert asked.done(f"list contains {A} {B}")["listed"] == {A: False, B: False}
    assert asked.done("list count")["changes"] == 1
    assert asked.refused(f"list add {A} nothing").startswith("expected info_hashes")
    assert asked.done(f"list contains {A}")["listed"] == {A: False}, "all of a command or nothing"


def test_the_longest_line_has_room_for_all_words(asked: Asked) -> None:
    line = f"list contains {' '.join([A] * MOST_WORDS)}"
    assert len(line) <= LONGEST_LINE
    assert asked.ask(line)["ok"] is HAS_LIST
    assert "at most" in asked.refused(line + f" {A}")


@pytest.mark.parametrize(
    ("line", "is_change"),
    [
        (b"status", False),
        (b"torrent x", False),
        (b"list contains x", False),
        (b"list count", False),
        (b"keys contains x", False),
        (b"keys add x", True),
        (b"list add x", True),
        (b"list remove x", True),
        (b"reload", True),
        (b"level debug", True),
        (b"anything", True),
    ],
)
def test_what_belongs_in_the_log(line: bytes, is_change: bool) -> None:
    assert changes(line) is is_change


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"reload", "reload"),
        (b"list add 41 \x1b[2J", r"list add 41 \x1b[2J"),
        (b"keys add secretsecret 2030-12-31", "keys add, 2 words"),
        (b"key add secretsecret", "an unknown command"),
        (b"secretsecret", "an unknown command"),
        (b"", "an unknown command"),
    ],
)
def test_what_the_log_has_of_a_line(line: bytes, text: str) -> None:
    assert for_log(line) == text
