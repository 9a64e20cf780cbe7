"""docs/private.md: two sites behind HAProxy with TLS, with keys from one list, and clients that come and go."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.protocol.http_cases import HASH_A, get
from tests.server.process import Tracker, allow, list_loopback

PAGE = (Path(__file__).parents[2] / "docs" / "private.md").read_text(encoding="utf-8")
PATIENCE = 30.0
KEY = "3f2a9c5e8b7d4f6190a2c4e6b8d0f214"
SEEDER, LEECHER = "127.0.0.5", "127.0.0.6"

pytestmark = [
    pytest.mark.needs(
        *("WANT_AUTH_KEYS", "WANT_CLIENT_APPROVAL", "WANT_PROXY_PROTOCOL"),
        *("WANT_SYNC_BRIDGE", "WANT_RESTRICT_STATS", "WANT_FULLSCRAPE"),
        WANT_V6=False,
    ),
    pytest.mark.skipif(
        any(shutil.which(each) is None for each in ("haproxy", "nats-server", "openssl")),
        reason="needs the commands haproxy, nats-server and openssl",
    ),
]


def sample(name: str) -> str:
    """The code block that begins with the name of its file."""
    return PAGE.partition(f"```\n# {name}\n")[2].partition("```")[0]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate of its own for tracker.example."""
    path = folder / "tracker.example.pem"
    names = ["-subj", "/CN=tracker.example", "-addext", "subjectAltName=DNS:tracker.example"]
    files = ["-keyout", f"{folder}/key", "-out", f"{folder}/cert"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return path


class Site:
    """A tracker, HAProxy and a carrier of keys, as on the page."""

    def __init__(self, stack: ExitStack, pem: Path, nats: str) -> None:
        self.pem = pem
        self.port = free_port()
        self.folder = folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "keys.txt").touch()
        if os.geteuid() == 0:
            for path in (folder, folder / "keys.txt"):
                shutil.chown(path, "nobody")
        text = sample("opentracker.conf").replace("/var/lib/opentracker", str(folder))
        text = re.sub(r"127\.0\.0\.1:6969|10\.0\.0\.5:6969", "127.0.0.1:0", text)
        text = re.sub(r"^(livesync|tracker\.user).*\n", "", text, flags=re.MULTILINE)
        config = folder / "opentracker.conf"
        config.write_text(text)
        more = [*allow(folder, HASH_A), *list_loopback(folder)]
        self.tracker = stack.enter_context(Tracker("-f", str(config), *more, sockets=2))
        host, own = self.tracker.endpoint("TCP")
        haproxy = folder / "haproxy.cfg"
        haproxy.write_text(
            sample("haproxy.cfg")
            .replace("127.0.0.1:6969", f"{host}:{own}")
            .replace("bind :443", f"bind 127.0.0.1:{self.port}")
            .replace("/etc/haproxy/tracker.example.pem", str(pem))
        )
        stack.enter_context(running("haproxy", "-db", "-f", str(haproxy)))
        fifos = ["--fifo-add", f"{folder}/keys-add.fifo", "--fifo-delete", f"{folder}/keys-delete.fifo"]
        carry = [
            sys.executable,
            "-P",
            "-m",
            "opentracker.bridge",
            "list",
            "carry",
            "--list",
            "keys",
            "--nats",
            nats,
        ]
        stack.enter_context(running(*carry, "--file", f"{folder}/keys.txt", *fifos))
        until(lambda: is_open(self.port), "HAProxy")

    def announce(self, key: str, source: str, left: int, peer_id: str = "-qB4650-abcdefghijkl") -> bytes:
        """The answer to an announce over TLS."""
        context = ssl.create_default_context(cafile=self.pem)
        target = (
            f"/{key}/announce?info_hash={HASH_A.decode()}&peer_id={peer_id}&port=6881&left={left}&compact=1"
        )
        with (
            socket.create_connection(("127.0.0.1", self.port), PATIENCE, (source, 0)) as sock,
            context.wrap_socket(sock, server_hostname="tracker.example") as client,
        ):
            client.sendall(get(target.encode(), b"Host: tracker.example\r\nConnection: close\r\n"))
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        return answer

    def serves(self, key: str, expected: bool) -> bool:
        """Whether an announce with a key is served, or refused, as expected."""
        answer = self.announce(key, SEEDER, 0)
        return answer.startswith(b"HTTP/1.1 200 ") and (b"failure" not in answer) is expected


def change(action: str, nats: str) -> None:
    """Change the list of keys."""
    command = [sys.executable, "-P", "-m", "opentracker.bridge", "list", action, "--list", "keys", KEY]
    subprocess.run([*command, "--nats", nats], check=True, timeout=PATIENCE)


def test_k01_x02_b01_two_sites_with_keys_behind_haproxy_with_tls(tmp_path: Path) -> None:
    port = free_port()
    nats = f"nats://127.0.0.1:{port}"
    with ExitStack() as stack:
        stack.enter_context(
            running("nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "js"))
        )
        until(lambda: is_open(port), "nats-server")
        pem = certificate(tmp_path)
        sites = [Site(stack, pem, nats) for _ in range(2)]
        for site in sites:
            until(partial(site.serves, KEY, False), "the tracker")  # HAProxy may have to find it first
        change("add", nats)
        for site in sites:
            until(partial(site.serves, KEY, True), "the key")
            assert site.serves(KEY[::-1], False)
            assert socket.inet_aton(SEEDER) + (6881).to_bytes(2, "big") in site.announce(KEY, LEECHER, 1)
            assert b"is not allowed on this tracker" in site.announce(KEY, LEECHER, 1, "-XL0001-abcdefghijkl")
        change("delete", nats)
        for site in sites:
            until(partial(site.serves, KEY, False), "the deletion")
