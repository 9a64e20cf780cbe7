"""The system's log, with a socket of the test's own in place of /dev/log."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.server.system.syslog import SystemLog
from tests.server.live import HASH_A, HOME, PEER_ID, announce_packet, connect_packet, family_of
from tests.server.process import PATIENCE, Tracker, allow


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[socket.socket]:
    with reader_at(tmp_path / "log") as sock:
        yield sock


def reader_at(path: Path) -> socket.socket:
    """A system's log."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(PATIENCE)
    return sock


def test_messages_arrive(reader: socket.socket) -> None:
    log = SystemLog(reader.getsockname())
    log.write(b"<14>one")
    log.write(b"<14>two")
    assert [reader.recv(100), reader.recv(100), log.lost] == [b"<14>one", b"<14>two", 0]
    log.close()


def test_a_reader_that_does_not_read_blocks_nobody(reader: socket.socket) -> None:
    log = SystemLog(reader.getsockname())
    for _ in range(5000):
        log.write(b"x" * 1000)
    assert 0 < log.lost < 5000
    log.close()


def test_a_reader_that_goes_and_one_that_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log"
    first = reader_at(path)
    log = SystemLog(str(path))
    first.close()
    path.unlink()
    for _ in range(3):
        log.write(b"lost")
    assert log.lost == 3
    assert caplog.messages == [f"cannot reach the system's log at {path}: No such file or directory"]
    with reader_at(path) as second:
        log.write(b"here again")
        assert second.recv(100) == b"here again"
    log.write(b"lost")
    assert log.lost == 4
    assert len(caplog.messages) == 2
    log.close()


def test_a_reader_that_was_exchanged_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    first = reader_at(path)
    log = SystemLog(str(path))
    first.close()
    path.unlink()
    with reader_at(path) as second:
        log.write(b"one")
        assert (second.recv(100), log.lost) == (b"one", 0)
    log.close()


def test_no_reader_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = SystemLog(str(tmp_path / "missing"))
    log.write(b"lost")
    assert log.lost == 1
    assert len(caplog.messages) == 1
    log.close()


# The tracker, with another path for /dev/log.
ELSEWHERE = """
import logging, sys
from opentracker import cli, daemon
from opentracker.server.system.syslog import SystemLogSettings

logging.basicConfig(format="opentracker: %(message)s", level=logging.INFO)
settings = cli.parse(sys.argv[2:])
settings.of(SystemLogSettings).socket = sys.argv[1]
sys.exit(daemon.serve(settings))
"""


@pytest.mark.needs(WANT_BOGON_FILTER=False)  # which lists no peer of this machine, so none completes
def test_a_tracker_logs_from_inside_its_root_directory(tmp_path: Path) -> None:
    """The reader is outside of it, and was found before."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for folder in (outside, inside):
        folder.mkdir()
    if os.geteuid() == 0:
        shutil.chown(inside, "nobody")
    command = [sys.executable, "-P", "-X", "dev", "-c", ELSEWHERE, str(outside / "log")]
    options = ["-d", str(inside), "-i", HOME, "-P", "0", *allow(inside, HASH_A)]
    with reader_at(outside / "log") as reader, Tracker(*options, sockets=1, command=command) as tracker:
        complete(tracker.endpoint("UDP"), 6881)
        message = reader.recv(1000)
        assert message.startswith(b"<14>")
        assert message.endswith(f" peer_id={PEER_ID.hex().upper()} ip={HOME}".encode())
        reader.close()
        complete(tracker.endpoint("UDP"), 6882)  # nobody listens any more: nothing happens
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    assert not [line for line in tracker.lines if "Traceback" in line]


def complete(endpoint: tuple[str, int], port: int) -> None:
    """Tell a tracker in another process of a completed download, and wait for its answer."""
    with socket.socket(family_of(endpoint[0]), socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(endpoint)
        client.send(connect_packet())
        client.send(announce_packet(client.recv(100)[8:], left=0, event=1, port=port))
        assert client.recv(100)[:4] == bytes([0, 0, 0, 1])
