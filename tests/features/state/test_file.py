"""The state file: whole or not there, whatever happens while it is written."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.features.state.file import BYTES, StateFile
from opentracker.swarm.surveys.snapshot import StatsSnapshot

PIECES = [b"one\n", b"", b"two\n" * 50000, b"three\n"]
WHOLE = b"".join(PIECES)


def dump() -> Iterator[bytes]:
    yield from PIECES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_it_is_written_and_nothing_else_is_left(path: Path) -> None:
    StateFile(path, dump).write()
    assert path.read_bytes() == WHOLE
    assert os.listdir(path.parent) == ["state"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_permissions_of_the_old_one_are_kept(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o640)
    StateFile(path, dump).write()
    assert path.read_bytes() == WHOLE
    assert path.stat().st_mode & 0o777 == 0o640


def test_in_steps_it_appears_at_the_end(path: Path) -> None:
    path.write_bytes(b"old")
    steps = StateFile(path, dump).begin()
    for _ in PIECES:
        next(steps)
        assert path.read_bytes() == b"old"
    for _ in steps:
        pass
    assert path.read_bytes() == WHOLE


def test_another_write_takes_the_place_of_one_under_way(path: Path) -> None:
    file = StateFile(path, dump)
    steps = file.begin()
    next(steps)
    file.write()
    assert path.read_bytes() == WHOLE
    assert next(steps, "ended") == "ended"
    assert os.listdir(path.parent) == ["state"]


def test_what_a_killed_writer_left_is_no_hindrance(path: Path) -> None:
    target = path.parent / "elsewhere"
    (path.parent / "state.new").symlink_to(target)
    StateFile(path, dump).write()
    assert path.read_bytes() == WHOLE
    assert not target.exists()


def test_a_failure_is_logged_and_leaves_the_old_one(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"old")

    def broken() -> Iterator[bytes]:
        yield b"some"
        raise OSError(28, "No space left on device")

    StateFile(path, broken).write()
    assert caplog.messages == [f"cannot write the state to {path}: No space left on device"]
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["state"]


def test_a_directory_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        StateFile(tmp_path / "nowhere" / "state", dump).write()
    assert "No such file or directory" in caplog.text


def test_a_statistic_tells_of_the_latest_write(path: Path) -> None:
    file = StateFile(path, dump)
    snapshot = StatsSnapshot("opentracker", 1, 1)
    file.tell(snapshot)
    assert (snapshot.reading(BYTES), snapshot.reading(file.outcome.time)) == (0, 0)
    file.write()
    file.tell(snapshot)
    assert (snapshot.reading(BYTES), snapshot.reading(file.outcome.success)) == (len(WHOLE), 1)
    assert snapshot.reading(file.outcome.time) > 0
    path.unlink()
    path.mkdir()  # nothing can be renamed over it
    file.write()
    file.tell(snapshot)
    assert snapshot.reading(file.outcome.success) == 0
