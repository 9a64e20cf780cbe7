"""The FIFOs that change a list: they are created, opened and read.

They are opened O_RDWR: since the tracker holds a write end itself, it never sees EOF when the last writer leaves, and
no bytes are lost between two writers.

A FIFO may be removed and created again while the tracker runs. The next look opens the new FIFO, and the old one is
read too until two looks have passed without a byte from it: its last writer may be in the middle of a line.
"""

import logging
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.paths import NamedPath
from opentracker.config.settings import Settings
from opentracker.errors import UsageError
from opentracker.features.feature import Feature, Overseer
from opentracker.features.list_lines import LineChanges, LineFormat, UnparsedLines
from opentracker.server.core import Core
from opentracker.server.loop import READ, Handler, Loop

log = logging.getLogger("opentracker")

BLOCK: Final = 8192  # bytes read in an iteration of the loop: 200 lines, some tenths of a millisecond
LOOK: Final = 1.0  # seconds between two looks
IDLE: Final = (
    2  # looks; after as many, a whole line without a line end counts as a line, see LineChanges.look
)
MODE: Final = 0o600  # of a created FIFO: for the tracker's own user
REST: Final = b"/rest"  # behind the key of a FIFO: the hearer of the beginning of a line


class Fifo(Handler):
    """An open FIFO."""

    def __init__(self, fd: int, changes: LineChanges) -> None:
        self.fd = fd
        self.changes = changes
        self.idle = 0  # looks since the last byte was read

    def ready(self, events: int) -> None:
        """See Handler."""
        try:
            self.changes.feed(os.read(self.fd, BLOCK))
            self.idle = 0
        except BlockingIOError:  # another process reads it too
            pass

    def look(self) -> None:
        """Called about every second."""
        self.changes.look()
        self.idle += 1


class WatchedFifo:
    """The FIFO at a path and, for a while, its predecessors.

    `make` returns the LineChanges for a FIFO; `opened` is the list of all FIFOs' descriptors, which this class updates.
    """

    def __init__(
        self, path: Path, fd: int, make: Callable[[], LineChanges], loop: Loop, opened: list[int]
    ) -> None:
        self.path = path
        self.make = make
        self.loop = loop
        self.opened = opened
        self.name = b""  # of the hearer of an unfinished line
        self.is_shut = False
        self.fifos: list[Fifo] = []  # the newest is the last
        self.complaint = ""  # the last logged error about the path
        self.watch(fd)

    def watch(self, fd: int) -> None:
        """Begin to read an open FIFO."""
        fifo = Fifo(fd, self.make())
        self.loop.watch(fd, fifo, READ)
        self.fifos.append(fifo)

    def shut(self) -> None:
        """See Inlet: lines wait in the FIFO, which the other process has open as well."""
        self.is_shut = True
        for fifo in self.fifos:
            self.loop.unwatch(fifo.fd)

    def is_quiet(self) -> bool:
        """See Inlet."""
        return True

    def last_words(self) -> list[bytes]:
        """See Inlet: the beginning of a line, whose end is still to come."""
        rest = self.fifos[-1].changes.lines.rest
        return [self.name + b" " + rest] if rest else []

    def open(self) -> None:
        """See Inlet."""
        self.is_shut = False
        for fifo in self.fifos:
            self.loop.watch(fifo.fd, fifo, READ)

    def resume(self, rest: bytes) -> None:
        """Go on behind the beginning of a line, which the process before this one has read."""
        self.fifos[-1].changes.resume(rest)

    def look(self) -> None:
        """Called about every second."""
        if self.is_shut:
            return
        for fifo in self.fifos:
            fifo.look()
        for former in self.fifos[:-1]:
            if former.idle >= IDLE:
                self.leave(former)
        self.follow()

    def leave(self, former: Fifo) -> None:
        """Close a FIFO that was replaced, unless there are bytes in it after all."""
        former.ready(READ)
        if former.idle == 0:
            return
        self.fifos.remove(former)
        self.loop.unwatch(former.fd)
        self.opened.remove(former.fd)
        os.close(former.fd)

    def follow(self) -> None:
        """Open the FIFO at the path if it is another one. A missing FIFO is left to its remover to create again.

        A file that cannot be opened is logged once, and the old FIFO stays in use.
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
        self.fifos[-1].idle = 0  # its writers have two more looks
        self.opened.append(fd)
        self.watch(fd)
        log.info("%s: there is another FIFO, which is read from now on", self.path)


def status_of(path: Path) -> os.stat_result | None:
    """The status of the FIFO at this path; None if there is no file, UsageError if it is not a FIFO."""
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
    """Open a FIFO, and create it first if it does not exist; returns the descriptor. Raises UsageError."""
    if status_of(path) is None:
        try:
            os.mkfifo(path, MODE)
        except OSError as error:
            reason = error.strerror if path.parent.is_dir() else f"there is no directory {path.parent}"
            raise UsageError(f"cannot make the FIFO {path}: {reason}") from error
    return open_there(path)


def open_there(path: Path) -> int:
    """Open the FIFO at a path without following links; returns the descriptor. Raises UsageError."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"cannot open the FIFO {path}: {error.strerror}") from error
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # replaced by another file since status_of
        os.close(fd)
        raise UsageError(f"{path} is not a FIFO: it is left as it is")
    return fd


