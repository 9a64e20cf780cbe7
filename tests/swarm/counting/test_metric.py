import pytest

from opentracker.swarm.counting.metric import LEAST, MOST, SUM, Distribution, Gauge, Histogram


@pytest.mark.parametrize(("merging", "both"), [(SUM, 7), (MOST, 5), (LEAST, 2)])
def test_two_workers_have_one_value(merging: str, both: float) -> None:
    assert Gauge("x", "X.", merging).merged(5, 2) == both


def test_a_total_is_a_counter() -> None:
    assert Gauge("busy_seconds_total", "X.").kind() == "counter"
    assert Gauge("busy_seconds", "X.").kind() == "gauge"


def test_an_alarm_has_its_range() -> None:
    gauge = Gauge("x", "X.", alarm="Out of range", least=1, most=3)
    assert [gauge.is_bad(value) for value in (0, 1, 3, 4)] == [True, False, False, True]
    assert not Gauge("x", "X.", least=1).is_bad(0), "nobody is to be told anything"


def test_distributions_are_merged() -> None:
    histogram = Histogram("x", "X.", (1, 2))
    one, two = Distribution(histogram, [1, 2, 3], 10.0), Distribution(histogram, [4, 0, 1], 5.5)
    one.merge(two)
    assert (one.counts, one.total) == ([5, 2, 4], 15.5)
    assert two.counts == [4, 0, 1]
