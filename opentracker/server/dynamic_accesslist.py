"""The FIFOs through which the access list is changed: made, opened and read.

They are opened for reading and writing: as long as the tracker writes to them too, if never a byte, no last writer
closes, so there is no end of file to be told of again and again, and nothing is lost between two writers.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from opentracker.errors import UsageError
from opentracker.features.dynamic_accesslist import Changes
from opentracker.server.loop import READ, Handler, Loop
from opentracker.server.settings import Settings

BLOCK: Final = 8192  # bytes read in a turn of the loop: 200 lines, some tenths of a millisecond
LOOK: Final = 1.0  # seconds
MODE: Final = 0o600  # of a FIFO that is made here: for whoever the tracker was started as


class Fifo(Handler):
    """An open FIFO."""

    def __init__(self, fd: int, changes: Changes) -> None:
        self.fd = fd
        self.changes = changes

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            self.changes.feed(os.read(self.fd, BLOCK))
        except BlockingIOError:  # somebody else reads it too
            pass


def fifos_of(settings: Settings) -> list[tuple[Path, bool]]:
    """The FIFOs that are asked for, each with whether what is written into it becomes listed. Raises UsageError."""
    if settings.fifo_add is not None and settings.fifo_add == settings.fifo_delete:
        raise UsageError(f"{settings.fifo_add} cannot be both access.fifo_add and access.fifo_delete")
    both = ((settings.fifo_add, True), (settings.fifo_delete, False))
    return [(path, listed) for path, listed in both if path is not None]


def check_fifos(settings: Settings) -> None:
    """Look whether the FIFOs that are there are FIFOs; make none. Raises UsageError."""
    for path, _ in fifos_of(settings):
        check_fifo(path)


def check_fifo(path: Path) -> bool:
    """Whether there is a FIFO at this path; False if there is nothing, UsageError if there is something else."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"cannot open the FIFO {path}: {error.strerror}") from error
    if not stat.S_ISFIFO(mode):
        raise UsageError(f"{path} is not a FIFO: it is left as it is")
    return True


def open_fifo(path: Path) -> int:
    """The descriptor of a FIFO, which is made if there is nothing at its path. Raises UsageError."""
    try:
        if not check_fifo(path):
            os.mkfifo(path, MODE)
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise UsageError(f"cannot make the FIFO {path}: {error.strerror}") from error
        raise UsageError(f"cannot open the FIFO {path}: {error.strerror}") from error
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # something else since we looked
        os.close(fd)
        raise UsageError(f"{path} is not a FIFO: it is left as it is")
    return fd


class Fifos:
    """The open FIFOs of a tracker; closed with it. Raises UsageError, with none left open."""

    def __init__(self, settings: Settings) -> None:
        self.opened: list[tuple[int, str, bool]] = []
        try:
            for path, listed in fifos_of(settings):
                self.opened.append((open_fifo(path), str(path), listed))
        except UsageError:
            self.close()
            raise

    def watch(self, loop: Loop, changes_of: Callable[[str, bool], Changes]) -> None:
        """Let what is written into them change the list from now on; `changes_of` makes a FIFO's, see Changes."""
        for fd, name, listed in self.opened:
            changes = changes_of(name, listed)
            loop.watch(fd, Fifo(fd, changes), READ)
            loop.every(LOOK, changes.look)

    def close(self) -> None:
        """Close them; the files stay, for writers to find at the next start."""
        for fd, _, _ in self.opened:
            os.close(fd)
        self.opened = []
