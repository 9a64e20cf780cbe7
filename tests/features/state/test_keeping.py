"""A state file in a tracker of this process: taken up at the start, written as time passes."""

import logging
import os
from pathlib import Path

import pytest

from opentracker.config.settings import Sections, Settings
from opentracker.errors import StartError
from opentracker.features.state import keeping
from opentracker.features.state.feature import StateSettings
from opentracker.features.state.file import StateFile
from opentracker.features.state.keeping import Kept
from opentracker.features.state.state import State
from tests.server.live import HASH_A, Live
from tests.swarm.filled import add, filled, known, open_tracker

NOW = 1_800_000_000.0
LINE = "A" * 40 + f":{int(NOW) // 60}:7\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def state_of(torrents: int = 0) -> State:
    tracker = filled(known(torrents)) if torrents else open_tracker()
    return State(tracker, lambda: 0, lambda: NOW)


def torrents_of(state: State) -> int:
    return int(state.tracker.store.totals.torrents)


def test_a_state_comes_back(path: Path) -> None:
    StateFile(path, state_of(50).pieces).write()
    again = state_of()
    kept = Kept(path)
    kept.take_up(again)
    assert torrents_of(again) == 50
    assert sorted(os.listdir(path.parent)) == ["state", "state.lock"]
    kept.close()


def test_none_yet(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        kept = Kept(path)
        kept.take_up(state_of())
    assert caplog.messages == [f"there is no state in {path} yet: the tracker starts empty"]
    kept.close()


@pytest.mark.parametrize("data", [b"<html>\n", b"otstate\x01cut", b"otstate\x63of the future" + bytes(100)])
def test_what_cannot_be_read_is_kept_aside(path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(data)
    keeping.check(path)
    assert "a start would keep it aside" in caplog.text
    state = state_of()
    kept = Kept(path)
    kept.take_up(state)
    assert torrents_of(state) == 0
    (bad,) = path.parent.glob("state.bad-*")
    assert bad.read_bytes() == data
    assert f"it is kept as {bad}, and the tracker starts empty" in caplog.text
    StateFile(path, state.pieces).write()
    assert bad.read_bytes() == data
    kept.close()


def test_a_dump_with_broken_lines_is_loaded_and_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(LINE + "broken\n")
    state = state_of()
    kept = Kept(path)
    kept.take_up(state)
    assert torrents_of(state) == 1
    (bad,) = path.parent.glob("state.bad-*")
    assert f"{path} is kept as {bad} too" in caplog.text
    StateFile(path, state.pieces).write()
    assert bad.read_text() == LINE + "broken\n"
    kept.close()


def test_one_tracker_at_a_time(path: Path) -> None:
    kept = Kept(path)
    with pytest.raises(StartError, match="another tracker's"):
        Kept(path)
    keeping.check(path)
    kept.close()


def written_at(live: Live, path: Path) -> bytes:
    live.until(lambda: not live.work, "the state to be written")
    return path.read_bytes() if path.exists() else b""


def test_it_is_written_every_so_often_while_the_tracker_serves(path: Path) -> None:
    live = Live(Settings(sections=Sections(StateSettings(file=path, interval=600))))
    tracker = live.server.tracker
    add(tracker, HASH_A, (1, 1, 1))
    live.advance(599.0)
    assert written_at(live, path) == b""
    live.advance(1.5)
    first = written_at(live, path)
    assert first
    add(tracker, b"new" * 6 + b"!!", (1, 1, 1))
    live.advance(599.0)
    assert written_at(live, path) == first
    live.advance(2.0)
    assert written_at(live, path) != first
    live.close()


def test_or_only_when_somebody_asks(path: Path) -> None:
    live = Live(Settings(sections=Sections(StateSettings(file=path, interval=0))))
    live.advance(100_000.0)
    assert written_at(live, path) == b""
    add(live.server.tracker, HASH_A, (1, 1, 1), live.server.now.minute)
    for dump in live.server.dumps:
        dump()
    assert written_at(live, path)
    live.close()
