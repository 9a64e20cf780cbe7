import pytest

from opentracker.errors import ControlError
from opentracker.features.control.words import nothing_more


def test_words_behind_a_command_that_takes_none() -> None:
    nothing_more([])
    with pytest.raises(ControlError, match="unexpected: 'now then'"):
        nothing_more(["now", "then"])
