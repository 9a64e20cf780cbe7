"""The FIFOs through which the access list is changed: made, opened and read.

They are opened for reading and writing: as long as the tracker writes to them too, if never a byte, no last writer
closes, so there is no end of file to be told of again and again, and nothing is lost between two writers.

A FIFO may be removed and made again as the tracker runs: the new one is read from the next look on, and the old one
with it until nothing has come out of it for two looks. Its last writer may be in the middle of a line.
"""

import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.errors import UsageError
from opentracker.features.accesslist.accesslist import AccessListReloader
from opentracker.features.accesslist.changes import Changes
from opentracker.features.feature import Feature
from opentracker.server.core import Core
from opentracker.server.loop import READ, Handler, Loop

log = logging.getLogger("opentracker")

BLOCK: Final = 8192  # bytes read in a turn of the loop: 200 lines, some tenths of a millisecond
LOOK: Final = 1.0  # seconds
IDLE: Final = 2  # looks; as many as it takes until 40 hex digits without an end are a line, see Changes.look
MODE: Final = 0o600  # of a FIFO that is made here: for whoever the tracker was started as


class Fifo(Handler):
    """An open FIFO."""

    def __init__(self, fd: int, changes: Changes) -> None:
        self.fd = fd
        self.changes = changes
        self.idle = 0  # looks since something came out of it

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            self.changes.feed(os.read(self.fd, BLOCK))
            self.idle = 0
        except BlockingIOError:  # somebody else reads it too
            pass

    def look(self) -> None:
        """To be called every second or so."""
        self.changes.look()
        self.idle += 1


class WatchedFifo:
    """The FIFO at a path and, for a while, those that were there before it.

    `make` makes a FIFO's Changes; `opened` are the descriptors that the tracker's FIFOs have, kept up to date here.
    """

    def __init__(
        self, path: Path, fd: int, make: Callable[[], Changes], loop: Loop, opened: list[int]
    ) -> None:
        self.path = path
        self.make = make
        self.loop = loop
        self.opened = opened
        self.fifos: list[Fifo] = []  # the newest is the last
        self.complaint = ""  # what was said last of what is at the path
        self.watch(fd)

    def watch(self, fd: int) -> None:
        """Read an open FIFO from now on."""
        fifo = Fifo(fd, self.make())
        self.loop.watch(fd, fifo, READ)
        self.fifos.append(fifo)

    def look(self) -> None:
        """To be called every second or so."""
        for fifo in self.fifos:
            fifo.look()
        for former in self.fifos[:-1]:
            if former.idle >= IDLE:
                self.leave(former)
        self.follow()

    def leave(self, former: Fifo) -> None:
        """Close a FIFO whose place another one has taken, unless there is something in it after all."""
        former.ready(READ)
        if former.idle == 0:
            return
        self.fifos.remove(former)
        self.loop.unwatch(former.fd)
        self.opened.remove(former.fd)
        os.close(former.fd)

    def follow(self) -> None:
        """Open the FIFO at the path if it is another one. None is made: whoever removed it may be about to do so.

        What cannot be opened is told of once, and the FIFO that was there is read on.
        """
        try:
            there = status_of(self.path)
            if there is None or any(os.path.samestat(there, os.fstat(fd)) for fd in self.opened):
                self.complaint = ""
                return
            fd = open_there(self.path)
        except UsageError as error:
            if str(error) != self.complaint:
                self.complaint = str(error)
                log.error("%s; the FIFO that was there before is read on", error)
            return
        self.complaint = ""
        self.fifos[-1].idle = 0  # whoever is about to write into it has two more looks
        self.opened.append(fd)
        self.watch(fd)
        log.info("%s: there is another FIFO, which is read from now on", self.path)


def status_of(path: Path) -> os.stat_result | None:
    """The status of the FIFO at this path; None if there is nothing, UsageError if there is something else."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot open the FIFO {path}: {error.strerror}") from error
    if not stat.S_ISFIFO(status.st_mode):
        raise UsageError(f"{path} is not a FIFO: it is left as it is")
    return status


def open_fifo(path: Path) -> int:
    """The descriptor of a FIFO, which is made if there is nothing at its path. Raises UsageError."""
    if status_of(path) is None:
        try:
            os.mkfifo(path, MODE)
        except OSError as error:
            raise UsageError(f"cannot make the FIFO {path}: {error.strerror}") from error
    return open_there(path)


def open_there(path: Path) -> int:
    """The descriptor of the FIFO at a path; links are not followed. Raises UsageError."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot open the FIFO {path}: {error.strerror}") from error
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # something else since we looked
        os.close(fd)
        raise UsageError(f"{path} is not a FIFO: it is left as it is")
    return fd


class Fifos:
    """The open FIFOs of a tracker, each with whether torrents that are written into it become listed.

    Raises UsageError, with none left open.
    """

    def __init__(self, paths: list[tuple[Path, bool]]) -> None:
        self.paths = paths
        self.opened: list[int] = []
        try:
            for path, _ in self.paths:
                self.opened.append(open_fifo(path))
        except UsageError:
            self.close()
            raise

    def watch(self, loop: Loop, changes_of: Callable[[str, bool], Changes]) -> None:
        """Let what is written into them change the list from now on; `changes_of` makes a FIFO's, see Changes."""
        for (path, listed), fd in zip(self.paths, self.opened, strict=True):
            inlet = WatchedFifo(path, fd, partial(changes_of, str(path), listed), loop, self.opened)
            loop.every(LOOK, inlet.look)

    def close(self) -> None:
        """Close them; the files stay, for writers to find at the next start."""
        for fd in self.opened:
            os.close(fd)
        self.opened.clear()


# ---- The feature -------------------------------------------------------------------------------------------


@dataclass
class FifoSettings:
    """The FIFOs that torrents for the access list are written to."""

    add: Path | None = None
    delete: Path | None = None


ADD: Final = NamedPath(
    FifoSettings,
    "add",
    "would read torrents to add to the access list from",
    key="access.fifo_add",
    writes=True,
)
DELETE: Final = NamedPath(
    FifoSettings,
    "delete",
    "would read torrents to delete from the access list from",
    key="access.fifo_delete",
    writes=True,
)


class FifoFeature(Feature[Core]):
    """FIFOs beside an access list."""

    paths: ClassVar[tuple[NamedPath, ...]] = (ADD, DELETE)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.fifos = Fifos([])

    def asked(self) -> list[tuple[Path, bool]]:
        """The FIFOs that are asked for, see Fifos. Raises UsageError."""
        add, delete = ADD.of(self.settings), DELETE.of(self.settings)
        if add is not None and add == delete:
            raise UsageError(f"{add} cannot be both access.fifo_add and access.fifo_delete")
        return [(path, listed) for path, listed in ((add, True), (delete, False)) if path is not None]

    def load(self) -> None:
        """Open them, and make those that are missing. Raises UsageError."""
        self.fifos = Fifos(self.asked())

    def try_load(self) -> None:
        """Look whether the FIFOs that are there are FIFOs; make none. Raises UsageError."""
        for path, _ in self.asked():
            status_of(path)

    def join(self, host: Core) -> None:
        """Let torrents that are written into them change the list."""
        self.fifos.watch(host.loop, partial(Changes, host.part(AccessListReloader)))

    def close(self) -> None:
        """Close them."""
        self.fifos.close()
