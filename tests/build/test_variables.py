"""Names in the environment: a typo of ours is told, what belongs to others is let be."""

from collections.abc import Callable
from typing import Any

import pytest

from build_hook.errors import BuildError

REFUSED = [
    ("WANT_VG", "1", "no such flag; the nearest known one is WANT_V6"),
    ("OT_INTERVALL", "600", "no such constant; the nearest known one is OT_INTERVAL"),
    ("OPENTRACKER_PROFIL", "ipv6", "no such variable; the nearest known one is OPENTRACKER_PROFILE"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_a_typo_is_refused_in_one_line(
    choose: Callable[..., Any], name: str, value: str, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        choose(**{name: value})
    assert str(caught.value) == f"{name}={value} (environment): {message}"


def test_variables_of_other_programs_are_left_alone(choose: Callable[..., Any]) -> None:
    choose(OPENTRACKER_SERVICE_HOST="10.0.0.1", OPENTRACKER_PORT="6969", MY_WANT_V6="yes")
