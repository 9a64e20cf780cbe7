"""Changes that operators have made since the last reload, and the ways by which they come: both outlive upgrades."""

import fcntl
import os
import signal
import socket
import struct
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.parse import quote_from_bytes

import pytest

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.features.feature import Overseer
from opentracker.server.upgrade.crew import repeat
from tests.server.live import HOME, PATIENCE
from tests.server.process import Tracker
from tests.server.upgrade.upgrades import INFO_HASHES, Client, end, options, talk, upgraded
from tests.server.workers.allowed import may_be_several
from tests.server.workers.several import fetch, until

many = pytest.mark.parametrize("workers", [1, 2] if may_be_several() else [1])
KEY = "0123456789abcdef"
STRANGER = bytes(range(20))  # a torrent that the file refuses


def control_of(folder: Path) -> tuple[Path, str, str]:
    """The path of a control socket, and the lines of the config for it."""
    folder.chmod(0o777)
    return folder / "control", f"tracker.rootdir {folder}", f"control.socket {folder}/control"


def write(path: Path, text: bytes) -> None:
    """Write to a FIFO, and wait until the tracker has read it."""
    fd = os.open(path, os.O_RDWR)
    os.write(fd, text)

    def is_read() -> bool:
        (left,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
        return int(left) == 0

    until(is_read, "a reader")
    os.close(fd)


def listed(folder: Path, *lines: str) -> list[str]:
    """The config lines for an access list that refuses STRANGER, and serves INFO_HASHES."""
    path = folder / "list"
    served = INFO_HASHES if WANT_ACCESSLIST_WHITE else [STRANGER]
    path.write_text("".join(f"{each.hex()}\n" for each in served))
    return [f"access.{'whitelist' if WANT_ACCESSLIST_WHITE else 'blacklist'} {path}", *lines]


SERVE, REFUSE = ("add", "remove") if WANT_ACCESSLIST_WHITE else ("remove", "add")


def is_served(tracker: Tracker, info_hash: bytes) -> bool:
    """Whether the access list allows a torrent."""
    query = f"/announce?info_hash={quote_from_bytes(info_hash)}&port=7000&left=0"
    return b"8:complete" in fetch(tracker, query)


class Overseeing:
    """A supervisor that one feature has left a hearer with."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.told: list[tuple[bytes, bytes]] = []
        self.hearers = {b"own": self.heard.append}

    def tell(self, name: bytes, message: bytes) -> None:
        """See Overseer."""
        self.told.append((name, message))


def test_a_supervisor_tells_all_workers_what_it_does_not_hear_itself() -> None:
    overseer = Overseeing()
    for payload in (b"own a message", b"access.fifo_add a line"):
        repeat(cast("Overseer", overseer), payload)
    assert overseer.heard == [b"a message"]
    assert overseer.told == [(b"access.fifo_add", b"a line")]


@many
@pytest.mark.needs("WANT_CONTROL")
def test_the_control_socket_is_there_all_the_time(tmp_path: Path, workers: int) -> None:
    path, *lines = control_of(tmp_path)
    with Tracker(*options(tmp_path, workers, *lines), sockets=2) as tracker:
        before = path.stat()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
            idle.connect(str(path))
            assert talk(path, b"status")["ok"]
            is_over = threading.Event()
            answers = []

            def ask() -> None:
                while not is_over.is_set():
                    answers.append(talk(path, b"status"))

            asking = threading.Thread(target=ask)
            asking.start()
            try:
                pid = upgraded(tracker, tracker.process.pid)
                pid = upgraded(tracker, pid)
            finally:
                is_over.set()
                asking.join()
            assert idle.recv(100) == b""
        assert all(answer["ok"] for answer in answers)
        assert talk(path, b"status")["ok"]
        assert os.path.samestat(path.stat(), before)
        end(tracker, pid)
    assert not path.exists()


@many
@pytest.mark.needs("WANT_CONTROL")
def test_a_failed_upgrade_leaves_the_control_socket_served(tmp_path: Path, workers: int) -> None:
    path, *lines = control_of(tmp_path)
    with Tracker(*options(tmp_path, workers, *lines), sockets=2) as tracker:
        options(tmp_path, workers + 1, *lines)
        tracker.signal(signal.SIGUSR2)
        tracker.line_with("the upgrade has failed: it has ended with status 111")
        assert talk(path, b"status")["ok"]
    assert not path.exists()


@many
@pytest.mark.needs("WANT_CONTROL")
def test_the_control_socket_may_move(tmp_path: Path, workers: int) -> None:
    path, *lines = control_of(tmp_path)
    with Tracker(*options(tmp_path, workers, *lines), sockets=2) as tracker:
        options(tmp_path, workers, lines[0], f"control.socket {tmp_path}/another")
        pid = upgraded(tracker, tracker.process.pid)
        assert tracker.process.wait(PATIENCE) == 0
        assert not path.exists()
        assert talk(tmp_path / "another", b"status")["ok"]
        end(tracker, pid)


@many
@pytest.mark.needs("WANT_CONTROL", "WANT_DYNAMIC_ACCESSLIST")
def test_a19_commands_since_the_last_reload_are_in_force(tmp_path: Path, workers: int) -> None:
    """Twice, and the peers of a torrent that is served by a command alone are there as well."""
    path, *lines = control_of(tmp_path)
    refused = INFO_HASHES[3]
    with Tracker(*options(tmp_path, workers, *lines, *listed(tmp_path)), sockets=2) as tracker:
        client = Client(tracker)
        assert (is_served(tracker, STRANGER), is_served(tracker, refused)) == (False, True)
        assert talk(path, f"list {SERVE} {STRANGER.hex()}".encode())["changed"] == 1
        assert talk(path, f"list {REFUSE} {refused.hex()}".encode())["changed"] == 1
        assert talk(path, b"level debug")["ok"]
        client.announce([STRANGER], 7001)
        pid = tracker.process.pid
        for _ in range(2):
            pid = upgraded(tracker, pid)
            assert client.leechers(STRANGER) == 1
            assert (is_served(tracker, STRANGER), is_served(tracker, refused)) == (True, False)
            assert talk(path, b"level") == {"ok": True, "level": "debug"}
        os.kill(pid, signal.SIGHUP)
        until(
            lambda: not is_served(tracker, STRANGER) and is_served(tracker, refused), "the list of the file"
        )
        pid = upgraded(tracker, pid)
        assert (is_served(tracker, STRANGER), is_served(tracker, refused)) == (False, True)
        client.close()
        end(tracker, pid)


@many
@pytest.mark.needs("WANT_CONTROL", "WANT_AUTH_KEYS")
def test_k17_keys_since_the_last_reload_are_in_force(tmp_path: Path, workers: int) -> None:
    path, *lines = control_of(tmp_path)
    (tmp_path / "keys").write_text("")
    lines.append(f"access.keys {tmp_path}/keys")
    with Tracker(*options(tmp_path, workers, *lines), sockets=2) as tracker:
        target = f"/{KEY}/announce?info_hash={quote_from_bytes(INFO_HASHES[0])}&port=7000"
        assert b"unknown" in fetch(tracker, target)
        assert talk(path, f"keys add {KEY} 2999-01-01".encode())["changed"] == 1
        assert b"8:complete" in fetch(tracker, target)
        pid = upgraded(tracker, tracker.process.pid)
        assert b"8:complete" in fetch(tracker, target)
        assert talk(path, f"keys contains {KEY}".encode())["keys"] == [
            {"known": True, "last_day": "2999-01-01"}
        ]
        end(tracker, pid)
        assert not [line for line in tracker.lines if KEY in line]


def through_fifos(
    folder: Path, workers: int, keys: tuple[str, str], lines: list[str], halves: tuple[bytes, bytes]
) -> Callable[[Callable[[Tracker], bool]], None]:
    """A test of a list that the FIFO of `keys[0]` changes: one line whole, one cut by the upgrade."""
    folder.chmod(0o777)
    paths = [folder / name for name in ("add", "delete")]
    lines = [*lines, *(f"{key} {path}" for key, path in zip(keys, paths, strict=True))]

    def run(is_changed: Callable[[Tracker], bool]) -> None:
        with Tracker(*options(folder, workers, *lines), sockets=2) as tracker:
            assert not is_changed(tracker)
            write(paths[0], halves[0])
            pid = upgraded(tracker, tracker.process.pid)
            write(paths[0], halves[1])
            until(lambda: is_changed(tracker), "the change")
            pid = upgraded(tracker, pid)
            assert is_changed(tracker)
            end(tracker, pid)

    return run


@many
@pytest.mark.needs("WANT_DYNAMIC_ACCESSLIST")
def test_a19_lines_of_fifos_are_in_force_and_one_that_is_cut_is_whole(tmp_path: Path, workers: int) -> None:
    text = INFO_HASHES[3].hex().encode() + b"\n" + STRANGER.hex().encode() + b"\n"
    keys = (
        f"access.fifo_{'add' if SERVE == 'add' else 'delete'}",
        f"access.fifo_{'delete' if SERVE == 'add' else 'add'}",
    )
    run = through_fifos(tmp_path, workers, keys, listed(tmp_path), (text[:60], text[60:]))
    run(lambda tracker: is_served(tracker, STRANGER))


@many
@pytest.mark.needs("WANT_DENY")
def test_n16_networks_that_were_denied_stay_so(tmp_path: Path, workers: int) -> None:
    text = b"2001:db8::/32\n::1/128\n" if ":" in HOME else b"198.51.100.0/24\n127.0.0.0/8\n"
    keys = ("access.deny_fifo_add", "access.deny_fifo_delete")
    run = through_fifos(tmp_path, workers, keys, [], (text[:19], text[19:]))
    run(lambda tracker: b"does not serve your network" in fetch(tracker, "/scrape?info_hash=short"))
