"""Complaints: one line in place of a traceback."""

import pytest

from build_hook.errors import BuildError, one_line_errors


def test_a_build_error_ends_the_process_with_its_line() -> None:
    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise BuildError("WANT_X=2 (environment): a flag is 0 or 1")
    assert caught.value.code == "error: WANT_X=2 (environment): a flag is 0 or 1"


def test_other_errors_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError
