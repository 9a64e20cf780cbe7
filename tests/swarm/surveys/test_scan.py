from collections.abc import Iterator

from opentracker.swarm.surveys.scan import GOOD_FOR, Scan, ScanCache


class Counting(Scan):
    """Takes three steps."""

    def __init__(self) -> None:
        self.taken = 0

    def steps(self) -> Iterator[None]:
        for _ in range(3):
            self.taken += 1
            yield


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_who_asks_meanwhile_gets_the_one_that_is_under_way() -> None:
    clock = Clock()
    surveyor = ScanCache(Counting, clock)
    first = surveyor.current()
    first.advance(clock.seconds)
    clock.seconds += GOOD_FOR * 0.9
    while not first.is_done:
        assert surveyor.current() is first
        first.advance(clock.seconds)
        clock.seconds += GOOD_FOR * 0.9  # it may take longer than that, as long as it goes on
    assert isinstance(first.survey, Counting)
    assert first.survey.taken == 3


def test_one_that_is_done_is_good_for_a_second() -> None:
    clock = Clock()
    surveyor = ScanCache(Counting, clock)
    first = surveyor.current()
    while not first.is_done:
        first.advance(clock.seconds)
    clock.seconds += GOOD_FOR * 0.9
    assert surveyor.current() is first
    clock.seconds += GOOD_FOR * 0.1
    second = surveyor.current()
    assert second is not first
    assert not second.is_done


def test_one_that_everybody_has_left_is_begun_anew() -> None:
    clock = Clock()
    surveyor = ScanCache(Counting, clock)
    left = surveyor.current()
    left.advance(clock.seconds)
    clock.seconds += GOOD_FOR
    assert surveyor.current() is not left