class Fifos:
    """The open FIFOs of a tracker, each with whether it adds torrents to the list (True) or deletes them.

    Raises UsageError, and closes all FIFOs then.
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

    def watch(self, loop: Loop, changes_of: Callable[[str, bool], LineChanges]) -> list[WatchedFifo]:
        """Begin to read the FIFOs, and return them; `changes_of` returns the LineChanges for a path."""
        inlets = []
        for (path, listed), fd in zip(self.paths, self.opened, strict=True):
            inlet = WatchedFifo(path, fd, partial(changes_of, str(path), listed), loop, self.opened)
            loop.every(LOOK, inlet.look)
            inlets.append(inlet)
        return inlets

    def close(self) -> None:
        """Close the FIFOs; the files stay for the next start."""
        for fd in self.opened:
            os.close(fd)
        self.opened.clear()


class FifoFeature(Feature[Core]):
    """Two FIFOs beside a list; subclasses say which list, and how a line changes it.

    Of several workers none reads the FIFOs: the supervisor does, and tells all of them each line that counts.
    """

    in_workers: ClassVar[bool] = True
    is_asked_for: ClassVar[bool] = True
    add: ClassVar[NamedPath]
    delete: ClassVar[NamedPath]

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.fifos = Fifos([])

    def asked(self) -> list[tuple[Path, bool]]:
        """The configured FIFOs, see Fifos. Raises UsageError."""
        add, delete = self.add.of(self.settings), self.delete.of(self.settings)
        if add is not None and add == delete:
            raise UsageError(f"{add} cannot be both {self.add.key} and {self.delete.key}")
        return [(path, listed) for path, listed in ((add, True), (delete, False)) if path is not None]

    def load(self) -> None:
        """Open the FIFOs, and create missing ones. Raises UsageError."""
        if self.settings.workers == 1:
            self.fifos = Fifos(self.asked())

    def try_load(self) -> None:
        """Check that existing files are FIFOs; create none. Raises UsageError."""
        for path, _ in self.asked():
            status_of(path)

    def changes(self, host: Core, name: str, listed: bool) -> LineChanges:
        """The changes of a FIFO, which adds to the list or deletes from it."""
        raise NotImplementedError

    def form(self) -> LineFormat:
        """The format of the lines."""
        raise NotImplementedError

    def oversee(self, overseer: Overseer) -> None:
        """Open the FIFOs, and tell all workers what is written into them. Raises UsageError."""
        self.fifos = Fifos(self.asked())
        form = UnparsedLines(self.form())

        def teller(name: str, listed: bool) -> LineChanges:
            hearer = self.hearer(listed)
            return LineChanges(name, form, lambda line: overseer.tell(hearer, line))

        self.watch(overseer, overseer.part(Loop), teller)

    def inherit(self, proc: int, is_successor: bool) -> None:
        """Leave the FIFOs to the supervisor."""
        self.fifos.close()

    def join(self, host: Core) -> None:
        """Begin to read the FIFOs."""
        for path, listed in self.asked():
            host.hearers[self.hearer(listed)] = self.kept_changes(host, str(path), listed).take
        if self.settings.workers == 1:
            self.watch(host, host.loop, partial(self.kept_changes, host))

    def kept_changes(self, host: Core, name: str, listed: bool) -> LineChanges:
        """The changes of a FIFO, which are kept for the next version."""
        changes = self.changes(host, name, listed)
        changes.keep = partial(host.keep, self.hearer(listed))
        return changes

    def watch(
        self, host: Core | Overseer, loop: Loop, changes_of: Callable[[str, bool], LineChanges]
    ) -> None:
        """Let a loop read the FIFOs."""
        inlets = self.fifos.watch(loop, changes_of)
        for inlet, (_, listed) in zip(inlets, self.fifos.paths, strict=True):
            inlet.name = self.hearer(listed) + REST
            host.inlets.append(inlet)
            host.hearers[inlet.name] = inlet.resume

    def hearer(self, listed: bool) -> bytes:
        """The name of the hearer for the lines of a FIFO, which is its key."""
        return (self.add if listed else self.delete).key.encode("ascii")

    def close(self) -> None:
        """Close the FIFOs."""
        self.fifos.close()
