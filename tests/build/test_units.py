"""Units: a wheel's unit starts its tracker, whatever was left out of it."""

from build_hook.resolution import resolve
from build_hook.units import unit_for
from tests.build.workshop import ROOT

TEXT = (ROOT / "docs/systemd/opentracker.service").read_text()


def exec_start(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("ExecStart=")]


def test_a_unit_is_taken_as_it_is_where_nothing_is_lacking() -> None:
    everything = {"WANT_ACCESSLIST_BLACK": "1", "WANT_SYNC_LIVE": "1"}
    assert unit_for(resolve(ROOT, everything), TEXT) == TEXT
    assert " -S state " in exec_start(TEXT)[0]


def test_options_that_are_lacking_go_with_their_arguments() -> None:
    unit = unit_for(resolve(ROOT, {"OPENTRACKER_PROFILE": "private"}), TEXT)
    assert exec_start(unit) == [exec_start(TEXT)[0].replace(" -S state", "")]
    changed = exec_start(TEXT)[0]
    assert unit.replace(exec_start(unit)[0], changed) == TEXT
