"""The outcome of a repeated operation: a reload of a list, a write of the state."""

from collections.abc import Callable

from opentracker.swarm.counting.metric import LEAST, Gauge
from opentracker.swarm.surveys.snapshot import StatsSnapshot


class Outcome:
    """The results of attempts of one kind.

    `room` and `attempt` make the names of the metrics: `opentracker_state`, `write`. On the statistics page, `people`
    names a success, and `alarm` is shown while the latest attempt is a failure.
    """

    def __init__(
        self, room: str, attempt: str, people: str, alarm: str, wall_clock: Callable[[], float]
    ) -> None:
        self.success = Gauge(
            f"{room}_last_{attempt}_success",
            f"Whether the latest {attempt} succeeded, 1 or 0.",
            *(LEAST, alarm, 1),
        )
        self.time = Gauge(
            f"{room}_last_{attempt}_timestamp_seconds",
            f"Time of the latest {attempt} that succeeded; 0: none.",
            LEAST,
            people=people,
        )
        self.failed_attempts = Gauge(
            f"{room}_{attempt}_failures_total", f"Attempts of a {attempt} that failed."
        )
        self.wall_clock = wall_clock
        self.failures = 0
        self.complaint = ""  # the reason why the latest attempt failed; empty if it succeeded
        self.succeeded_at = 0.0  # seconds since 1970

    def succeeded(self) -> None:
        """Record a success."""
        self.complaint = ""
        self.succeeded_at = self.wall_clock()

    def failed(self, complaint: str) -> None:
        """Record a failure."""
        self.complaint = complaint
        self.failures += 1

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the values to a snapshot."""
        snapshot.tell(self.success, int(self.complaint == ""))
        snapshot.tell(self.time, self.succeeded_at)
        snapshot.tell(self.failed_attempts, self.failures)
