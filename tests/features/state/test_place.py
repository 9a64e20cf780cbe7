"""The checks of a state file's directory before it is used, and the handling of unreadable states."""

import os
from pathlib import Path

import pytest

from opentracker.errors import StartError, UsageError
from opentracker.features.state import place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_check_leaves_nothing(path: Path) -> None:
    place.check(path)
    assert os.listdir(path.parent) == []
    path.write_bytes(b"old")
    place.check(path)
    assert os.listdir(path.parent) == ["state"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["/", ".", "..", "/var/.."])
def test_what_is_no_name_of_a_file(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a file"):
        place.check(Path(name))


def test_what_is_no_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UsageError, match="is not a regular file"):
        place.check(path)
    with pytest.raises(UsageError, match="is not a regular file"):
        place.check(Path("/dev/null"))


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"cannot write the state to .*: No such file or directory"):
        place.check(tmp_path / "missing" / "state")
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="Not a directory"):
        place.check(tmp_path / "file" / "state")
    with pytest.raises(StartError, match="cannot lock the state"):
        place.Lock(tmp_path / "missing" / "state")


def test_a_place_is_one_trackers(path: Path) -> None:
    lock = place.Lock(path)
    with pytest.raises(StartError, match=f"is another tracker's, process {os.getpid()} on "):
        place.Lock(path)
    place.Lock(path.with_name("other")).close()
    lock.close()
    place.Lock(path).close()


def test_what_a_killed_writer_left_is_swept_and_nothing_else(path: Path) -> None:
    others = [
        "state",
        "state.new",
        "state.new-",
        "state.new-12345678-kept",
        "other.new-12345678",
        "state.bad-1",
    ]
    for name in others:
        path.with_name(name).touch()
    place.new_name(path).touch()
    target = path.with_name("target")
    target.touch()
    place.new_name(path).symlink_to(target)
    place.sweep(path)
    assert sorted(os.listdir(path.parent)) == sorted([*others, "target"])


def test_two_new_names_differ(path: Path) -> None:
    assert place.new_name(path) != place.new_name(path)


def test_what_is_kept_aside_is_named_by_its_time_and_overwrites_nothing(path: Path) -> None:
    kept = []
    for number in range(3):
        path.write_text(str(number))
        os.utime(path, (1_800_000_000, 1_800_000_000))
        kept.append(place.keep_aside(path, stays=False))
        assert not path.exists()
    assert [each.name for each in kept] == [
        "state.bad-20270115T080000Z",
        "state.bad-20270115T080000Z-1",
        "state.bad-20270115T080000Z-2",
    ]
    assert [each.read_text() for each in kept] == ["0", "1", "2"]


def test_it_may_keep_its_own_name_too(path: Path) -> None:
    path.write_text("some of it")
    kept = place.keep_aside(path, stays=True)
    path.unlink()
    assert kept.read_text() == "some of it"


def test_what_cannot_be_kept_aside_ends_the_start(path: Path) -> None:
    path = path.with_name("s" * 250)
    path.touch()
    with pytest.raises(StartError, match=r"cannot keep .* aside as .*: File name too long"):
        place.keep_aside(path, stays=False)
    assert path.exists()
