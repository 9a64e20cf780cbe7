"""What time it is: read once a turn of the loop, from a clock that never goes back."""

from collections.abc import Callable

from mypy_extensions import i64


class Now:
    """The time of this turn: `seconds` of the monotonic clock since the start, and the same in whole minutes."""

    __slots__ = ("clock", "minute", "seconds", "start")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.start = clock()
        self.seconds = 0.0
        self.minute: i64 = 0

    def read(self) -> None:
        """Look at the clock."""
        self.seconds = self.clock() - self.start
        self.minute = int(self.seconds) // 60
