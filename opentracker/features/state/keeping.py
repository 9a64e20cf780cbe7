"""A state file from the start of a tracker to its end: it is checked, locked and loaded, and replaced when written."""

import logging
from io import FileIO
from pathlib import Path

from opentracker.errors import BrokenStateError, StartError, UsageError
from opentracker.features.state import place
from opentracker.features.state.state import State, examine

log = logging.getLogger("opentracker")


def check(path: Path) -> None:
    """Find out whether a state can be written, and warn if the existing one cannot be read.

    Raises UsageError and StartError. A running tracker may hold the lock meanwhile.
    """
    place.check(path)
    if path.exists():
        try:
            examine(path)
        except UsageError as error:
            log.warning("%s; a start would keep it aside and begin empty", error)


class Kept:
    """The locked state file of one tracker. Raises UsageError and StartError."""

    def __init__(self, path: Path, left: int = -1) -> None:
        place.check(path)
        self.path = path
        self.lock = place.Lock(path, left)
        place.sweep(path)

    def take_up(self, state: State, keeps_copy: bool = True) -> None:
        """Load the state of an earlier run, if there is one; a file that cannot be read is kept aside.

        A file with broken lines is kept too, by one of several workers. Raises StartError.
        """
        try:
            file = FileIO(self.path)
        except FileNotFoundError:
            log.info("there is no state in %s yet: the tracker starts empty", self.path)
            return
        except OSError as error:
            raise StartError(f"cannot read the state in {self.path}: {error.strerror}") from error
        with file:
            try:
                broken_lines = state.load(file, str(self.path))
            except BrokenStateError as error:
                kept = place.keep_aside(self.path, False)
                log.error("%s; it is kept as %s, and the tracker starts empty", error, kept)
                return
        if broken_lines and keeps_copy:
            log.warning("%s is kept as %s too", self.path, place.keep_aside(self.path, True))

    def keep_aside_if_broken(self) -> None:
        """Keep a file aside that cannot be read, before several workers load it. Raises StartError."""
        if not self.path.exists():
            return
        try:
            examine(self.path)
        except BrokenStateError as error:
            kept = place.keep_aside(self.path, False)
            log.error("%s; it is kept as %s, and the tracker starts empty", error, kept)

    def close(self) -> None:
        """Unlock the file."""
        self.lock.close()
