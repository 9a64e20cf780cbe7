"""Commands are bounded in time, and their output is kept."""

import os
from pathlib import Path

import pytest

from builder.errors import PackagingError
from builder.processes import run


def test_output_goes_to_the_log_with_the_command(tmp_path: Path) -> None:
    run(["sh", "-c", "echo $GREETING; echo fault >&2"], tmp_path / "log", 30, {"GREETING": "hello"})
    run(["echo", "again"], tmp_path / "log", 30)
    assert (
        tmp_path / "log"
    ).read_text() == "$ sh -c echo $GREETING; echo fault >&2\nhello\nfault\n$ echo again\nagain\n"


def test_a_failure_has_the_end_of_the_output_and_the_name_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(PackagingError) as failure:
        run(["sh", "-c", "echo no such thing; exit 3"], tmp_path / "log", 30)
    assert "no such thing" in str(failure.value)
    assert f"sh ended with status 3; see {tmp_path}/log" in str(failure.value)


def test_a_command_that_takes_too_long_ends_with_its_children(tmp_path: Path) -> None:
    """A child inherits the write end of a FIFO: its reader sees EOF when all of them are gone."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(PackagingError, match=r"sh took more than 2 s; its output is in"):
        run(["sh", "-c", 'exec 3>"$1"; echo x >&3; sleep 600 & wait', "sh", str(fifo)], tmp_path / "log", 2)
    os.set_blocking(reader, True)
    assert os.read(reader, 10) == b"x\n"
    assert os.read(reader, 10) == b""
    os.close(reader)
