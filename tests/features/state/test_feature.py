"""The state as a feature: which file is loaded, and which is written."""

from pathlib import Path

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.errors import UsageError
from opentracker.features.state.feature import LOADED, WRITTEN, StateFeature, StateSettings
from opentracker.features.state.state import State
from tests.server.conftest import open_descriptors
from tests.server.live import Live


def feature(**files: Path) -> StateFeature:
    return StateFeature(Settings(sections=Sections(StateSettings(**files))))


def test_one_file_is_read_before_and_the_other_written_inside() -> None:
    assert (LOADED.inside, LOADED.writes, LOADED.key) == (False, False, "")
    assert (WRITTEN.inside, WRITTEN.writes, WRITTEN.key) == (True, True, "tracker.state_file")


def test_a_plan_names_both() -> None:
    assert list(feature().plan()) == []
    assert list(feature(to_load=Path("/old"), file=Path("state")).plan()) == [
        "would load the state in /old",
        "would write the state to state",
    ]


def test_a_state_that_cannot_be_read(tmp_path: Path) -> None:
    before = open_descriptors()
    missing = feature(to_load=tmp_path / "missing")
    for attempt in (missing.open, missing.try_open):
        with pytest.raises(UsageError, match=f"cannot read the state in {tmp_path}/missing: No such file"):
            attempt()
        missing.close()
    assert open_descriptors() == before


def test_looking_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "dump").touch()
    before = open_descriptors()
    feature(to_load=tmp_path / "dump").try_open()
    assert open_descriptors() == before


def test_a_clean_end_writes_the_state(tmp_path: Path) -> None:
    live = Live(Settings(sections=Sections(StateSettings(file=tmp_path / "state"))))
    for end in live.server.endings:
        end()
    live.close()
    assert (tmp_path / "state").exists()


def test_other_features_find_the_state() -> None:
    live = Live()
    assert isinstance(live.server.part(State), State)
    for end in live.server.endings:  # nothing is written where no file was named
        end()
    live.close()
