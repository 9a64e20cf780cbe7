"""The state of a tracker on its way to a file and back; times in files are those of the wall clock."""

from collections.abc import Callable, Generator, Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from opentracker._features import WANT_FULL_STATE
from opentracker.errors import UsageError
from opentracker.features.state import dump, kinds
from opentracker.swarm.tracker import Tracker

if WANT_FULL_STATE:
    from opentracker.features.state import full, full_file

BLOCK: Final = 1 << 16


class State:
    """Writes and loads the state; `minute` returns the tracker's time, `wall_clock` seconds since 1970."""

    def __init__(self, tracker: Tracker, minute: Callable[[], int], wall_clock: Callable[[], float]) -> None:
        self.tracker = tracker
        self.minute = minute
        self.wall_clock = wall_clock

    def epoch(self) -> int:
        """Minutes from 1970 to the tracker's minute 0."""
        return int(self.wall_clock()) // 60 - self.minute()

    def lines(self) -> Generator[bytes, None, None]:
        """A state dump in pieces."""
        return dump.write_lines(self.tracker, self.minute(), self.epoch())

    def pieces(self) -> Generator[bytes, None, None]:
        """The content of the state file, in pieces."""
        if WANT_FULL_STATE:
            return full.write(self.tracker, self.minute(), self.epoch())
        return self.lines()

    def part(self) -> Generator[bytes, None, None]:
        """The torrents of this process for `whole`, in pieces."""
        if WANT_FULL_STATE:
            return full.part(self.tracker)
        return self.lines()

    def load(self, file: FileIO, name: str) -> int:
        """Load an open file, and return the number of broken lines that were skipped.

        Raises BrokenStateError, with nothing loaded.
        """
        if kinds.is_full(file, name):
            if WANT_FULL_STATE:
                full.Loading(self.tracker, self.minute(), self.epoch()).load(file, name)
            return 0
        loading = dump.Loading(self.tracker, self.minute(), self.epoch())
        for _ in loading.load(dump.lines_of(blocks_of(file))):
            pass
        return loading.finish(name)


def whole(
    parts: Generator[bytes, None, None], minute: int, wall_clock: Callable[[], float]
) -> Generator[bytes, None, None]:
    """The content of the state file, in pieces, from those of the parts of several workers."""
    if WANT_FULL_STATE:
        return full.sealed(parts, minute, int(wall_clock()) // 60 - minute)
    return parts


def examine(path: Path) -> None:
    """Find out whether a state can be loaded. Raises UsageError."""
    with open_state(path) as file:
        if not kinds.is_full(file, str(path)):
            dump.examine(dump.lines_of(blocks_of(file)), str(path))
        elif WANT_FULL_STATE:
            full_file.examine(file, str(path))


def open_state(path: Path) -> FileIO:
    """Open a file to load. Raises UsageError."""
    try:
        return FileIO(path)
    except OSError as error:
        raise UsageError(f"cannot read the state in {path}: {error.strerror}") from error


def blocks_of(file: FileIO) -> Iterator[bytes]:
    """The content of a file, block by block."""
    while block := file.read(BLOCK):
        yield block
