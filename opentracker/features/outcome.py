"""The outcome of something that is done again and again: a reload of a list, a write of the state."""

from collections.abc import Callable

from opentracker.swarm.counting.metric import LEAST, Gauge
from opentracker.swarm.surveys.snapshot import StatsSnapshot


class Outcome:
    """Whether the latest attempt succeeded, and when the latest success was; told as two gauges.

    `name` is the beginning of their names, `what` names the attempt in their help texts, and `alarm` is told while the
    latest attempt is a failure.
    """

    def __init__(self, name: str, what: str, alarm: str, wall_clock: Callable[[], float]) -> None:
        self.success = Gauge(
            f"{name}_success", f"Whether the latest {what} succeeded, 1 or 0.", LEAST, alarm, least=1
        )
        self.time = Gauge(
            f"{name}_timestamp_seconds", f"Time of the latest {what} that succeeded; 0: none.", LEAST
        )
        self.wall_clock = wall_clock
        self.is_good = True
        self.succeeded_at = 0.0  # seconds since 1970

    def succeeded(self) -> None:
        """Note a success."""
        self.is_good = True
        self.succeeded_at = self.wall_clock()

    def failed(self) -> None:
        """Note a failure."""
        self.is_good = False

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Tell a statistic."""
        snapshot.tell(self.success, int(self.is_good))
        snapshot.tell(self.time, self.succeeded_at)
