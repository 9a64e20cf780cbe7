"""Files with a list, one entry a line, that are read in slices: access lists, and networks that are not served.

A file is refused if it changes while it is read, or if a line is longer than LONGEST_LINE.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from opentracker.errors import UsageError

BLOCK: Final = 8192  # bytes of a file read between two yields: 200 hashes, two tenths of a millisecond
KEPT: Final = (
    128  # bytes kept of an unfinished line: entries are shorter, and bytes behind one have no effect
)
LONGEST_LINE: Final = 1 << 16  # bytes; a sparse file can be one line that is larger than the disk


class Lines:
    """Cuts blocks of bytes into lines, and keeps the first KEPT bytes of an unfinished one."""

    def __init__(self) -> None:
        self.rest = b""
        self.length = 0  # bytes of the whole unfinished line

    def cut(self, block: bytes) -> list[bytes]:
        """The lines that end in this block."""
        lines = (self.rest + block).split(b"\n")
        rest = lines.pop()
        self.length = len(rest) if lines else self.length + len(block)
        self.rest = rest[:KEPT]
        return lines


class ListFile:
    """An open file; `what` names the list in errors, which are UsageErrors."""

    def __init__(self, path: Path, what: str) -> None:
        self.name = str(path)
        self.what = what
        self.lines = Lines()
        try:
            self.fd = open_list(path, what)
            self.before = os.fstat(self.fd)
        except OSError as error:
            raise self.unreadable(error) from error
        self.size: int = self.before.st_size

    def unreadable(self, error: OSError) -> UsageError:
        """The error for a file that cannot be read."""
        return UsageError(f"cannot read {self.what} {self.name}: {error.strerror}")

    def blocks(self) -> Iterator[list[bytes]]:
        """The lines, block by block; afterwards `rest` is the last line, if it has no line end."""
        number = 0
        while block := self.read():
            lines = self.lines.cut(block)
            number += len(lines)
            if self.lines.length > LONGEST_LINE:
                raise UsageError(
                    f"{self.name}:{number + 1}: a line of over {LONGEST_LINE} bytes: this is not a list"
                )
            yield lines
        after = os.fstat(self.fd)
        if (self.before.st_size, self.before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise UsageError(f"{self.name} was changed while it was read as {self.what}")

    def read(self) -> bytes:
        """The next block; empty at the end of the file."""
        try:
            return os.read(self.fd, BLOCK)
        except OSError as error:
            raise self.unreadable(error) from error

    @property
    def rest(self) -> bytes:
        """The beginning of the unfinished line."""
        return self.lines.rest

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


def open_list(path: Path, what: str) -> int:
    """Open a file whose reads never block, and return its descriptor. Raises OSError and UsageError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode) or stat.S_ISCHR(mode):  # /dev/null is an empty list
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise UsageError(f"cannot read {what} {path}: it is not a regular file")
