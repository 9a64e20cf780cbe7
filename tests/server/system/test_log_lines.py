"""Lines of the log: escaped, bounded, limited, and with priorities for the journal."""

import io
import json
import logging
import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.server.system.log_lines import (
    LONGEST,
    MOST,
    MOST_DEBUGGING,
    MOST_OF_A_DEBUGGING_KIND,
    MOST_OF_A_KIND,
    LineFormatter,
    LineLimiter,
    escaped,
    is_journal,
)
from tests.server.live import HOME
from tests.server.process import Tracker, run


def record(text: str, *arguments: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("opentracker", level, "", 0, text, arguments, None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ü", "plain text, ü"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("right \u202e left", r"right \u202e left"),
        ("\udcff", r"\udcff"),
        ("x" * (LONGEST + 5), "x" * LONGEST + "..."),
    ],
)
def test_what_is_not_to_be_shown_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_a_line_is_one_line_that_can_be_shown(text: str) -> None:
    line = LineFormatter(False).format(record("%s", text))
    assert line.isprintable()
    assert len(line) <= LONGEST + 40


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.DEBUG, 7),
        (logging.INFO, 6),
        (logging.WARNING, 4),
        (logging.ERROR, 3),
        (logging.CRITICAL, 2),
        (logging.INFO + 1, 6),
    ],
)
def test_the_journal_gets_priorities_and_knows_the_name(level: int, priority: int) -> None:
    assert LineFormatter(True).format(record("a %d", 1, level=level)) == f"<{priority}>a 1"
    assert LineFormatter(True, "json").format(record("a", level=level)).startswith(f'<{priority}>{{"time": ')


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_elsewhere_a_line_has_its_time() -> None:
    """In UTC, whatever the time zone."""
    timed = record("a %d", 1)
    timed.created = 1_800_000_000.9
    assert LineFormatter(False).format(timed) == "2027-01-15T08:00:00Z opentracker: a 1"


UGLY = 'said "yes\\no"\n\x1b[2J \u202e level=error'


def test_logfmt_is_one_line_of_three_fields() -> None:
    line = LineFormatter(False, "logfmt").format(record("%s", UGLY, level=logging.WARNING))
    found = re.fullmatch(rf'time=({TIME}) level=warning msg="((?:[^"\\]|\\.)*)"', line)
    assert found
    assert re.sub(r"\\(.)", r"\1", found[2]) == escaped(UGLY)
    assert line.isprintable()


def test_json_is_one_object_a_line() -> None:
    line = LineFormatter(False, "json").format(record("%s", UGLY, level=logging.ERROR))
    assert line.isprintable()
    found = json.loads(line)
    assert re.fullmatch(TIME, found.pop("time"))
    assert found == {"level": "error", "msg": escaped(UGLY)}


def test_a_traceback_has_its_lines() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        failed = record("failed")
        failed.exc_info = sys.exc_info()
    lines = LineFormatter(True).format(failed).split("\n")
    assert lines[:2] == ["<6>failed", "<6>Traceback (most recent call last):"]
    assert all(line.startswith("<6>") for line in lines)
    whole = json.loads(LineFormatter(False, "json").format(failed))["msg"]
    assert whole.split("\n") == [line.removeprefix("<6>") for line in lines]
    assert "\n" not in LineFormatter(False, "logfmt").format(failed)


def test_the_journal_is_known_by_its_file(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())
        same = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(stream, same)
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
        assert not is_journal(stream, {})
    assert not is_journal(stream, same), "closed"
    assert not is_journal(io.StringIO(), same)
    assert not is_journal(None, same)


@pytest.mark.parametrize(
    ("level", "most"), [(logging.INFO, MOST_OF_A_KIND), (logging.DEBUG, MOST_OF_A_DEBUGGING_KIND)]
)
def test_only_so_many_lines_of_a_kind_in_a_minute(
    level: int, most: int, caplog: pytest.LogCaptureFixture
) -> None:
    limits = LineLimiter()
    passed = [limits.filter(record("from %s", number, level=level)) for number in range(most + 7)]
    assert passed == [True] * most + [False] * 7
    assert limits.filter(record("something else", level=level))
    limits.next_minute()
    assert caplog.messages == ["7 lines were left out of the log in the last minute: 7 of 'from %s'"]
    assert limits.filter(record("from %s", 1, level=level))
    limits.next_minute()
    assert len(caplog.messages) == 1, "nothing was left out"


@pytest.mark.parametrize(("level", "most"), [(logging.WARNING, MOST), (logging.DEBUG, MOST_DEBUGGING)])
def test_only_so_many_lines_in_a_minute(level: int, most: int, caplog: pytest.LogCaptureFixture) -> None:
    """The total is limited, also for texts that are all different, as ours should not be."""
    limits = LineLimiter()
    passed = sum(limits.filter(record(f"kind {number}", level=level)) for number in range(3 * most))
    assert passed == most
    for allowance in (limits.usual, limits.debugging):
        assert max(len(allowance.passed), len(allowance.left_out)) <= most + 1
    limits.next_minute()
    assert caplog.messages[0].startswith(f"{2 * most} lines were left out of the log in the last minute: ")
    assert limits.filter(record("kind 1", level=level))


def test_lines_for_debugging_take_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    limits = LineLimiter()
    for number in range(2 * MOST_DEBUGGING):
        limits.filter(record(f"kind {number}", level=logging.DEBUG))
    passed = [limits.filter(record("refused")) for _ in range(MOST_OF_A_KIND + 1)]
    assert passed == [True] * MOST_OF_A_KIND + [False]
    for number in range(2 * MOST):
        limits.filter(record(f"kind {number}"))
    limits.next_minute()
    assert [limits.filter(record("kind 0", level=level)) for level in (logging.DEBUG, logging.INFO)] == [
        True,
        True,
    ]
    assert caplog.messages[0].startswith(f"{MOST_DEBUGGING + 1 + MOST + MOST_OF_A_KIND} lines were left out")


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a_config_file_chooses_format_and_level(form: str, tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text(f"log.format {form}\nlog.level debug\n")
    arguments = ["-f", str(path), "-i", HOME, "-p", "0", "-d", "/nonexistent"]
    status, _, errors = run(*arguments)
    assert status == 111
    lines = [line for line in errors.splitlines() if not line.startswith("opentracker: ")]
    assert any(f"taken: {path}:1: log.format {form}" in line for line in lines)
    for line in lines:
        assert re.match(
            rf'time={TIME} level=(debug|info|warning) msg="' if form == "logfmt" else r'{"time": "', line
        )


def test_quiet_and_verbose() -> None:
    def lines(*options: str) -> list[str]:
        with Tracker("-i", HOME, "-P", "0", *options, sockets=int("--verbose" in options)) as tracker:
            pass
        return tracker.lines

    told = lines("--verbose")
    assert "taken: -P 0" in told
    assert [line for line in told if line.startswith("bound UDP ")]
    for option in ("-q", "--quiet"):
        status, _, err = run("-d", "/nonexistent", "-i", HOME, "-p", "0", option)
        assert status == 111
        assert not [line for line in err.splitlines() if "profile" in line], "which build it is"
