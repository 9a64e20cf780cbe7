"""Files with a list: their lines, however they arrive, and the files that are refused."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import UsageError
from opentracker.features.list_file import BLOCK, KEPT, LONGEST_LINE, Lines, ListFile

LINE = b"41" * 20


def lines_of(path: Path) -> list[bytes]:
    """All lines of a file, the unfinished one among them."""
    with closing(ListFile(path, "the list")) as file:
        found = [line for block in file.blocks() for line in block]
        return [*found, file.rest] if file.rest else found


@given(st.binary(max_size=300), st.integers(1, 100))
def test_lines_do_not_depend_on_how_they_arrive(text: bytes, size: int) -> None:
    lines = Lines()
    found: list[bytes] = []
    for at in range(0, len(text), size):
        found += lines.cut(text[at : at + size])
    whole = [*found, lines.rest]
    assert [line[:41] for line in whole] == [line[:41] for line in text.split(b"\n")]
    assert [len(line) == 40 for line in whole] == [len(line) == 40 for line in text.split(b"\n")]


def test_a_line_without_end_takes_no_memory() -> None:
    lines = Lines()
    for _ in range(100):
        assert lines.cut(LINE * 100) == []
        assert len(lines.rest) <= KEPT
    assert len(lines.cut(b"\n" + LINE + b"\n")[0]) == KEPT


def test_a_file_of_several_blocks(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes((LINE + b"\n") * 1000 + b"rest")
    assert lines_of(path) == [LINE] * 1000 + [b"rest"]


def test_a_line_without_an_end_in_sight_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"#" * LONGEST_LINE + b"\n" + LINE + b"\n")
    assert lines_of(path)[1] == LINE
    path.write_bytes((b"#" * (LONGEST_LINE // 2) + b"\n") * 5 + LINE + b"\n")
    assert lines_of(path)[5] == LINE
    path.write_bytes(LINE + b"\n" + b"\0" * (LONGEST_LINE + BLOCK))
    with pytest.raises(UsageError, match="list:2: a line of over"):
        lines_of(path)


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(LINE + b"\n")
    with closing(ListFile(path, "the list")) as file:
        blocks = file.blocks()
        next(blocks)
        path.write_bytes(LINE * 2 + b"\n")
        with pytest.raises(UsageError, match="was changed while it was read as the list"):
            list(blocks)


def test_what_is_no_file(tmp_path: Path) -> None:
    """Opening a FIFO would wait for its writer, and the loop with it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path, why in (
        (fifo, "it is not a regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file"),
    ):
        with pytest.raises(UsageError, match=f"cannot read the list {path}: {why}"):
            ListFile(path, "the list")
    assert lines_of(Path("/dev/null")) == []
