"""The bridge: what it carries, and against a real nats-server."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker import bridge
from opentracker.bridge import Bridge, aged, connection_options, own_records, parser
from opentracker.errors import UsageError
from opentracker.protocol.livesync import PEERS4, PEERS6
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions

PATIENCE = 30.0
NODE, STRANGER = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 3])
ID = bytes.fromhex("cafebabe")
REQUIRED = ["--cluster", "c", "--site", "s", "--listen", "127.0.0.1:0", "--node-ip", "127.0.0.1"]


def packet_of(*marks: int, kind: int = PEERS4, age: int = 0) -> bytes:
    """A packet of records that differ in their flags."""
    size = 28 if kind == PEERS4 else 40
    records = [bytes([number]) * (size - 2) + bytes([flags, age]) for number, flags in enumerate(marks, 1)]
    return ID + kind.to_bytes(4, "big") + b"".join(records)


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def bridge_with(room: int = 10) -> tuple[Bridge, Clock]:
    permissions = Permissions()
    permissions.bless(NODE, 32, MAY_LIVESYNC)
    clock = Clock()
    return Bridge(permissions, clock, room), clock


# ---- What is carried ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_the_site_tells_is_published_as_it_is(kind: int) -> None:
    it, _ = bridge_with()
    packet = packet_of(0x00, 0x80, 0xC0, 0x20, kind=kind)
    assert it.hear(packet, NODE)
    assert it.next_message() == packet
    assert (it.figures.heard, it.figures.published) == (1, 1)


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_other_sites_publish_is_told_with_a_mark(kind: int) -> None:
    it, _ = bridge_with()
    assert it.take(packet_of(0x00, 0x80, 0x30, kind=kind)) == packet_of(0x10, 0x90, 0x30, kind=kind)


@pytest.mark.parametrize("kind", [PEERS4, PEERS6])
def test_what_is_marked_is_never_published(kind: int) -> None:
    """Else it would go round between two bridges of one site."""
    it, _ = bridge_with()
    told = it.take(packet_of(0x00, 0xC0, kind=kind))
    assert told is not None
    assert not it.hear(told, NODE)
    assert it.figures.heard == 0
    mixed = packet_of(0x00, 0x10, 0x80, kind=kind)
    size = (len(mixed) - 8) // 3
    assert it.hear(mixed + b"junk", NODE)
    assert it.next_message() == mixed[: 8 + size] + mixed[8 + 2 * size :]


def test_strangers_and_what_is_malformed() -> None:
    it, _ = bridge_with()
    assert not it.hear(packet_of(0), STRANGER)
    for packet in (b"", packet_of(0)[:-1], ID + bytes([0, 0, 0, 7]) + bytes(50)):
        assert not it.hear(packet, NODE)
    assert (it.figures.unblessed, it.figures.malformed, it.figures.heard) == (1, 3, 0)
    for message in (b"", packet_of(0)[:-1], packet_of(*[0] * 60)):
        assert it.take(message) is None
    assert (it.figures.received, it.figures.refused) == (3, 3)


def test_scrape_sync_stays_in_its_site() -> None:
    it, _ = bridge_with()
    for packet in (ID + bytes([0, 0, 0, 1]) + bytes(8), ID + bytes([0, 0, 0, 2]) + ID):
        assert not it.hear(packet, NODE)
        assert it.take(packet) is None
    assert (it.figures.malformed, it.figures.refused) == (0, 2)


def test_the_oldest_are_dropped_where_there_is_no_room() -> None:
    it, _ = bridge_with(room=3)
    for flags in range(5):
        it.hear(packet_of(flags), NODE)
    assert it.figures.dropped == 2
    assert [it.next_message() for _ in range(3)] == [packet_of(flags) for flags in (2, 3, 4)]


def test_what_waited_is_older() -> None:
    it, clock = bridge_with()
    it.hear(packet_of(0x80, 0x20, age=250), NODE)
    it.hear(packet_of(0x80), NODE)
    clock.seconds += 59
    assert it.next_message() == packet_of(0x80, 0x20, age=250)
    clock.seconds += 61
    assert it.next_message() == packet_of(0x80, age=2)
    assert aged(packet_of(0x80, age=250), 7) == packet_of(0x80, age=255)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: packet_of() + rest))
def test_p1_any_bytes_do_no_harm(packet: bytes) -> None:
    it, _ = bridge_with()
    if it.hear(packet, NODE):
        assert it.next_message().startswith(packet[:8])
    told = it.take(packet)
    if told is not None:
        assert own_records(told, 28 if told[7] == PEERS4 else 40) == told[:8]


# ---- The command line --------------------------------------------------------------------------------------


def test_the_help_helps(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bridge.main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert all(word in out for word in ("--cluster", "--node-ip", "--creds", "exit status", "example:"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "the following arguments are required: --cluster, --site, --listen, --node-ip"),
        ([*REQUIRED, "--site", "a.b"], "argument --site: 'a.b': expected letters, digits, _ and -"),
        ([*REQUIRED, "--cluster", "*"], "argument --cluster: '*': expected letters"),
        ([*REQUIRED, "--listen", "nowhere"], "argument --listen: 'nowhere' is not an IPv4 or IPv6 address"),
        ([*REQUIRED, "--node-ip", "1.2.3.4/33"], "argument --node-ip: '1.2.3.4/33' has a bad prefix length"),
        ([*REQUIRED, "--queue", "0"], "argument --queue: '0': expected a number over 0"),
        ([*REQUIRED, "--creds", "/nonexistent"], "cannot use a file of the options for NATS: "),
        ([*REQUIRED, "--tls-key", "/nonexistent"], "--tls-key goes with --tls-cert"),
        ([*REQUIRED, "--tls-ca", __file__], "cannot use a file of the options for NATS: "),
        ([*REQUIRED, "--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bridge.main(arguments) == 1
    assert f"opentracker: {text}" in capsys.readouterr().err


def test_an_address_that_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert bridge.main([*REQUIRED[:4], "--listen", "203.0.113.9", "--node-ip", "127.0.0.1"]) == 111
    assert "cannot bind live sync to UDP 203.0.113.9:9696" in capsys.readouterr().err


def test_what_the_client_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    files = ["--creds", str(secret), "--nkey", str(secret), "--token", str(secret)]
    told = connection_options(
        parser().parse_args([*REQUIRED, *files, "--nats", "tls://a:1", "--nats", "tls://b:2"])
    )
    assert told == {
        "servers": ["tls://a:1", "tls://b:2"],
        "user_credentials": str(secret),
        "nkeys_seed": str(secret),
        "token": "s3cret",
    }
    with pytest.raises(UsageError):
        connection_options(parser().parse_args([*REQUIRED, "--tls-cert", str(secret)]))


# ---- With NATS ---------------------------------------------------------------------------------------------

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

    def __init__(self, name: str, nats: int, token: Path) -> None:
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
        self.log = token.with_name(f"{name}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-X", "dev", "-m", "opentracker.bridge", *arguments],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def says(self, text: str, times: int = 1) -> None:
        """Wait until the bridge has logged something."""
        until(lambda: self.log.read_text().count(text) >= times, f"{text!r} in {self.log.read_text()}")

    def tell(self, packet: bytes) -> None:
        self.tracker.sendto(packet, self.bridge)

    def told(self) -> bytes:
        return self.tracker.recv(4096)

    def end(self) -> str:
        """End the bridge; gives its last line."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        return self.log.read_text().splitlines()[-1]

    def close(self) -> None:
        self.tracker.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    return path


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
        paris.says("NATS: ")  # nobody is there
        paris.tell(packet_of(0x80))
        nats = Nats(port)
        for site in (paris, oslo):
            site.says("bridge: connected to")
        paris.tell(packet_of(0x00))
        while oslo.told() != packet_of(0x10):
            pass  # the first one may have been published before Oslo was there
        nats.close()
        for site in (paris, oslo):
            site.says("the connection to NATS is lost")
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
        site.says("NATS: ")
        site.tell(packet_of(0x80))
        site.says("heard=1")
        assert "dropped=1" in site.end()
    finally:
        site.close()
