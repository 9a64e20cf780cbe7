"""The table of statuses, beside the texts that programs for the C tracker's statistics read."""

from http import HTTPStatus

from opentracker.protocol.statuses import STATUSES


def test_phrases() -> None:
    own = {
        400: "Invalid Request",
        403: "Access Denied",
        414: "URI Too Long",
    }  # the C tracker's, or the newer RFC's
    for status in STATUSES:
        assert status.phrase == own.get(status.number, HTTPStatus(status.number).phrase)


def test_each_counter_is_of_one_row() -> None:
    counters = [status.counter for status in STATUSES if status.counter]
    assert len(set(counters)) == len(counters) == 11
    assert all(status.text for status in STATUSES if status.counter)


def test_labels_have_the_width_that_scripts_cut() -> None:
    assert {len(status.brief) for status in STATUSES if status.brief} == {7}
    assert len({status.code for status in STATUSES}) == len(STATUSES)
