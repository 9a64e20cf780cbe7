from math import isnan

import pytest

from harness.results import Results, value


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    measured = Results({"a": [{"n": 1}, {"n": 30}, {"n": 8}], "b": [{"n": 1}, {"n": 10}, {"n": 4}]})
    assert measured.ratio("a", "b", "n") == 2
    assert measured.median("a", "n") == 8
    assert measured.total("b", "n") == 15


def test_the_rest_above_a_floor_is_taken_round_by_round() -> None:
    measured = Results(
        {"a": [{"n": 3}, {"n": 14}], "b": [{"n": 5}, {"n": 18}], "floor": [{"n": 1}, {"n": 10}]}
    )
    assert measured.rests("a", "floor", "n") == [2, 4]
    assert measured.ratio_of_rests("b", "a", "floor", "n") == 2


def test_a_contender_at_the_floor_has_no_ratio() -> None:
    measured = Results({"a": [{"n": 3}], "floor": [{"n": 3}], "idle": [{"n": 0}]})
    assert isnan(measured.ratio_of_rests("a", "a", "floor", "n"))
    assert isnan(measured.ratio("a", "idle", "n"))


def test_contenders_with_different_numbers_of_rounds_are_refused() -> None:
    measured = Results({"a": [{"n": 1}], "b": []})
    with pytest.raises(ValueError, match="zip"):
        measured.ratio("a", "b", "n")


def test_a_slash_in_a_key_goes_into_the_report() -> None:
    assert value({"latency_us": {"p99.9": 7}}, "latency_us/p99.9") == 7.0
