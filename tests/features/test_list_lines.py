"""Lines of a list: counted in a file, or refused; applied from a FIFO, however they arrive."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from opentracker.errors import UsageError
from opentracker.features.list_file import ListFile
from opentracker.features.list_lines import LineChanges, LineFormat, fill


class Words(LineFormat):
    """Lines of capital letters; one of them that ends in a full stop is whole."""

    def __init__(self) -> None:
        super().__init__("a capital letter")

    def parse(self, line: bytes) -> bytes | None:
        return line.removesuffix(b".") if line[:1].isupper() else None

    def is_whole(self, rest: bytes) -> bool:
        return rest.endswith(b".")


def entries(path: Path, text: bytes) -> list[bytes]:
    """The entries of a file with this text."""
    path.write_bytes(text)
    found: list[bytes] = []
    with closing(ListFile(path, "the words")) as file:
        for _ in fill(file, Words(), found.append):
            pass
    return found


def test_entries_of_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert entries(tmp_path / "list", b"# none\nA\n\nb\nB.\nc\nC.") == [b"A", b"B", b"C"]
    assert caplog.messages == [
        f"{tmp_path}/list: 2 lines do not start with a capital letter and are ignored, the first: 4, 6"
    ]


def test_a_last_line_that_may_be_cut_off(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"list:2: the last line has no line end: is it cut off\?"):
        entries(tmp_path / "list", b"A\nB")


def test_a_file_without_an_entry_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="list: not one line starts with a capital letter: this is not a list"
    ):
        entries(tmp_path / "list", b"<html>\n")
    assert entries(tmp_path / "list", b"# <html>\n\n") == []


def test_changes_are_applied_in_their_order(caplog: pytest.LogCaptureFixture) -> None:
    found: list[bytes] = []
    changes = LineChanges("fifo", Words(), found.append)
    with caplog.at_level(logging.WARNING, logger="opentracker"):
        for piece in (b"A\nB", b"C\nwrong\n", b"too\nD."):
            changes.feed(piece)
        changes.look()
        assert found == [b"A", b"BC"]
        changes.look()
    assert found == [b"A", b"BC", b"D"]
    assert caplog.messages == [
        "fifo: a line that does not start with a capital letter",
        "fifo: 1 more such lines",
    ]
