"""The entries of a list, one a line: those of its file, and changes that come in pieces while the tracker runs."""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import mypyc_attr

from opentracker.errors import UsageError
from opentracker.features.list_file import Lines, ListFile

log = logging.getLogger("opentracker")

SHOWN_LINES: Final = 5


def is_idle(line: bytes) -> bool:
    """Whether a line is blank or a comment."""
    return line.startswith(b"#") or not line.strip()


@mypyc_attr(allow_interpreted_subclasses=True)
class LineFormat:
    """The form of a list's lines.

    `start` says how a line starts that counts. A file may end without a line end if its last line is `whole`, which is
    empty for a format whose lines can be cut off unnoticed.
    """

    def __init__(self, start: str, whole: str = "", shown: int = 0) -> None:
        self.start = start
        self.whole = whole
        self.shown = shown  # bytes of a wrong line that the log may show

    def parse(self, line: bytes) -> bytes | None:
        """The entry of a line, or None for one that does not count."""
        raise NotImplementedError

    def is_whole(self, rest: bytes) -> bool:
        """Whether a line without a line end is complete for certain."""
        return False


class UnparsedLines(LineFormat):
    """Lines in another format, whose entries are the lines themselves."""

    def __init__(self, form: LineFormat) -> None:
        super().__init__(form.start, form.whole, form.shown)
        self.form = form

    def parse(self, line: bytes) -> bytes | None:
        """See LineFormat."""
        return None if self.form.parse(line) is None else line

    def is_whole(self, rest: bytes) -> bool:
        """See LineFormat."""
        return self.form.is_whole(rest)


def fill(file: ListFile, form: LineFormat, add: Callable[[bytes], None]) -> Iterator[None]:
    """Call `add` with each entry of a file, in slices. Raises UsageError for a file that is refused.

    A file is refused if its last line has no line end and is not whole, or if it has lines other than comments but no
    entry, such as a web server's error page. Of any other file, a warning names the first wrong lines.
    """
    number = 0
    entries = 0
    ignored = 0
    first: list[str] = []
    for lines in file.blocks():
        for line in lines:
            number += 1
            entry = form.parse(line)
            if entry is not None:
                add(entry)
                entries += 1
            elif not is_idle(line):
                ignored += 1
                if ignored <= SHOWN_LINES:
                    first.append(str(number))
        yield
    if file.rest:
        entry = form.parse(file.rest) if form.is_whole(file.rest) else None
        if entry is None:
            but = f" and is not {form.whole}" if form.whole else ""
            raise UsageError(f"{file.name}:{number + 1}: the last line has no line end{but}: is it cut off?")
        add(entry)
        entries += 1
    if ignored and not entries:
        raise UsageError(f"{file.name}: not one line starts with {form.start}: this is not a list")
    if ignored:
        log.warning(
            "%s: %d lines do not start with %s and are ignored, the first: %s",
            file.name,
            ignored,
            form.start,
            ", ".join(first),
        )


class LineChanges:
    """Applies lines that come in pieces, from a FIFO; `name` names the FIFO in the log."""

    def __init__(self, name: str, form: LineFormat, apply: Callable[[bytes], None]) -> None:
        self.name = name
        self.form = form
        self.apply = apply
        self.lines = Lines()
        self.waiting = b""  # the unfinished line at the last `look`
        self.ignored = 0  # ignored lines since the last `look`
        self.keep: Callable[[bytes], None] | None = None  # called with each line that counts

    def resume(self, rest: bytes) -> None:
        """Go on behind the beginning of a line, which another process has read."""
        self.lines.rest = rest

    def feed(self, block: bytes) -> None:
        """Apply the lines that end in a block; reads may cut lines at any byte."""
        for line in self.lines.cut(block):
            self.take(line)

    def take(self, line: bytes) -> None:
        """Apply one line."""
        entry = self.form.parse(line)
        if entry is not None:
            self.apply(entry)
            if self.keep is not None:
                self.keep(line)
        elif not is_idle(line):
            if self.ignored == 0:
                shown = f": {line[: self.form.shown]!r}" if self.form.shown else ""
                log.warning("%s: a line that does not start with %s%s", self.name, self.form.start, shown)
            self.ignored += 1

    def look(self) -> None:
        """Apply a whole line that has waited for its line end since the last call, and log ignored lines.

        It is called about every second. `printf %s HASH` writes no line end, and the last line of a file may have
        none. The log gets the number of lines that were ignored since the last call, beside the first one.
        """
        if self.waiting and self.lines.rest == self.waiting and self.form.is_whole(self.waiting):
            self.lines.rest = b""
            self.take(self.waiting)
        self.waiting = self.lines.rest
        if self.ignored > 1:
            log.warning("%s: %d more such lines", self.name, self.ignored - 1)
        self.ignored = 0
