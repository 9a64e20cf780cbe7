"""One list for two sites, through a real nats-server with JetStream, which is killed and started again."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from opentracker.bridge.list_carrier import ListCarrier, Site, Source
from opentracker.bridge.lists import KINDS
from opentracker.server.system.systemd import Notifier
from tests.protocol.http_cases import get, peer_query
from tests.server.process import Tracker

pytestmark = pytest.mark.skipif(shutil.which("nats-server") is None, reason="needs the command nats-server")

PATIENCE = 30.0
HASHES = [f"{number:040x}" for number in range(100)]


def until(condition: Callable[[], bool], what: str) -> float:
    """Wait for what another process does; gives the seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + PATIENCE, f"waited in vain for {what}"
        time.sleep(0.01)
    return time.monotonic() - began


def is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Nats:
    """A server with JetStream, which keeps its streams in a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port: int = sock.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self.folder = folder
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: is_open(self.port), "nats-server")
        return process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class FifoReader:
    """A tracker as far as lists go: it reads the file when it starts, and then its FIFOs."""

    def __init__(self, folder: Path) -> None:
        self.file, self.add, self.delete = folder / "list", folder / "add", folder / "delete"
        self.listed: set[str] = set(self.file.read_text().split()) if self.file.exists() else set()
        for path in (self.add, self.delete):
            if not path.exists():
                os.mkfifo(path)
        self.fds = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in (self.add, self.delete)]

    def read(self) -> set[str]:
        for fd, apply in zip(self.fds, (self.listed.update, self.listed.difference_update), strict=True):
            try:
                apply(os.read(fd, 1 << 20).decode().split())
            except BlockingIOError:
                pass
        return self.listed

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def run_list(nats: Nats, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `list` to its end."""
    command = [sys.executable, "-P", "-m", "opentracker.bridge", "list", *arguments, "--nats", nats.url]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)


