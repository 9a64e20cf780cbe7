from opentracker.features.outcome import Outcome
from opentracker.swarm.surveys.snapshot import StatsSnapshot


def told(outcome: Outcome) -> tuple[float, float, bool]:
    """Both values, and whether an operator is to be told."""
    snapshot = StatsSnapshot("opentracker", 1, 1)
    outcome.tell(snapshot)
    success = snapshot.reading(outcome.success)
    return success, snapshot.reading(outcome.time), outcome.success.is_bad(success)


def test_the_latest_attempt_and_the_latest_success() -> None:
    times = iter((100.0, 300.0))
    outcome = Outcome("x", "try", "X tried", "X failed", lambda: next(times))
    assert told(outcome) == (1, 0, False)
    outcome.succeeded()
    assert told(outcome) == (1, 100, False)
    outcome.failed("no")
    assert (outcome.complaint, outcome.failures) == ("no", 1)
    assert told(outcome) == (0, 100, True)
    outcome.succeeded()
    assert told(outcome) == (1, 300, False)
    assert outcome.complaint == ""
    assert outcome.failed_attempts.name == "x_try_failures_total"
    assert outcome.success.name == "x_last_try_success"
    assert outcome.time.name == "x_last_try_timestamp_seconds"
