from opentracker.server.clock import Now
from tests.server.live import Clock


def test_time_counts_from_the_start_and_stands_still_between_looks() -> None:
    clock = Clock()
    now = Now(clock)
    assert (now.seconds, now.minute) == (0.0, 0)
    clock.seconds += 59.5
    assert (now.seconds, now.minute) == (0.0, 0)
    now.read()
    assert (now.seconds, now.minute) == (59.5, 0)
    clock.seconds += 0.5
    now.read()
    assert (now.seconds, now.minute) == (60.0, 1)
    clock.seconds += 1000 * 60
    now.read()
    assert now.minute == 1001
