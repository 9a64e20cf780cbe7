"""The state in real processes: -l, SIGUSR1, a clean end, a writer that is killed."""

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from opentracker._features import WANT_FULL_STATE
from opentracker.errors import UsageError
from opentracker.features.state.state import State, blocks_of, examine, open_state
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
    with open_state(path) as file:
        assert State(tracker, lambda: 0, lambda: NOW + 60.0).load(file, "state") == 0
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
    for load in (["-l", str(tmp_path / "state")], [], []):  # a state file is loaded by itself too
        with Tracker(*load, *options(tmp_path), sockets=1) as tracker:
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


# The signals of Debian's unit for the C tracker at a stop, and others; the second one comes while the state is written.
STOPS = [
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM),
    (signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM),
    (signal.SIGHUP, signal.SIGINT, signal.SIGINT),
]


@pytest.mark.parametrize("numbers", STOPS)
def test_however_a_stop_is_signalled_the_state_is_whole(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    minute = int(time.time()) // 60
    hashes = [number.to_bytes(20, "big") for number in range(1 << 13)]
    path = tmp_path / "first"
    path.write_text("".join(dump_line(each, minute, 3) for each in hashes))
    listed = [*allow(tmp_path, HASH, *hashes), "-f", str(tmp_path / "conf"), "-d", str(tmp_path)]
    (tmp_path / "conf").write_text(f"tracker.state_file {tmp_path / 'state'}\n")
    with Tracker("-l", str(path), *listed, "-i", HOME, "-p", "0", sockets=1) as tracker:
        for number in numbers:
            tracker.signal(number)
        assert tracker.wait() == 0, tracker.lines
    examine(tmp_path / "state")
    with Tracker(*listed, "-i", HOME, "-p", "0", sockets=1) as tracker:
        assert [line for line in tracker.lines if f"{1 << 13} torrents loaded" in line], tracker.lines


def test_what_could_not_be_written_is_told_by_the_exit_status(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "conf").write_text(f"tracker.state_file {folder / 'state'}\n")
    listed = [*allow(tmp_path, HASH), "-d", str(tmp_path), "-f", str(tmp_path / "conf")]
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    with Tracker(*listed, "-i", HOME, "-p", "0", sockets=1) as tracker:
        shutil.rmtree(folder)
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 74
    assert any("cannot write the state to" in line for line in tracker.lines)


@pytest.mark.parametrize("option", [[], ["-t"]])
@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [
        ("missing/state", "cannot write the state to {}: No such file or directory", 111),
        ("/", "tracker.state_file / is not the name of a file", 1),
        (".", "tracker.state_file . is not the name of a file", 1),
        ("", "tracker.state_file {} is not a regular file", 1),
    ],
)
def test_what_cannot_be_written_at_the_end_is_refused_at_the_start(
    tmp_path: Path, path: str, reason: str, status: int, option: list[str]
) -> None:
    (tmp_path / "folder").mkdir()
    where = path if path in ("/", ".") else str(tmp_path / "folder" / path)
    (tmp_path / "conf").write_text(f"tracker.state_file {where}\n")
    listed = [*allow(tmp_path, HASH), "-d", str(tmp_path), "-f", str(tmp_path / "conf")]
    found, _, errors = run(*listed, "-i", HOME, "-p", "0", *option)
    inside = where.removeprefix(str(tmp_path)) if os.geteuid() == 0 else where
    assert reason.format(inside) in errors
    assert found == (1 if option else status)


def test_two_trackers_do_not_share_a_state(tmp_path: Path) -> None:
    with Tracker(*options(tmp_path), sockets=1) as tracker:
        status, _, errors = run(*options(tmp_path))
        assert status == 111
        assert f"is another tracker's, process {tracker.process.pid} on " in errors
        assert run("-t", *options(tmp_path))[0] == 0, "a check is no tracker"


@pytest.mark.parametrize("option", [[], ["-t"]])
def test_a_state_to_load_that_is_broken_is_refused(tmp_path: Path, option: list[str]) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"otstate\x01" + bytes(50) if WANT_FULL_STATE else b"<html>\n")
    status, _, errors = run("-l", str(broken), *options(tmp_path), *option)
    assert status == 1
    assert f"{broken}: " in errors
    assert "Traceback" not in errors


def test_a_state_file_that_is_broken_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"otstate\x01" + bytes(50))
    arguments = options(tmp_path)
    path.chmod(0o666)
    status, _, errors = run("-t", *arguments)
    assert status == 0
    assert "a start would keep it aside and begin empty" in errors
    with Tracker(*arguments, sockets=1) as tracker:
        assert any("and the tracker starts empty" in line for line in tracker.lines)
    (kept,) = tmp_path.glob("state.bad-*")
    assert kept.read_bytes() == b"otstate\x01" + bytes(50)
    examine(path)


def test_a_start_without_a_state_is_the_first_one(tmp_path: Path) -> None:
    with Tracker(*options(tmp_path), sockets=1) as tracker:
        assert any(line.startswith("there is no state in ") for line in tracker.lines)
    assert (tmp_path / "state").exists()


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
        while not (news := [*tmp_path.glob("state.new-*")]) or news[0].stat().st_size == 0:
            pass
        tracker.kill()
        assert news[0].exists(), "the writer was through before it was killed"
        assert path.read_bytes() == before
    with Tracker(*listed, "-d", str(tmp_path), "-i", HOME, "-p", "0", sockets=1) as tracker:
        assert not news[0].exists(), "what it left is in nobody's way"
