"""Surveys: walks over all torrents, or over other large data, in small steps; the result is shared for a second.

A request that comes during a survey waits for that survey, so that a flood of requests costs one walk.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import mypyc_attr

# Seconds since the last step, after which a survey, done or not, is replaced by a new one.
GOOD_FOR: Final = 1.0


@mypyc_attr(allow_interpreted_subclasses=True)  # tests have subclasses
class Scan:
    """A survey that runs step by step, and can be merged with the same survey of another worker."""

    def steps(self) -> Iterator[None]:
        """Run the survey; yields every few dozen microseconds."""
        raise NotImplementedError

    def merge(self, other: "Scan") -> None:
        """Add the same survey of another part."""
        raise NotImplementedError


class RunningScan:
    """A survey and its progress."""

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
    """Starts surveys of one kind, and shares them; `clock` gives seconds."""

    def __init__(self, make: Callable[[], Scan], clock: Callable[[], float]) -> None:
        self.make = make
        self.clock = clock
        self.latest: RunningScan | None = None

    def current(self) -> RunningScan:
        """The latest survey if it made a step within the last second; else a new one."""
        seconds = self.clock()
        latest = self.latest
        if latest is None or seconds - latest.touched_at >= GOOD_FOR:
            latest = RunningScan(self.make(), seconds)
            self.latest = latest
        return latest
