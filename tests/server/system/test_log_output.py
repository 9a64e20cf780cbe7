"""Standard error that nobody reads, and what becomes of the log's lines meanwhile."""

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opentracker.server.system.log_output import MOST_WAITING, LogOutput
from tests.server.live import HOME, connect_packet, family_of
from tests.server.process import CLUSTER, COMMAND, LISTENING, PATIENCE, folder_to_work_in

LINE = "x" * 99
Ends = tuple[int, int]


def pipe() -> Ends:
    return os.pipe()


def stream() -> Ends:
    reading, writing = socket.socketpair()
    return reading.detach(), writing.detach()


@pytest.fixture(params=[pipe, stream], ids=["pipe", "socket"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """A descriptor to read from and one that a log is written to; neither is non-blocking."""
    make: Callable[[], Ends] = request.param
    reading, writing = make()
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def output(ends: Ends) -> Iterator[LogOutput]:
    output = LogOutput(ends[1])
    output.setFormatter(logging.Formatter())
    yield output
    output.close()


def put(output: LogOutput, text: str) -> None:
    output.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))


def read_all(output: LogOutput, reading: int) -> list[str]:
    """Everything that has been written and waits, as a reader that has come back gets it."""
    received = b""
    os.set_blocking(reading, False)
    while True:
        output.flush()
        try:
            data = os.read(reading, 1 << 16)
        except BlockingIOError:
            return received.decode().splitlines()
        received += data


def test_lines_come_out_as_they_go_in(ends: Ends, output: LogOutput) -> None:
    for text in ("one", "zwei \u00fc", "\udcff"):
        put(output, text)
    assert read_all(output, ends[0]) == ["one", "zwei \u00fc", "\\udcff"]


def test_nobody_waits_for_a_reader_and_lost_lines_are_counted(ends: Ends, output: LogOutput) -> None:
    number = 3 * MOST_WAITING // len(LINE)
    for _ in range(number):
        put(output, LINE)
    lines = read_all(output, ends[0])
    told = [line for line in lines if line != LINE]
    assert told == [f"{output.lost} lines of the log were lost: they were not read in time"]
    assert 0 < output.lost < number
    assert len(lines) == number - output.lost + 1
    put(output, "again")
    assert read_all(output, ends[0]) == ["again"]


def test_a_longer_line_than_a_pipe_takes_at_once(ends: Ends, output: LogOutput) -> None:
    text = "y" * 300_000
    put(output, text)
    put(output, "end")
    assert read_all(output, ends[0]) == [text, "end"]


def test_a_reader_that_has_gone_is_no_matter(output: LogOutput, ends: Ends) -> None:
    other = os.open("/dev/null", os.O_RDONLY)
    os.dup2(other, ends[0])
    os.close(other)
    for _ in range(3):
        put(output, LINE)
    output.flush()


def test_what_is_shared_with_others_is_left_as_it_is(ends: Ends) -> None:
    before = fcntl.fcntl(ends[1], fcntl.F_GETFL)
    output = LogOutput(ends[1])
    put(output, LINE)
    output.close()
    assert fcntl.fcntl(ends[1], fcntl.F_GETFL) == before


def test_a_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        output = LogOutput(file.fileno())
        output.setFormatter(logging.Formatter())
        put(output, "one")
        put(output, "two")
        output.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def full_pipe() -> Ends:
    """A pipe that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def test_a_tracker_whose_log_nobody_reads_serves_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as free:
        free.bind((HOME, 0))
        port = free.getsockname()[1]
    reading, writing = full_pipe()
    arguments = ["-i", HOME, "-P", str(port)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE)
        manager.bind(str(tmp_path / "manager"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "manager"))
        process = subprocess.Popen(
            [*COMMAND, *CLUSTER, *arguments], stderr=writing, cwd=folder_to_work_in(arguments)
        )
        os.close(writing)
        assert manager.recv(1000).startswith(b"READY=1")
    with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((HOME, port))
        for _ in range(5):
            process.send_signal(signal.SIGUSR1)  # each of which is a line
            client.send(connect_packet())
            assert len(client.recv(100)) == 16
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    os.close(reading)


def test_a_watchdogs_abort_shows_where_the_tracker_stands(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "opentracker", *CLUSTER, "-i", HOME, "-P", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=folder_to_work_in([str(tmp_path)]))
    assert process.stderr is not None
    while LISTENING.encode() not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGABRT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGABRT
    assert b"Fatal Python error: Aborted" in errors
    assert b"in iterate" in errors or b"in run" in errors
