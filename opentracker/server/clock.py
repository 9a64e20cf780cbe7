"""The current time: read once an iteration of the loop, from a clock that never goes back."""

from collections.abc import Callable

from mypy_extensions import i64


class Now:
    """The time of this iteration: `seconds` of the monotonic clock since the start, and the same in whole minutes."""

    __slots__ = ("began", "clock", "minute", "seconds", "start")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.start = clock()
        self.seconds = 0.0
        self.minute: i64 = 0
        self.began: Callable[[int], None] = ignore  # called with each minute, before any other work in it

    def go_on_from(self, start: float) -> None:
        """Take another start, as if this process had begun then."""
        self.start = start
        self.read()

    def read(self) -> None:
        """Look at the clock."""
        self.seconds = self.clock() - self.start
        minute = int(self.seconds) // 60
        if minute != self.minute:
            self.minute = minute
            self.began(minute)


def ignore(minute: int) -> None:
    """Do nothing about a new minute."""
