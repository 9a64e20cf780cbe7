"""Names in the environment: a typo of ours is told, what belongs to others is let be."""

from collections.abc import Callable
from typing import Any

import pytest

from build_hook.errors import BuildError
from build_hook.resolution import resolve
from tests.build.workshop import ROOT

REFUSED = [
    ("WANT_VG", "1", "no such flag; the nearest known one is WANT_V6"),
    ("OT_INTERVALL", "600", "no such constant; the nearest known one is OT_INTERVAL"),
    ("OPENTRACKER_PROFIL", "ipv6", "no such variable; the nearest known one is OPENTRACKER_PROFILE"),
    ("WANT_BLAKLIST", "1", "no such flag; the nearest known one is WANT_ACCESSLIST_BLACK"),
    ("WANT_IPV6", "1", "no such flag; the nearest known one is WANT_V6"),
    ("WANT_DEVRANDOM", "1", "no such flag; the nearest known one is WANT_DEV_RANDOM"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED, ids=[name for name, *_ in REFUSED])
def test_a_typo_is_refused_in_one_line(
    choose: Callable[..., Any], name: str, value: str, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        choose(**{name: value})
    assert str(caught.value) == f"{name}={value} (environment): {message}"


# Of container builds, of autotools wrappers, of a home directory, of Kubernetes.
OTHERS = [
    *("OPENTRACKER_VERSION", "WANT_AUTOCONF", "WANT_AUTOMAKE", "OT_HOME"),
    *("OPENTRACKER_PORT", "OPENTRACKER_SERVICE_HOST"),
]


def test_names_of_other_programs_are_let_be_and_told(choose: Callable[..., Any]) -> None:
    build = choose(**dict.fromkeys(OTHERS, "2.71"), MY_WANT_V6="yes")
    assert (build.flags, build.constants) == (choose().flags, choose().constants)
    assert build.notes == (f"not known to this build, and without effect: {', '.join(OTHERS)} (environment)",)


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_other_programs_do_not_end_a_build_of_opentracker(name: str) -> None:
    assert resolve(ROOT, {name: "1"}).notes[0].endswith(f": {name} (environment)")
