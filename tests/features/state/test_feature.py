"""The state as a feature: which file is loaded, and which is written."""

import os
from pathlib import Path

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.errors import BrokenStateError, StartError, UsageError
from opentracker.features.state.feature import KEPT, LOADED, StateFeature, StateSettings
from opentracker.features.state.state import State
from tests.server.conftest import DESCRIPTORS, open_descriptors
from tests.server.live import Live


def feature(to_load: Path | None = None, file: Path | None = None) -> StateFeature:
    return StateFeature(Settings(sections=Sections(StateSettings(to_load, file))))


def test_one_file_is_read_before_and_the_other_written_inside() -> None:
    assert (LOADED.inside, LOADED.writes, LOADED.key) == (False, False, "")
    assert (KEPT.inside, KEPT.writes, KEPT.key) == (True, True, "tracker.state_file")


def test_a_plan_names_both() -> None:
    assert list(feature().plan()) == []
    assert list(feature(to_load=Path("/old"), file=Path("state")).plan()) == [
        "would load the state in /old",
        "would keep the state in state",
    ]


def test_a_state_that_cannot_be_read(tmp_path: Path) -> None:
    before = open_descriptors()
    missing = feature(to_load=tmp_path / "missing")
    for attempt in (missing.open, missing.try_open):
        with pytest.raises(UsageError, match=f"cannot read the state in {tmp_path}/missing: No such file"):
            attempt()
        missing.close()
    assert open_descriptors() == before


def test_looking_leaves_nothing_open_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "dump").touch()
    before = open_descriptors()
    looking = feature(to_load=tmp_path / "dump", file=tmp_path / "state")
    looking.try_open()
    looking.try_load()
    assert open_descriptors() == before
    assert os.listdir(tmp_path) == ["dump"]


def test_a_state_to_load_has_to_be_whole(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>\n")
    with pytest.raises(BrokenStateError, match="page: none of its lines"):
        feature(to_load=tmp_path / "page").try_open()


def test_a_state_file_is_tried_and_held_until_the_end(tmp_path: Path) -> None:
    holding, other = feature(file=tmp_path / "state"), feature(file=tmp_path / "state")
    holding.load()
    with pytest.raises(StartError, match="is another tracker's"):
        other.load()
    other.try_load()
    holding.close()
    other.load()
    other.close()
    with pytest.raises(StartError, match="cannot write the state to"):
        feature(file=tmp_path / "missing" / "state").try_load()


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


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this machine does not tell its descriptors")
def test_a_state_that_was_loaded_is_closed(tmp_path: Path) -> None:
    """Its blocks would stay on the disk, replaced by the next write."""
    (tmp_path / "dump").touch()
    live = Live()
    before = open_descriptors()
    loading = feature(to_load=tmp_path / "dump")
    loading.open()
    loading.join(live.server)
    assert open_descriptors() == before
    loading.close()
    live.close()
