import pytest

from opentracker.swarm.counters import NAMES, Counters


def test_every_counter_begins_at_zero() -> None:
    counters = Counters()
    assert [getattr(counters, name) for name in NAMES] == [0] * len(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_rows_can_be_summed() -> None:
    """What several workers counted is one row again; none of them shares anything."""
    first, second, total = Counters(), Counters(), Counters()
    for number, name in enumerate(NAMES):
        setattr(first, name, number)
        setattr(second, name, 2**40)
        setattr(total, name, getattr(first, name) + getattr(second, name))
    assert [getattr(total, name) for name in NAMES] == [number + 2**40 for number in range(len(NAMES))]
    assert [getattr(first, name) for name in NAMES] == list(range(len(NAMES)))


def test_each_name_has_its_group() -> None:
    """What sums to the requests, what to the datagrams, and the rest."""
    counters = Counters()
    assert set(counters.values()) == set(Counters.__slots__) == set(NAMES)
    assert set(counters.values().values()) == {0}


@pytest.mark.parametrize("status", [302, 402, 403, 404, 405, 414, 431, 500])
def test_an_error_counts_by_its_status(status: int) -> None:
    counters = Counters()
    counters.count_error(status, was_parsed=True)
    assert {name: value for name, value in counters.values().items() if value} == {f"http_{status}": 1}


def test_of_400_it_counts_whether_there_was_a_request() -> None:
    counters = Counters()
    counters.count_error(400, was_parsed=False)
    assert (counters.http_400_parse, counters.http_400_parameter) == (1, 0)
    counters.count_error(400, was_parsed=True)
    assert (counters.http_400_parse, counters.http_400_parameter) == (1, 1)
