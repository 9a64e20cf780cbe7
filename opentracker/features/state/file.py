"""The state file: written beside the old one and renamed over it, so that there is always a whole one."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

from opentracker.features.outcome import Outcome
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.surveys.snapshot import StatsSnapshot

log = logging.getLogger("opentracker")

NEW_SUFFIX: Final = ".new"
BYTES: Final = Gauge("opentracker_state_last_write_bytes", "Size of the state that was written last.")


class StateFile:
    """Writes the state to a file; `dump` gives it in pieces."""

    def __init__(self, path: Path, dump: Callable[[], Iterator[bytes]]) -> None:
        self.path = path
        self.new = path.with_name(path.name + NEW_SUFFIX)
        self.dump = dump
        self.outcome = Outcome(
            "opentracker_state_last_write",
            "write of the state",
            "The state could not be written: the file holds an older one.",
            time.time,
        )
        self.size = 0  # bytes of the file that was written last
        self.under_way: Generator[None, None, None] | None = None

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Tell a statistic of the file."""
        snapshot.tell(BYTES, self.size)
        self.outcome.tell(snapshot)

    def write(self) -> None:
        """Write it all now, in place of what is being written."""
        self.give_up()
        for _ in self.steps(in_background=False):
            pass

    def begin(self) -> Generator[None, None, None]:
        """The steps of writing it, in place of what is being written."""
        self.give_up()
        self.under_way = self.steps(in_background=True)
        return self.under_way

    def give_up(self) -> None:
        """Leave the old file as it is."""
        steps, self.under_way = self.under_way, None
        if steps is not None:
            steps.close()

    def steps(self, in_background: bool) -> Generator[None, None, None]:
        """Write, in small steps; a failure is logged."""
        try:
            yield from self.write_new(in_background)
            self.new.rename(self.path)
            sync_directory(self.path.parent)
            log.info("wrote the state to %s", self.path)
            self.outcome.succeeded()
        except OSError as error:
            log.error("cannot write the state to %s: %s", self.path, error.strerror)
            self.outcome.failed()
        finally:
            self.under_way = None

    def write_new(self, in_background: bool) -> Generator[None, None, None]:
        """Write the new file, down to the disk."""
        self.new.unlink(missing_ok=True)  # of a writer that was killed
        fd = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, mode_of(self.path))
            for piece in self.dump():
                rest = piece
                while rest:
                    rest = rest[os.write(fd, rest) :]
                yield
            self.size = os.fstat(fd).st_size
            if in_background:
                yield from synced(fd)
            else:
                os.fsync(fd)
        except BaseException:  # given up, among others
            self.new.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)


def mode_of(path: Path) -> int:
    """The permissions of a file that is to be replaced; what its owner alone needs if there is none."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o600


def synced(fd: int) -> Generator[None, None, None]:
    """Wait in small steps until a file is on the disk: for this the system has no call that does not block."""
    errors: list[OSError] = []

    def sync() -> None:
        try:
            os.fsync(fd)
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=sync)
    thread.start()
    try:
        while thread.is_alive():
            yield
    finally:
        thread.join()
    if errors:
        raise errors[0]


def sync_directory(path: Path) -> None:
    """Let a rename in a directory last, where the system can tell it so."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
