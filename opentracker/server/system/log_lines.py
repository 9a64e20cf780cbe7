"""Lines of the log: safe to show, in one of three formats, with priorities for the journal, and limited per minute.

Bytes from clients are escaped. Each message is limited per minute, and so is the total, so that no client can fill a
disk; a line then reports how many lines were left out. Debugging lines have larger limits of their own.
"""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import IO, Final

log = logging.getLogger("opentracker")

LONGEST: Final = 2000  # characters of a line
MOST_OF_A_KIND: Final = 20  # lines a minute of one message, with any arguments
MOST: Final = 300  # lines a minute
MOST_OF_A_DEBUGGING_KIND: Final = 600
MOST_DEBUGGING: Final = 3000

# systemd's priorities at the beginning of a line, which are those of syslog (sd-daemon(3)).
PRIORITIES: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


def escaped(text: str) -> str:
    """A text with all unprintable characters, such as line ends and terminal controls, escaped, cut to LONGEST."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def when(record: logging.LogRecord) -> str:
    """The time of a record, in UTC, since the root directory may hide the time zone files."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))


def as_text(record: logging.LogRecord, lines: list[str], for_journal: bool) -> list[str]:
    """`2026-01-31T12:00:00Z opentracker: text`; the journal adds time and name. A traceback has further lines."""
    head = "" if for_journal else f"{when(record)} opentracker: "
    return [head + escaped(line) for line in lines]


def as_logfmt(record: logging.LogRecord, lines: list[str], for_journal: bool) -> list[str]:
    """`time=2026-01-31T12:00:00Z level=info msg="text"`."""
    text = r"\n".join([escaped(line).replace("\\", "\\\\").replace('"', r"\"") for line in lines])
    return [f'time={when(record)} level={record.levelname.lower()} msg="{text}"']


def as_json(record: logging.LogRecord, lines: list[str], for_journal: bool) -> list[str]:
    """`{"time": "2026-01-31T12:00:00Z", "level": "info", "msg": "text"}`."""
    text = "\n".join(map(escaped, lines))
    return [json.dumps({"time": when(record), "level": record.levelname.lower(), "msg": text})]


FORMATS: Final[dict[str, Callable[[logging.LogRecord, list[str], bool], list[str]]]] = {
    "text": as_text,
    "logfmt": as_logfmt,
    "json": as_json,
}


class LineFormatter(logging.Formatter):
    """Makes a line of a record, in one of the FORMATS; for the journal with a prefix such as `<6>`."""

    def __init__(self, for_journal: bool, form: str = "text") -> None:
        super().__init__()
        self.for_journal = for_journal
        self.form = FORMATS[form]

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        priority = f"<{PRIORITIES.get(record.levelno, 6)}>" if self.for_journal else ""
        lines = [record.getMessage()]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")
        return "\n".join(priority + line for line in self.form(record, lines, self.for_journal))


def is_journal(stream: IO[str] | None, environment: Mapping[str, str]) -> bool:
    """Whether a stream goes to systemd's journal, by `JOURNAL_STREAM` (systemd.exec(5))."""
    if stream is None:  # closed from the start
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed since, or not a file
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


class Allowance:
    """Limits on the lines of one kind, and on all lines, in a minute."""

    def __init__(self, most_of_a_kind: int, most: int) -> None:
        self.most_of_a_kind = most_of_a_kind
        self.most = most
        self.total = 0
        self.passed: Counter[str] = Counter()  # lines of this minute, by their text
        self.left_out: Counter[str] = Counter()

    def takes(self, kind: str) -> bool:
        """Count a line; returns whether it is within the limits."""
        if self.total < self.most and self.passed[kind] < self.most_of_a_kind:
            self.passed[kind] += 1
            self.total += 1
            return True
        self.left_out[kind if len(self.left_out) < self.most else "others"] += 1
        return False

    def clear(self) -> None:
        """Begin a new minute."""
        self.total = 0
        self.passed.clear()
        self.left_out.clear()


class LineLimiter(logging.Filter):
    """Limits the lines of a minute; `next_minute` has to be called at the end of each minute.

    Debugging lines, which any client's packet may cause, have limits of their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.usual = Allowance(MOST_OF_A_KIND, MOST)
        self.debugging = Allowance(MOST_OF_A_DEBUGGING_KIND, MOST_DEBUGGING)

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        allowance = self.debugging if record.levelno <= logging.DEBUG else self.usual
        return allowance.takes(str(record.msg))

    def next_minute(self) -> None:
        """Begin a new minute, after a line with the number of lines left out in the old one."""
        left_out = self.usual.left_out + self.debugging.left_out
        often = "; ".join(f"{count} of {kind!r}" for kind, count in left_out.most_common(3))
        self.usual.clear()
        self.debugging.clear()
        if left_out:
            log.warning("%d lines were left out of the log in the last minute: %s", left_out.total(), often)
