"""Lines of the log: safe to show, told apart by the journal, and only so many a minute.

Whatever a stranger sent is in a line is escaped. Nobody can fill a disk: of each message a minute takes so many, of all
together so many more, and then tells how many it left out.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping
from typing import IO, Final

log = logging.getLogger("opentracker")

LONGEST: Final = 2000  # characters of a line
MOST_OF_A_KIND: Final = 20  # lines a minute with one text, whatever is filled into it
MOST: Final = 300  # lines a minute

# systemd's priorities at the head of a line, which are those of syslog (sd-daemon(3)).
PRIORITIES: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


def escaped(text: str) -> str:
    """A text without line ends, terminal controls or anything else that is not to be shown, and not too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


class LineFormatter(logging.Formatter):
    """Makes a line of a record: `opentracker: text`, or `<6>text` where the journal reads it and knows the name."""

    def __init__(self, for_journal: bool) -> None:
        super().__init__()
        self.for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter. A traceback is our own text, and has lines of its own."""
        head = f"<{PRIORITIES.get(record.levelno, 6)}>" if self.for_journal else "opentracker: "
        lines = [record.getMessage()]
        if record.exc_info:
            lines += self.formatException(record.exc_info).split("\n")
        return "\n".join(head + escaped(line) for line in lines)


def is_journal(stream: IO[str] | None, environment: Mapping[str, str]) -> bool:
    """Whether what is written to a stream goes to systemd's journal, as `JOURNAL_STREAM` says (systemd.exec(5))."""
    if stream is None:  # closed from the start
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed since, or not a file
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


class Limits(logging.Filter):
    """Lets through so many lines of a minute; somebody tells it when a new one begins."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: Counter[str] = Counter()  # lines of this minute, by their text
        self.left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter. Whoever asks for debugging has asked for all of it."""
        if record.levelno <= logging.DEBUG:
            return True
        kind = str(record.msg)
        if self.passed[kind] < MOST_OF_A_KIND and self.passed.total() < MOST:
            self.passed[kind] += 1
            return True
        self.left_out[kind if len(self.left_out) < MOST else "others"] += 1
        return False

    def next_minute(self) -> None:
        """Begin a new minute, after a line on what was left out in the old one."""
        left_out = self.left_out.total()
        often = "; ".join(f"{count} of {kind!r}" for kind, count in self.left_out.most_common(3))
        self.passed.clear()
        self.left_out.clear()
        if left_out:
            log.warning("%d lines were left out of the log in the last minute: %s", left_out, often)