@contextmanager
def carried(nats: Nats, folder: Path, *more: str) -> Iterator[None]:
    """A running carrier of a site."""
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, "nobody") if os.geteuid() == 0 else None
    paths = [
        "--file",
        str(folder / "list"),
        "--fifo-add",
        str(folder / "add"),
        "--fifo-delete",
        str(folder / "delete"),
    ]
    command = [sys.executable, "-P", "-m", "opentracker.bridge", "list", "carry", *paths, "--save", "1"]
    process = subprocess.Popen([*command, *more, "--nats", nats.url], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.fixture
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(tmp_path_factory.mktemp("nats"))
    yield server
    server.kill()


@pytest.fixture
def sites() -> Iterator[tuple[Path, Path]]:
    """Two folders that any user may reach; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        yield Path(one), Path(two)


def reader_of(folder: Path) -> FifoReader:
    reader = FifoReader(folder)
    if os.geteuid() == 0:
        for path in (reader.add, reader.delete):
            shutil.chown(path, "nobody")
    return reader


def has(reader: FifoReader, expected: set[str]) -> bool:
    return reader.read() == expected


def is_saved(reader: FifoReader, expected: set[str]) -> bool:
    return set(reader.file.read_text().split()) == expected


def test_b01_b02_one_list_at_two_sites_with_a_server_that_is_killed(
    nats: Nats, sites: tuple[Path, Path]
) -> None:
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(carried(nats, site))
        paris, oslo = (reader_of(site) for site in sites)
        for reader in (paris, oslo):
            stack.callback(reader.close)
        assert run_list(nats, "add", *HASHES[:3]).returncode == 0
        for reader in (paris, oslo):
            assert until(partial(has, reader, set(HASHES[:3])), "additions") < PATIENCE
        nats.kill()
        assert run_list(nats, "add", HASHES[3]).returncode == 111
        nats.process = nats.start()
        until(lambda: run_list(nats, "delete", HASHES[0]).returncode == 0, "JetStream")
        assert run_list(nats, "add", HASHES[4]).returncode == 0
        expected = {*HASHES[1:3], HASHES[4]}
        for reader in (paris, oslo):
            until(partial(has, reader, expected), "changes after the server's end")
            until(partial(is_saved, reader, expected), "the file")
        assert run_list(nats, "show").stdout.split() == sorted(expected)


def test_b03_b04_a_site_that_was_down_catches_up(nats: Nats, sites: tuple[Path, Path]) -> None:
    site = sites[0]
    with carried(nats, site):
        reader = reader_of(site)
        run_list(nats, "add", *HASHES[:3])
        until(lambda: reader.read() == set(HASHES[:3]), "additions")
    run_list(nats, "delete", HASHES[1])
    run_list(nats, "add", *HASHES[5:50])
    expected = {HASHES[0], HASHES[2], *HASHES[5:50]}
    with carried(nats, site):
        until(lambda: reader.read() == expected, "the changes meanwhile")
        reader.close()  # the tracker is down, and starts again
        run_list(nats, "add", HASHES[60])
        until(lambda: HASHES[60] in reader.file.read_text(), "the file")
        again = reader_of(site)
        until(lambda: again.read() == {*expected, HASHES[60]}, "the list of a tracker that was down")
        again.close()


def test_keys_have_last_days(nats: Nats) -> None:
    keys = ("--list", "keys", "0123456789abcdef")
    assert run_list(nats, "add", *keys, "--rest", "2031-01-31 of a\nmember").returncode == 0
    assert run_list(nats, "show", *keys[:2]).stdout == "0123456789abcdef 2031-01-31 of a?member\n"
    assert run_list(nats, "delete", *keys).returncode == 0
    assert run_list(nats, "show", *keys[:2]).stdout == ""
    assert run_list(nats, "show").stdout == ""


@pytest.mark.needs("WANT_DENY", WANT_V6=False)
def test_b06_networks_are_denied_by_a_real_tracker(nats: Nats, sites: tuple[Path, Path]) -> None:
    """Through its FIFOs at once, and from its file after a start without NATS."""
    site, networks = sites[0], ("--list", "networks")
    config = site / "conf"
    config.write_text(
        f"access.deny_file {site}/list\naccess.deny_fifo_add {site}/add\naccess.deny_fifo_delete {site}/delete\n"
        f"tracker.rootdir {site}\n"
    )
    options = ("-f", str(config), "-i", "127.0.0.1", "-p", "0", "-P", "0")
    spelled = "127.0.0.8/31"
    with carried(nats, site, *networks):
        (site / "list").touch()
        with Tracker(*options, sockets=2) as tracker:
            assert not is_denied(tracker)
            assert run_list(nats, "add", *networks, spelled, "--rest", "a flood").returncode == 0
            until(lambda: is_denied(tracker), "the refusal")
            until(lambda: (site / "list").read_text() == f"{spelled} # a flood\n", "the file")
        nats.kill()
        with Tracker(*options, sockets=2) as tracker:
            assert is_denied(tracker)
            nats.process = nats.start()
            until(lambda: run_list(nats, "delete", *networks, "127.0.0.9/31").returncode == 0, "JetStream")
            until(lambda: not is_denied(tracker), "the end of the refusals")


def is_denied(tracker: Tracker) -> bool:
    """Whether requests of 127.0.0.8 are refused."""
    with socket.create_connection(tracker.endpoint("TCP"), PATIENCE, ("127.0.0.8", 0)) as client:
        client.sendall(get(b"/announce?" + peer_query(6881), b"Host: x\r\nConnection: close\r\n"))
        answer = b""
        while data := client.recv(65536):
            answer += data
    return b"does not serve your network" in answer


def test_a_file_that_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = Source("main", KINDS["torrents"], ("nats://127.0.0.1:1",), {})
    carrier = ListCarrier(source, Site(((tmp_path, True),), tmp_path / "none" / "list"), Notifier({}, 0))
    carrier.copy.change(HASHES[0], "")
    for _ in range(2):
        carrier.send()
        carrier.save_now()
    assert len(caplog.messages) == 2
    assert carrier.copy.unsaved
