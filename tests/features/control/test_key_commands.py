"""The commands about keys: what each answers and changes, and that no key is repeated."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opentracker._features import WANT_AUTH_KEYS
from opentracker.config.settings import Settings
from opentracker.features.control.commands import Commands
from opentracker.features.control.key_commands import EXPECTED, NO_FILE, NO_KEYS, TABLE
from tests.server.live import Live, sections

if WANT_AUTH_KEYS:
    from opentracker.features.keys.feature import KeySettings
    from opentracker.features.keys.key_list import KeyReloader

KEY, DATED, OTHER = "0123456789abcdef", "dated-key-of-2030", "fedcba9876543210"


class Asked:
    """A tracker that knows KEY and DATED, in builds with keys."""

    def __init__(self, path: Path | None) -> None:
        own = [KeySettings(path)] if WANT_AUTH_KEYS else []
        self.live = Live(Settings(sections=sections(*own)))
        self.commands = Commands(self.live.server)

    def ask(self, line: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.commands.answer(line.encode("latin-1")))
        return found

    def known(self, *keys: str) -> list[tuple[bool, str | None]]:
        """Of each key whether it is known, and its last day."""
        answer = self.ask(f"keys contains {' '.join(keys)}")
        return [(each["known"], each["last_day"]) for each in answer["keys"]]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    path = tmp_path / "keys"
    path.write_text(f"{KEY}\n{DATED} 2030-01-31 a comment\n")
    it = Asked(path)
    yield it
    it.live.close()


@pytest.mark.needs("WANT_AUTH_KEYS")
def test_k16_keys_are_added_and_removed(asked: Asked) -> None:
    assert asked.known(KEY, DATED, OTHER) == [(True, None), (True, "2030-01-31"), (False, None)]
    assert asked.ask(f"keys add {OTHER} 2031-12-31 {KEY}") == {"ok": True, "changed": 1}
    assert asked.ask(f"keys remove {DATED} {DATED}") == {"ok": True, "changed": 1}
    assert asked.known(KEY, DATED, OTHER) == [(True, None), (False, None), (True, "2031-12-31")]
    assert asked.ask("keys count") == {"ok": True, "keys": 2, "changes": 2}
    asked.live.server.tracker.keys.check(OTHER.encode(), bytes(4))


@pytest.mark.needs("WANT_AUTH_KEYS")
def test_k16_a_reload_drops_changes(asked: Asked, tmp_path: Path) -> None:
    asked.ask(f"keys remove {KEY}")
    asked.live.server.part(KeyReloader).reload(tmp_path / "keys")
    asked.live.until(lambda: not asked.live.work, "the reload")
    assert asked.known(KEY) == [(True, None)]


@pytest.mark.needs("WANT_AUTH_KEYS")
@pytest.mark.parametrize(
    "words",
    ["", "short", f"{OTHER} 2030-13-01", f"{OTHER} 2030-01-01 2030-01-02 x", f"{OTHER} comment", "x" * 65],
)
def test_k16_words_that_are_no_keys_change_nothing_and_are_not_repeated(asked: Asked, words: str) -> None:
    for command in ("add", "remove", "contains"):
        assert asked.ask(f"keys {command} {words}") == {"ok": False, "error": EXPECTED}
    assert asked.ask("keys count")["changes"] == 0


@pytest.mark.needs("WANT_AUTH_KEYS")
def test_a_tracker_that_asks_for_no_keys_says_so() -> None:
    asked = Asked(None)
    for command in ("keys count", f"keys add {KEY}"):
        assert asked.ask(command) == {"ok": False, "error": NO_FILE}
    asked.live.close()


@pytest.mark.needs(WANT_AUTH_KEYS=False)
@pytest.mark.parametrize("command", TABLE)
def test_a_build_without_keys_names_the_flag(asked: Asked, command: str) -> None:
    words = "" if command == "keys count" else f" {KEY}"
    assert asked.ask(command + words) == {"ok": False, "error": NO_KEYS}


def test_k08_no_key_is_in_the_log_or_in_an_error(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "opentracker")
    for command in ("add", "remove", "contains"):
        assert KEY not in json.dumps(asked.ask(f"keys {command} {KEY}!"))
    assert KEY not in caplog.text
