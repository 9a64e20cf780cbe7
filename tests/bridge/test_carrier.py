"""Bridges as processes, between sockets that stand for trackers and a real nats-server."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opentracker.bridge.carrier import END_SECONDS
from opentracker.protocol.livesync import PEERS6
from tests.bridge.fake_nats import FakeNats
from tests.bridge.packets import packet_of

PATIENCE = 30.0

needs_nats = pytest.mark.skipif(shutil.which("nats-server") is None, reason="needs the command nats-server")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Nats:
    """A nats-server of our own, which asks for a token."""

    def __init__(self, port: int) -> None:
        command = ["nats-server", "--addr", "127.0.0.1", "--port", str(port), "--auth", "s3cret"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def answers() -> bool:
            with socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", port)) == 0

        until(answers, "the nats-server")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


class Site:
    """A bridge as a process, and the one tracker of its site: a socket."""

    def __init__(self, name: str, nats: int, token: Path, *more: str) -> None:
        self.tracker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tracker.bind(("127.0.0.1", 0))
        self.tracker.settimeout(PATIENCE)
        port = free_port()
        self.bridge = ("127.0.0.1", port)
        arguments = [
            "--cluster",
            "test",
            "--site",
            name,
            "--listen",
            f"127.0.0.1:{port}",
            "--node-ip",
            "127.0.0.1",
        ]
        arguments += ["--peer", f"127.0.0.1:{self.tracker.getsockname()[1]}"]
        arguments += ["--nats", f"nats://127.0.0.1:{nats}", "--token", str(token), "--report", "1"]
        self.metrics = token.with_name(f"{name}.prom")
        arguments += ["--metrics", str(self.metrics), *more]
        self.log = token.with_name(f"{name}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-X", "dev", "-m", "opentracker.bridge", *arguments],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def says(self, text: str, times: int = 1) -> None:
        """Wait until the bridge has logged something."""
        until(lambda: self.log.read_text().count(text) >= times, f"{text!r} in {self.log}")

    def tell(self, packet: bytes) -> None:
        self.tracker.sendto(packet, self.bridge)

    def told(self) -> bytes:
        return self.tracker.recv(4096)

    def end(self) -> str:
        """End the bridge; gives its last line of counts."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        return [line for line in self.log.read_text().splitlines() if "waiting=" in line][-1]

    def close(self) -> None:
        self.tracker.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def token() -> Iterator[Path]:
    """A file, in a directory into which anybody may write: started as root, a bridge becomes `nobody`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "token")
        path.write_text("s3cret\n")
        path.chmod(0o600)
        path.parent.chmod(0o777)
        yield path


@pytest.fixture
def sites(token: Path) -> Iterator[list[Site]]:
    port = free_port()
    nats = Nats(port)
    found = [Site(name, port, token) for name in ("paris", "oslo", "rome")]
    try:
        for site in found:
            site.says("bridge: connected to")
        yield found
    finally:
        for site in found:
            site.close()
        nats.close()


@needs_nats
def test_what_one_site_tells_the_others_are_told_and_it_is_not(sites: list[Site]) -> None:
    paris, oslo, rome = sites
    paris.tell(packet_of(0x80))
    assert oslo.told() == rome.told() == packet_of(0x90)
    oslo.tell(packet_of(0x90))  # as a tracker would that sends on what came by sync
    oslo.tell(packet_of(0xC0, kind=PEERS6))
    assert paris.told() == rome.told() == packet_of(0xD0, kind=PEERS6)  # the first that Paris is told
    lines = [site.end() for site in sites]
    assert [line.split("heard=")[1].split()[0] for line in lines] == ["1", "1", "0"]
    assert [line.split("told=")[1].split()[0] for line in lines] == ["1", "1", "2"]
    assert all("dropped=0" in line and "lost=0" in line for line in lines)


@needs_nats
def test_packets_wait_while_nats_is_away(token: Path) -> None:
    port = free_port()
    paris, oslo = (Site(name, port, token) for name in ("paris", "oslo"))
    try:
        paris.says(f"bridge: cannot connect to NATS at 127.0.0.1:{port}: ")
        paris.tell(packet_of(0x80))
        nats = Nats(port)
        for site in (paris, oslo):
            site.says("bridge: connected to")
        paris.tell(packet_of(0x00))
        while oslo.told() != packet_of(0x10):
            pass  # the first one may have been published before Oslo was there
        nats.close()
        for site in (paris, oslo):
            site.says(f"bridge: the connection to NATS at 127.0.0.1:{port} is lost: ")
        paris.tell(packet_of(0xC0))
        paris.says("heard=3")
        nats = Nats(port)
        oslo.says("bridge: connected to", 2)
        paris.tell(packet_of(0x20))
        while oslo.told() != packet_of(0x30):
            pass
        assert "heard=4 unblessed=0 malformed=0 published=4 dropped=0" in paris.end()
        oslo.end()
    finally:
        for site in (paris, oslo):
            site.close()
        nats.close()


@needs_nats
def test_without_nats_it_ends_at_once_and_says_what_was_lost(token: Path) -> None:
    site = Site("paris", free_port(), token)
    try:
        site.says("cannot connect to NATS")
        site.tell(packet_of(0x80))
        site.says("heard=1")
        assert "dropped=1" in site.end()
    finally:
        site.close()


@needs_nats
def test_it_ends_when_nats_ends_at_the_same_moment(token: Path) -> None:
    """As where a host is shut down; PATIENCE would not be enough for a bridge that hangs."""
    for _ in range(5):
        port = free_port()
        nats = Nats(port)
        site = Site("paris", port, token)
        try:
            site.says("bridge: connected to")
            site.tell(packet_of(0x80))
            nats.process.terminate()
            began = time.monotonic()
            assert "bridge: not connected; waiting=0 heard=" in site.end()
            assert time.monotonic() - began < END_SECONDS + 5
        finally:
            site.close()
            nats.close()


@pytest.mark.parametrize(
    ("greeting", "text"),
    [
        (b"INFO [1]\r\n", "the answer is not NATS ("),
        (b"INFO x\r\n", "info message, json parse error"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "empty response from server when expecting INFO message"),
        (b"\x00" * 100_000, "NATS at"),
        (b"", "NATS at"),
    ],
    ids=["no object", "no JSON", "HTTP", "garbage", "nothing"],
)
def test_a_server_that_is_no_nats_is_named_and_does_no_harm(token: Path, greeting: bytes, text: str) -> None:
    with FakeNats(greeting) as server:
        site = Site("paris", server.port, token)
        try:
            if greeting:
                site.says(f"cannot connect to NATS at 127.0.0.1:{server.port}: ")
                site.says(text)
            else:
                server.wait_for(1)
            began = time.monotonic()
            assert "connections=0" in site.end()
            assert time.monotonic() - began < END_SECONDS
        finally:
            site.close()


@pytest.mark.parametrize("error", [b"Maximum Connections Exceeded", b"User Authentication Expired", b"Bogus"])
def test_after_an_error_of_the_server_it_connects_anew(token: Path, error: bytes) -> None:
    with FakeNats() as server:
        site = Site("paris", server.port, token)
        try:
            site.says("bridge: connected to")
            server.say(b"-ERR '%b'\r\n" % error)
            site.says(f"the connection to NATS at 127.0.0.1:{server.port} is lost: {error.decode().lower()}")
            site.says("bridge: connected to NATS", 2)
            assert "connections=2 lost=1" in site.end()
        finally:
            site.close()


def test_garbage_on_a_connection_ends_it(token: Path) -> None:
    with FakeNats() as server:
        site = Site("paris", server.port, token)
        try:
            site.says("bridge: connected to")
            server.say(b"\x00\xff\r\n" * 5000)
            began = time.monotonic()
            site.end()
            assert time.monotonic() - began < END_SECONDS
        finally:
            site.close()


def test_the_next_server_is_tried(token: Path) -> None:
    with FakeNats() as server:
        site = Site("paris", free_port(), token, "--nats", f"nats://127.0.0.1:{server.port}")
        try:
            site.says(f"bridge: connected to NATS at 127.0.0.1:{server.port} as opentracker.test.paris")
            site.says(f"bridge: connected to 127.0.0.1:{server.port}; waiting=0 heard=0")
            assert 'opentracker_bridge_connected{cluster="test",site="paris"} 1' in site.metrics.read_text()
            site.end()
            assert 'opentracker_bridge_connected{cluster="test",site="paris"} 0' in site.metrics.read_text()
        finally:
            site.close()
