"""The control socket: its file, its clients in bounds, and real trackers with it."""

import json
import logging
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.config.settings import Settings
from opentracker.errors import StartError, UsageError
from opentracker.features.control.commands import LONGEST_LINE, Commands
from opentracker.server.control import (
    BACKLOG,
    IDLE,
    MOST_CLIENTS,
    SWEEP,
    ControlFeature,
    ControlListener,
    ControlSettings,
    check_place,
    open_socket,
)
from tests.config.parsing import settings_of_file
from tests.server.live import HOME, Live
from tests.server.process import Tracker, run

MOST_SILENT = int((IDLE + SWEEP) / SWEEP) + 2


class Controlled:
    """A tracker in this process with a control socket, and its clients."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.live = Live()
        self.sock = open_socket(path, 0o600)
        self.listener = ControlListener(self.sock, self.live.server.loop, Commands(self.live.server))
        self.clients: list[socket.socket] = []

    def connect(self, send_buffer: int = 0) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if send_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        client.connect(str(self.path))
        client.setblocking(False)
        self.clients.append(client)
        self.live.settle()
        return client

    def ask(self, client: socket.socket, data: bytes) -> bytes:
        client.sendall(data)
        return self.read(client)

    def read(self, client: socket.socket) -> bytes:
        """The bytes that the tracker sends until it has nothing more to do; EOF stands at the end of the connection."""
        found = b""
        silent = 0
        while silent < 3:
            self.live.settle()
            try:
                data = client.recv(65536)
            except BlockingIOError:
                silent += 1
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                return found + b"EOF"
            found += data
            silent = 0
        return found

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.listener.close()
        self.live.close()
        self.sock.close()


@pytest.fixture
def controlled(tmp_path: Path) -> Iterator[Controlled]:
    it = Controlled(tmp_path / "control")
    yield it
    it.close()


def commands_of(answer: bytes) -> list[bool]:
    return [json.loads(line)["ok"] for line in answer.splitlines()]


# ---- Clients -----------------------------------------------------------------------------------------------


def test_lines_in_order_however_they_arrive(controlled: Controlled) -> None:
    client = controlled.connect()
    assert commands_of(controlled.ask(client, b"status\nnothing\r\nhelp\nsta")) == [True, False, True]
    assert commands_of(controlled.ask(client, b"tus\n")) == [True]
    for byte in b"help":
        assert controlled.ask(client, bytes([byte])) == b""
    assert commands_of(controlled.ask(client, b"\n")) == [True]


def test_a_client_that_has_sent_all_gets_its_answers(controlled: Controlled) -> None:
    client = controlled.connect()
    client.sendall(b"status\nhelp\n")
    client.shutdown(socket.SHUT_WR)
    answer = controlled.read(client)
    assert answer.endswith(b"EOF")
    assert commands_of(answer.removesuffix(b"EOF")) == [True, True]
    assert controlled.listener.clients == []


@pytest.mark.parametrize("tail", [b"", b"\n", b"\nstatus\n"])
def test_a_line_that_is_too_long_ends_the_connection(controlled: Controlled, tail: bytes) -> None:
    client = controlled.connect()
    answer = controlled.ask(client, b"x" * (LONGEST_LINE + 1) + tail)
    assert json.loads(answer.removesuffix(b"EOF"))["error"] == "the line is too long"
    assert answer.endswith(b"EOF")


def test_a_client_that_does_not_read_is_asked_no_more(controlled: Controlled) -> None:
    """Its answers wait in bounds, the commands behind them in the kernel; nobody else waits."""
    slow = controlled.connect(4096)
    sent = blocked = 0
    while blocked < 100:
        try:
            sent += slow.send((b"help\n" * 1000)[sent % 5 :])
            blocked = 0
        except BlockingIOError:
            controlled.live.settle()
            blocked += 1
    assert commands_of(controlled.ask(controlled.connect(), b"status\n")) == [True]
    assert len(controlled.read(slow).splitlines()) == sent // 5


def test_a_client_that_does_nothing_is_disconnected(controlled: Controlled) -> None:
    idle, busy = controlled.connect(), controlled.connect()
    for _ in range(MOST_SILENT):
        controlled.live.clock.seconds += SWEEP
        assert commands_of(controlled.ask(busy, b"help\n")) == [True]
        controlled.listener.sweep()
    assert controlled.read(idle) == b"EOF"
    assert commands_of(controlled.ask(busy, b"help\n")) == [True]


def test_one_client_too_many_is_told(controlled: Controlled) -> None:
    clients = [controlled.connect() for _ in range(MOST_CLIENTS)]
    assert (
        json.loads(controlled.read(controlled.connect()).removesuffix(b"EOF"))["error"] == "too many clients"
    )
    clients[0].close()
    controlled.live.settle()
    assert commands_of(controlled.ask(controlled.connect(), b"help\n")) == [True]


def test_a_client_that_vanishes_hurts_nobody(controlled: Controlled) -> None:
    client = controlled.connect()
    client.sendall(b"help\n" * 5000)
    client.close()
    controlled.live.settle()
    assert commands_of(controlled.ask(controlled.connect(), b"status\n")) == [True]
    assert len(controlled.listener.clients) == 1


def test_changes_are_logged_with_the_user(controlled: Controlled, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "opentracker")
    client = controlled.connect()
    controlled.ask(client, b"status\n")
    assert "control:" not in caplog.text
    controlled.ask(client, b"list add \x1b[2J\n")
    (line,) = [line for line in caplog.messages if line.startswith("control:")]
    assert line.isprintable()
    assert f"uid {os.getuid()}: list add" in line


# ---- The file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_the_one_asked_for(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        sock = open_socket(tmp_path / "control", mode)
        assert os.umask(0o077) == 0o077, "the umask is as it was"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "control").stat().st_mode) == mode
    sock.close()


def test_a_socket_that_was_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control"
    open_socket(path, 0o600).close()
    assert path.is_socket()
    check_place(path)
    open_socket(path, 0o600).close()


def test_a_socket_that_is_served_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with open_socket(path, 0o600):
        clients = []
        for _ in range(BACKLOG + 3):  # also with a full backlog
            with pytest.raises(StartError, match="another process serves it"):
                open_socket(path, 0o600)
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.setblocking(False)
            client.connect_ex(str(path))
            clients.append(client)
        for client in clients:
            client.close()


def test_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_text("mine")
    with pytest.raises(StartError, match="there is something else"):
        open_socket(path, 0o600)
    assert path.read_text() == "mine"
    with pytest.raises(StartError, match="its directory does not exist"):
        check_place(tmp_path / "none" / "control")
    with pytest.raises(StartError, match="cannot open the control socket"):
        open_socket(tmp_path / ("x" * 120), 0o600)


# ---- Keys and trackers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "mode"), [("0600", 0o600), ("660", 0o660), ("0666", 0o666)])
def test_the_key_of_the_mode(tmp_path: Path, value: str, mode: int) -> None:
    assert settings_of_file(tmp_path, f"control.mode {value}").of(ControlSettings).mode == mode


@pytest.mark.parametrize("value", ["", "rw", "8", "0o600", "4755", "06600", "-600"])
def test_modes_that_are_none(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match="conf:1"):
        settings_of_file(tmp_path, f"control.mode {value}")


def test_without_the_key_there_is_no_socket() -> None:
    feature = ControlFeature(Settings())
    feature.open()
    assert list(feature.plan()) == []
    feature.close()


def test_a_start_that_fails_removes_the_socket(tmp_path: Path) -> None:
    feature = ControlFeature(settings_of_file(tmp_path, f"tracker.rootdir {tmp_path}", "control.socket ctl"))
    feature.open()
    assert (tmp_path / "ctl").is_socket()
    feature.close()
    assert not (tmp_path / "ctl").exists()


def talk(path: Path, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(line + b"\n")
        found: dict[str, object] = json.loads(client.makefile("rb").readline())
        return found


def test_a_running_tracker_from_its_start_to_its_end(tmp_path: Path) -> None:
    """As root it has given its rights up, and sees another root directory."""
    tmp_path.chmod(0o777)
    path = tmp_path / "control"
    config = tmp_path / "conf"
    config.write_text(f"tracker.rootdir {tmp_path}\ncontrol.socket {path}\ncontrol.mode 0660\n")
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1) as tracker:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert talk(path, b"status")["torrents"] == 0
        assert talk(path, b"reload")["ok"] is True
        tracker.line_with("control: uid ")
        assert talk(path, b"level warning") == {"ok": True, "level": "warning"}
        status, _, err = run("-f", str(config), "-i", HOME, "-P", "0")
        assert (status, "another process serves it" in err) == (111, True)
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    assert not path.exists()


def test_a_tracker_that_was_killed_leaves_a_socket_for_the_next(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    path = tmp_path / "control"
    config = tmp_path / "conf"
    config.write_text(f"tracker.rootdir {tmp_path}\ncontrol.socket {path}\n")
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1) as tracker:
        tracker.signal(signal.SIGKILL)
        tracker.wait()
    assert path.is_socket()
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1):
        assert talk(path, b"help")["ok"] is True


def test_a_socket_outside_of_the_root_directory(tmp_path: Path) -> None:
    inside = tmp_path / "root"
    inside.mkdir()
    path = tmp_path / "control"
    config = inside / "conf"
    config.write_text(f"tracker.rootdir {inside}\ncontrol.socket {path}\n")
    with Tracker("-f", str(config), "-i", HOME, "-P", "0", sockets=1) as tracker:
        assert talk(path, b"help")["ok"] is True
        tracker.signal(signal.SIGTERM)
        assert tracker.wait() == 0
    assert path.exists() is (os.geteuid() == 0)


def test_t_tells_the_socket_and_what_is_in_its_way(tmp_path: Path) -> None:
    path = tmp_path / "control"
    config = tmp_path / "conf"
    config.write_text(f"tracker.rootdir {tmp_path}\ncontrol.socket {path}\n")
    status, out, _ = run("-t", "-f", str(config))
    assert status == 0
    assert f"would open the control socket {path} with the mode 0600" in out.splitlines()
    assert not path.exists()
    path.write_text("mine")
    status, _, err = run("-t", "-f", str(config))
    assert (status, "there is something else" in err) == (1, True)
