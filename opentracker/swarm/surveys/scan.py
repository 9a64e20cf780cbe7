"""Surveys: what takes a walk over all torrents, or over much else, is found out in steps and shared for a moment.

Whoever asks while one is under way waits for that one, so that a flood of requests costs one walk.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import mypyc_attr

GOOD_FOR: Final = 1.0  # seconds; one that nobody has advanced for so long is given up too


@mypyc_attr(allow_interpreted_subclasses=True)  # a test's
class Scan:
    """Something that is found out step by step; a part that can be merged with another part."""

    def steps(self) -> Iterator[None]:
        """Find it out; yields every few dozen microseconds."""
        raise NotImplementedError

    def merge(self, other: "Scan") -> None:
        """Take in the same survey of another part."""
        raise NotImplementedError


class RunningScan:
    """A survey and how far it has come."""

    def __init__(self, survey: Scan, seconds: float) -> None:
        self.survey = survey
        self.steps = survey.steps()
        self.is_done = False
        self.touched_at = seconds

    def advance(self, seconds: float) -> None:
        """Take one step."""
        self.touched_at = seconds
        try:
            next(self.steps)
        except StopIteration:
            self.is_done = True


class ScanCache:
    """Takes surveys of one kind; `clock` gives seconds."""

    def __init__(self, make: Callable[[], Scan], clock: Callable[[], float]) -> None:
        self.make = make
        self.clock = clock
        self.latest: RunningScan | None = None

    def current(self) -> RunningScan:
        """A survey that is under way, or was done within the last second; else a new one."""
        seconds = self.clock()
        latest = self.latest
        if latest is None or seconds - latest.touched_at >= GOOD_FOR:
            latest = RunningScan(self.make(), seconds)
            self.latest = latest
        return latest
