"""The state in real processes: -l, SIGUSR1, a clean end, a writer that is killed."""

import signal
import socket
import time
from pathlib import Path

import pytest

from opentracker._features import WANT_FULL_STATE
from opentracker.errors import UsageError
from opentracker.features.state.state import State, blocks_of, open_state
from tests.server.live import HOME
from tests.server.process import Tracker, allow, run
from tests.swarm.filled import filled, known, open_tracker

HASH = b"\x7f" * 20
NOW = 1_800_000_000


def dump_line(info_hash: bytes, minute: int, downloaded: int) -> str:
    return f"{info_hash.hex().upper()}:{minute}:{downloaded}\n"


def test_an_epoch_is_told_by_both_clocks() -> None:
    state = State(open_tracker(), lambda: 17, lambda: float(NOW + 59))
    assert state.epoch() == NOW // 60 - 17


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    torrents = known(40)
    path = tmp_path / "state"
    path.write_bytes(b"".join(State(filled(torrents), lambda: 5, lambda: float(NOW)).lines()))
    tracker = open_tracker()
    file = open_state(path)
    State(tracker, lambda: 0, lambda: NOW + 60.0).load(file, "state")
    assert file.closed
    for info_hash, (_, downloaded, _) in torrents.items():
        assert tracker.scrape(info_hash) == (0, downloaded, 0)


def test_blocks(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"x" * 200_000)
    with open_state(path) as file:
        assert b"".join(blocks_of(file)) == b"x" * 200_000


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the state in .*nothing: No such file"):
        open_state(tmp_path / "nothing")
    status, _, errors = run("-l", str(tmp_path / "nothing"), "-i", HOME, "-p", "0")
    assert status == 1
    assert "cannot read the state in" in errors


def scraped(endpoint: tuple[str, int], info_hash: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in endpoint[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.connect(endpoint)
        escaped = "".join(f"%{byte:02x}" for byte in info_hash)
        client.sendall(f"GET /scrape?info_hash={escaped} HTTP/1.0\r\n\r\n".encode())
        received = b""
        while data := client.recv(65536):
            received += data
    return received


def options(tmp_path: Path) -> list[str]:
    """A config with a state file, and every torrent served."""
    (tmp_path / "conf").write_text(f"tracker.state_file {tmp_path / 'state'}\n")
    return [*allow(tmp_path, HASH), "-d", str(tmp_path), "-f", str(tmp_path / "conf"), "-i", HOME, "-p", "0"]


def test_t12_counts_survive_a_restart_and_do_not_grow(tmp_path: Path) -> None:
    minute = int(time.time()) // 60
    first = tmp_path / "first"
    first.write_text(dump_line(HASH, minute - 5, 41))
    with Tracker("-l", str(first), *options(tmp_path), sockets=1) as tracker:
        assert b"10:downloadedi41e" in scraped(tracker.endpoint("TCP"), HASH)
    for _ in range(2):
        with Tracker("-l", str(tmp_path / "state"), *options(tmp_path), sockets=1) as tracker:
            assert b"10:downloadedi41e" in scraped(tracker.endpoint("TCP"), HASH)
        assert any("wrote the state to" in line for line in tracker.lines)
    if not WANT_FULL_STATE:
        assert (tmp_path / "state").read_text() == first.read_text()


def test_sigusr1_writes_it_while_the_tracker_serves(tmp_path: Path) -> None:
    with Tracker(*options(tmp_path), sockets=1) as tracker:
        tracker.signal(signal.SIGUSR1)
        while "wrote the state to" not in tracker.read_line():
            pass
        assert (tmp_path / "state").exists()
        assert scraped(tracker.endpoint("TCP"), HASH).startswith(b"HTTP/1.1 200")


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    minute = int(time.time()) // 60
    path = tmp_path / "state"
    hashes = [number.to_bytes(20, "big") for number in range(1 << 17)]
    path.write_text("".join(dump_line(each, minute, 3) for each in hashes))
    before = path.read_bytes()
    (tmp_path / "conf").write_text(f"tracker.state_file {path}\n")
    listed = [*allow(tmp_path, *hashes), "-l", str(path), "-f", str(tmp_path / "conf")]
    with Tracker(*listed, "-d", str(tmp_path), "-i", HOME, "-p", "0", sockets=1) as tracker:
        tracker.signal(signal.SIGUSR1)
        new = tmp_path / "state.new"
        while not new.exists() or new.stat().st_size == 0:
            pass
        tracker.kill()
        assert new.exists(), "the writer was through before it was killed"
        assert path.read_bytes() == before
