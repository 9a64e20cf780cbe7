import pytest

from soak.watching import slope


def test_a_slope_is_that_of_the_line_of_least_squares() -> None:
    assert slope([(0, 5), (1, 5), (7, 5)]) == 0
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert slope([(0, 0), (1, 2), (2, 1), (3, 3)]) == pytest.approx(0.8)
