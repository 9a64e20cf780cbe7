"""FIFOs without a reader, with a slow one, and list files that are replaced as a whole."""

import os
from pathlib import Path

import pytest

from opentracker.bridge.list_files import ATOMIC, blocks, read_list, write_lines, write_list
from opentracker.bridge.lists import KINDS

HASHES = [f"{number:040x}" for number in range(5000)]
LINES = [(each, f"{each}\n") for each in HASHES]


def test_lines_wait_for_a_reader_and_are_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    assert write_lines(path, LINES) == []
    os.mkfifo(path)
    assert write_lines(path, LINES) == []
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    taken, got = 0, b""
    while taken < len(LINES):
        taken += len(write_lines(path, LINES[taken:]))
        got += os.read(reader, 1 << 20)
    os.close(reader)
    assert got.decode().splitlines() == HASHES


def test_a_file_that_is_no_fifo_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(OSError, match="not a FIFO"):
        write_lines(path, LINES)
    assert path.read_text() == "precious"


def test_blocks_are_written_whole() -> None:
    found = blocks(LINES)
    assert max(len(block) for _, block in found) <= ATOMIC
    assert [entry for entries, _ in found for entry in entries] == HASHES
    assert blocks([]) == []


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "list"
    assert read_list(path, KINDS["keys"]) == {}
    entries = {"0123456789abcdef": "2031-01-31 a comment", "fedcba9876543210": ""}
    write_list(path, entries)
    assert path.read_text() == "0123456789abcdef 2031-01-31 a comment\nfedcba9876543210\n"
    assert read_list(path, KINDS["keys"]) == entries
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("# comment\n" + HASHES[10].upper() + " name\nwrong\n")
    assert read_list(path, KINDS["torrents"]) == {HASHES[10]: "name"}
    path.write_text("; Spamhaus\n192.0.2.9/24 ; SBL1\n2001:db8::/32\n")
    assert read_list(path, KINDS["networks"]) == {"192.0.2.0/24": "# ; SBL1", "2001:db8::/32": ""}
