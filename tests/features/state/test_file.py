"""The state file: whole or not there, whatever happens while it is written."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.errors import EndError
from opentracker.features.state.file import StateFile

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


def begun(file: StateFile) -> Iterator[None]:
    """The steps of a write in the background."""
    works: list[Iterator[None]] = []
    file.begin(works.append)
    (work,) = works
    return work


def test_in_steps_it_appears_at_the_end(path: Path) -> None:
    path.write_bytes(b"old")
    steps = begun(StateFile(path, dump))
    for _ in PIECES:
        next(steps)
        assert path.read_bytes() == b"old"
    for _ in steps:
        pass
    assert path.read_bytes() == WHOLE


def test_the_last_write_takes_the_place_of_one_under_way(path: Path) -> None:
    file = StateFile(path, dump)
    steps = begun(file)
    next(steps)
    file.write()
    assert path.read_bytes() == WHOLE
    assert next(steps, "ended") == "ended"
    assert os.listdir(path.parent) == ["state"]


def test_whoever_asks_while_it_is_written_has_it_written_again(path: Path) -> None:
    """And however often he asks, it is finished: a write that always began anew would never end."""
    written: list[int] = []

    def counted() -> Iterator[bytes]:
        yield from dump()
        written.append(len(written))

    file = StateFile(path, counted)
    steps = begun(file)
    for _ in range(5):
        next(steps)
        file.begin(refuse)
    assert not written or path.exists() or os.listdir(path.parent)
    for _ in steps:
        pass
    assert written == [0, 1]
    assert path.read_bytes() == WHOLE
    steps = begun(file)
    for _ in steps:
        pass
    assert written == [0, 1, 2]


def refuse(work: Iterator[None]) -> None:
    """In place of a loop that is to get no more work."""
    pytest.fail("more work")


def test_nobody_shares_what_is_being_written(path: Path) -> None:
    """Two trackers, where a lock could not tell them: each writes a file of its own."""
    first, second = begun(StateFile(path, dump)), begun(StateFile(path, dump))
    next(first)
    next(second)
    assert len(os.listdir(path.parent)) == 2
    for steps in (first, second):
        for _ in steps:
            pass
        assert path.read_bytes() == WHOLE
    assert os.listdir(path.parent) == ["state"]


def test_a_failure_leaves_the_old_one(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"old")

    def broken() -> Iterator[bytes]:
        yield b"some"
        raise OSError(28, "No space left on device")

    message = f"cannot write the state to {path}: No space left on device"
    for _ in begun(StateFile(path, broken)):
        pass
    assert caplog.messages == [message]
    with pytest.raises(EndError, match=message):
        StateFile(path, broken).write()
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["state"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EndError, match="No such file or directory"):
        StateFile(tmp_path / "nowhere" / "state", dump).write()


# Writes a state in the background, as a user who may have no further thread or process.
WITHOUT_THREADS = """
import os, resource, sys
from pathlib import Path
from opentracker.features.state.file import StateFile
if os.geteuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
works = []
StateFile(Path(sys.argv[1]), lambda: iter([b"whole"])).begin(works.append)
for _ in works[0]:
    pass
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_NPROC"), reason="needs a limit on processes")
def test_where_no_thread_can_be_started_it_is_written_without(path: Path) -> None:
    for folder in (path.parent, *path.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_THREADS, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == b"whole"
