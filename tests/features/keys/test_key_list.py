"""The list of keys: its file, the look-up of a key, its last day, and changes while it is read."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import TrackerFailure, UsageError
from opentracker.features.keys.key_list import (
    CHANGED,
    EXPIRED_KEY,
    LISTED,
    NO_KEY,
    UNKNOWN_KEY,
    KeyChanges,
    KeyLines,
    KeyList,
    KeyReloader,
    ListedKeys,
    read,
)
from opentracker.swarm.counting.counters import Counters

SECRET = bytes(32)
KEY, OTHER, THIRD = b"0123456789abcdef", b"fedcba9876543210", b"an.Other_key~-1"
NEW_YEAR = 1_893_456_000.0  # 2030-01-01, the first second of the day in UTC


class Desk:
    """Keys as a tracker asks them, and two FIFOs; the time is the test's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys"
        self.seconds = NEW_YEAR
        self.counters = Counters()
        self.keys = ListedKeys(SECRET, self.counters, lambda: self.seconds)
        self.work: list[Iterator[None]] = []
        self.keeper = KeyReloader(self.keys, self.work.append, True)
        self.adds = KeyChanges(self.keeper, "add", True)
        self.deletes = KeyChanges(self.keeper, "delete", False)

    def load(self, text: bytes) -> None:
        self.path.write_bytes(text)
        self.keeper.reload(self.path)
        self.finish()

    def finish(self) -> None:
        while self.work:
            for _ in self.work.pop(0):
                pass

    def reason(self, key: bytes) -> bytes:
        """The reason to refuse a key; empty for one that is served."""
        try:
            self.keys.check(key, bytes(4))
        except TrackerFailure as failure:
            return failure.reason
        return b""

    def refused(self) -> dict[str, int]:
        return {
            kind: self.counters.value(f"refused_key_{kind}") for kind in ("missing", "unknown", "expired")
        }


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        KEY,
        KEY + b" a comment",
        KEY + b"\t# a comment of 2030",
        KEY + b"\r",
        KEY + b"  ",
        KEY + b" 2030-01-01",
        KEY + b" 2030-01-01 a comment",
        KEY + b"  2030-01-02\r",
    ],
)
def test_k05_lines_that_count(desk: Desk, line: bytes) -> None:
    desk.load(line + b"\n")
    assert desk.reason(KEY) == b""


@pytest.mark.parametrize(
    "line",
    [
        b" " + KEY,
        b"# " + KEY,
        KEY[:7],
        KEY * 5,
        KEY + b"\xff",
        KEY + b"/",
        KEY + b" 2030-13-01",
        KEY + b" 2030-01-011",
        KEY + b" 20300101",
        KEY + b" 2030",
        KEY + b" " * 200 + b"2030-01-01",
        KEY + b" " * 200,
        b"announce" + KEY,
        b"scrape" + KEY,
    ],
)
def test_k05_lines_that_do_not(desk: Desk, line: bytes) -> None:
    desk.load(line + b"\n" + OTHER + b"\n")
    assert desk.keeper.complain() == ""
    assert desk.reason(OTHER) == b""
    assert desk.keeper.current.of_file.size == 1


@given(st.binary(max_size=400), st.integers(1, 200))
def test_k05_a_line_does_not_depend_on_how_it_arrives(text: bytes, size: int) -> None:
    """The first bytes of an unfinished line decide, wherever the blocks end."""
    form = KeyLines(SECRET)
    whole, cut = Desk(Path()), Desk(Path())
    for line in (KEY + text, KEY + b" 2030-01-01" + text, KEY + b"        " + text):
        whole.adds.feed(line + b"\n")
        for at in range(0, len(line), size):
            cut.adds.feed(line[at : at + size])
        cut.adds.feed(b"\n")
    assert whole.keeper.current.changes == cut.keeper.current.changes
    assert form.parse(KEY) is not None


def test_k06_a_key_is_good_on_its_last_day_in_utc(desk: Desk) -> None:
    desk.load(KEY + b" 2030-01-01\n" + OTHER + b"\n" + THIRD + b" 1969-12-31\n")
    assert desk.reason(KEY) == b""
    desk.seconds += 86399
    assert desk.reason(KEY) == b""
    desk.seconds += 1
    assert desk.reason(KEY) == EXPIRED_KEY
    assert desk.reason(OTHER) == b""
    assert desk.reason(THIRD) == EXPIRED_KEY
    assert desk.refused() == {"missing": 0, "unknown": 0, "expired": 2}


@pytest.mark.parametrize("key", [KEY[:-1], KEY + b"0", KEY.upper(), OTHER, b"x", b"\0", KEY * 1000])
def test_k07_a_key_that_is_not_listed(desk: Desk, key: bytes) -> None:
    desk.load(KEY + b"\n")
    assert desk.reason(key) == UNKNOWN_KEY
    assert desk.reason(b"") == NO_KEY
    assert desk.refused() == {"missing": 1, "unknown": 1, "expired": 0}


def test_k09_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(OTHER + b"\n" + KEY)
    with pytest.raises(UsageError, match=r"keys:2: the last line has no line end: is it cut off\?"):
        list(read(path, KeyLines(SECRET), KeyList()))


def test_k08_messages_about_a_file_hold_no_key(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="opentracker"):
        desk.load(KEY + b"\n" + OTHER + b"/\n")
        desk.load(KEY)
        desk.adds.feed(OTHER + b"/\n")
        desk.adds.look()
    assert len(caplog.messages) == 4
    for key in (KEY, OTHER):
        assert key.decode() not in caplog.text


def test_k10_a_reload_that_fails_keeps_the_keys(desk: Desk) -> None:
    desk.load(KEY + b"\n")
    desk.load(b"<html>")
    assert desk.reason(KEY) == b""
    assert "is it cut off" in desk.keeper.complain()


def test_k10_keys_are_asked_for_as_soon_as_there_is_a_path(desk: Desk, tmp_path: Path) -> None:
    desk.keeper.reload(None)
    desk.finish()
    assert not desk.keys.in_force
    desk.keeper.reload(tmp_path / "missing")
    assert desk.keys.in_force
    desk.finish()
    assert desk.keys.in_force
    assert desk.reason(KEY) == UNKNOWN_KEY


def test_k11_changes_override_the_file_until_a_reload(desk: Desk) -> None:
    desk.load(KEY + b"\n")
    desk.adds.feed(OTHER + b" 2030-01-01\n")
    desk.deletes.feed(KEY + b"\n" + THIRD + b"\n")
    assert (desk.reason(KEY), desk.reason(OTHER)) == (UNKNOWN_KEY, b"")
    desk.adds.feed(OTHER + b" 2029-12-31\n" + KEY + b"\n")
    assert (desk.reason(KEY), desk.reason(OTHER)) == (b"", EXPIRED_KEY)
    assert desk.keeper.weight() == LISTED + CHANGED  # as the file has the others
    desk.load(KEY + b"\n")
    assert desk.reason(OTHER) == UNKNOWN_KEY
    assert desk.keeper.weight() == LISTED


def test_k11_changes_during_a_reload_hold_before_it_ends_and_after(desk: Desk) -> None:
    desk.load(KEY + b"\n")
    desk.keeper.reload(desk.path)
    next(desk.work[0])
    desk.adds.feed(OTHER + b"\n")
    desk.deletes.feed(KEY + b"\n")
    assert (desk.reason(KEY), desk.reason(OTHER)) == (UNKNOWN_KEY, b"")
    desk.finish()
    assert (desk.reason(KEY), desk.reason(OTHER)) == (UNKNOWN_KEY, b"")
