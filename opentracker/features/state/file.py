"""The state file: a new one is written beside the old one and renamed over it, so that a whole file always exists."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

from opentracker.errors import EndError
from opentracker.features.outcome import Outcome
from opentracker.features.state import place
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

Steps = Generator[None, None, None]
Start = Callable[[Iterator[None]], None]  # starts long work, as Loop.start does

BYTES: Final = Gauge("opentracker_state_last_write_bytes", "Size of the state that was written last.")


class StateFile:
    """Writes the state to a file; `dump` returns the state in pieces."""

    def __init__(self, path: Path, dump: Callable[[], Iterator[bytes]]) -> None:
        self.path = path
        self.dump = dump
        self.outcome = Outcome(
            "opentracker_state",
            "write",
            "State written",
            "The state could not be written: the file holds an older one.",
            time.time,
        )
        self.size = 0  # bytes of the file that was written last
        self.under_way: Steps | None = None
        self.again = False  # whether another write follows the current one

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the file's gauges to a snapshot."""
        snapshot.tell(BYTES, self.size)
        self.outcome.tell(snapshot)

    def write(self) -> None:
        """Write the whole state now, and abandon a write under way. Raises EndError."""
        if self.under_way is not None:
            self.under_way.close()
        try:
            for _ in self.write_new(in_background=False):
                pass
        except OSError as error:
            raise EndError(f"cannot write the state to {self.path}: {error.strerror}") from error
        log.info("wrote the state to %s", self.path)

    def begin(self, start: Start) -> None:
        """Write the state in slices. If a write is under way, another one follows it, with the current state."""
        if self.under_way is not None:
            self.again = True
            return
        self.under_way = self.steps()
        start(self.under_way)

    def last(self) -> Steps:
        """Write the state at the end of several workers, after the write under way. Raises EndError."""
        while self.under_way is not None:
            yield
        try:
            yield from self.write_new(in_background=True)
        except OSError as error:
            raise EndError(f"cannot write the state to {self.path}: {error.strerror}") from error
        log.info("wrote the state to %s", self.path)

    def steps(self) -> Steps:
        """Write in small steps, and again while `begin` was called meanwhile; log a failure."""
        try:
            while True:
                self.again = False
                log.debug("writing the state to %s", self.path)
                try:
                    yield from self.write_new(in_background=True)
                    self.outcome.succeeded()
                    log.info("wrote the state to %s", self.path)
                except OSError as error:
                    self.outcome.failed(f"cannot write the state to {self.path}: {error.strerror}")
                    log.error("%s", self.outcome.complaint)
                if not self.again:
                    return
        finally:
            self.under_way = None

    def write_new(self, in_background: bool) -> Steps:
        """Write and fsync a new file, and rename it over the old one."""
        new = place.new_name(self.path)
        fd = place.create(new)
        try:
            os.fchmod(fd, mode_of(self.path))
            for piece in self.dump():
                rest = piece
                while rest:
                    rest = rest[os.write(fd, rest) :]
                yield
            self.size = os.fstat(fd).st_size
            yield from synced(fd, in_background)
            new.rename(self.path)
        except BaseException:  # GeneratorExit too, from a write that is abandoned
            new.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        yield from sync_directory(self.path.parent, in_background)


def mode_of(path: Path) -> int:
    """The permissions of the file to replace; read and write for the owner alone if there is none."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o600


def synced(fd: int, in_background: bool) -> Steps:
    """Call fsync on a file. In the background a thread calls it, since fsync always blocks, while this yields.

    If no thread can be started, fsync blocks the loop.
    """
    errors: list[OSError] = []

    def sync() -> None:
        try:
            os.fsync(fd)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=sync)
    try:
        if not in_background:
            sync()
        else:
            thread.start()
    except RuntimeError as error:
        log.warning("the state is written to the disk without a thread: %s", error)
        sync()
    try:
        while thread.is_alive():
            yield
    finally:
        if thread.ident is not None:
            thread.join()
    if errors:
        raise errors[0]


def sync_directory(path: Path, in_background: bool) -> Steps:
    """Call fsync on the directory so that a rename survives a crash, where supported."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        yield from synced(fd, in_background)
    finally:
        os.close(fd)
