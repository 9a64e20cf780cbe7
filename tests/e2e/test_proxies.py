"""The samples of docs/operating.md for nginx and HAProxy, run by both in front of a tracker."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.protocol.http_cases import HASH_A
from tests.server.process import Tracker, allow, list_loopback

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
PATIENCE = 20.0
SEEDER, LEECHER, FORGED = "127.0.0.5", "127.0.0.6", "127.0.0.7"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ }}
http {{
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    {sample}
}}
"""

pytestmark = pytest.mark.needs("WANT_IP_FROM_PROXY", WANT_V6=False)


def sample(title: str) -> str:
    """The code block behind a title of the page."""
    return PAGE.partition(f"**{title}**")[2].partition("```\n")[2].partition("```")[0]


def without_tls(text: str) -> str:
    """A sample without the lines that need a certificate or IPv6."""
    return "".join(line for line in text.splitlines(True) if not re.search(r"ssl|\[::\]", line))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A proxy, once it listens."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            assert time.monotonic() < end, "the proxy does not listen"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def nginx(folder: Path, port: int, tracker: str) -> list[str]:
    text = without_tls(sample("nginx.")).replace("127.0.0.1:6969", tracker)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, sample=text))
    return ["nginx", "-c", str(path), "-p", str(folder)]


def haproxy(folder: Path, port: int, tracker: str) -> list[str]:
    text = without_tls(sample("HAProxy")).replace("127.0.0.1:6969", tracker)
    text = text.replace("bind :80\n", f"bind 127.0.0.1:{port}\n")
    path = folder / "haproxy.cfg"
    path.write_text(text)
    return ["haproxy", "-db", "-f", str(path)]


def ask(port: int, target: bytes, source: str, header: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)) as sock:
        sock.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n%bConnection: close\r\n\r\n" % (target, header))
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


def announce(port: int, source: str, left: int, header: bytes = b"") -> bytes:
    query = b"info_hash=%b&peer_id=%b&port=%d&left=%d&compact=1" % (HASH_A, b"p" * 20, 6881 + left, left)
    return ask(port, b"/announce?" + query, source, header)


@pytest.mark.parametrize("make", [nginx, haproxy])
def test_the_sample_names_the_client(make: Callable[[Path, int, str], list[str]], tmp_path: Path) -> None:
    if shutil.which(make.__name__) is None:
        pytest.skip(f"needs the command {make.__name__}")
    config = tmp_path / "proxies.conf"
    config.write_text("access.proxy 127.0.0.1\n")
    options = [
        "-i",
        "127.0.0.1",
        "-p",
        "0",
        "-f",
        str(config),
        *allow(tmp_path, HASH_A),
        *list_loopback(tmp_path),
    ]
    port = free_port()
    with Tracker(*options, sockets=1) as tracker:
        host, own = tracker.endpoint("TCP")
        with running(make(tmp_path, port, f"{host}:{own}"), port):
            end = time.monotonic() + PATIENCE
            while b" 503 " in announce(port, SEEDER, 0, b"X-Forwarded-For: %b\r\n" % FORGED.encode())[:20]:
                assert time.monotonic() < end, "the check has not found the tracker"
                time.sleep(0.1)
            peers = announce(port, LEECHER, 1)
            assert socket.inet_aton(SEEDER) + (6881).to_bytes(2, "big") in peers
            assert socket.inet_aton(FORGED) not in peers
            # From the proxy's own machine the header names the proxy alone: no failure.
            assert b" 200 OK" in ask(port, b"/health", "127.0.0.1")[:20]
            assert b"failure" not in announce(port, "127.0.0.1", 2)


STREAM = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ }}
stream {{
    {sample}
}}
"""


def nginx_stream(folder: Path, port: int, tracker: str) -> list[str]:
    text = sample("nginx as a stream").replace("127.0.0.1:6969", tracker)
    path = folder / "nginx.conf"
    path.write_text(
        STREAM.format(folder=folder, sample=text.replace("listen 80;", f"listen 127.0.0.1:{port};"))
    )
    return ["nginx", "-c", str(path), "-p", str(folder)]


def haproxy_v2(folder: Path, port: int, tracker: str) -> list[str]:
    text = sample("HAProxy in TCP mode").replace("127.0.0.1:6969", tracker)
    path = folder / "haproxy.cfg"
    path.write_text(text.replace("bind :80\n", f"bind 127.0.0.1:{port}\n"))
    return ["haproxy", "-db", "-f", str(path)]


def haproxy_v1(folder: Path, port: int, tracker: str) -> list[str]:
    command = haproxy_v2(folder, port, tracker)
    path = folder / "haproxy.cfg"
    path.write_text(path.read_text().replace("send-proxy-v2", "send-proxy"))
    return command


@pytest.mark.needs("WANT_PROXY_PROTOCOL")
@pytest.mark.parametrize("make", [haproxy_v1, haproxy_v2, nginx_stream])
def test_x01_x02_x06_the_head_of_a_proxy_names_the_client(
    make: Callable[[Path, int, str], list[str]], tmp_path: Path
) -> None:
    name = make.__name__.partition("_")[0]
    if shutil.which(name) is None:
        pytest.skip(f"needs the command {name}")
    if name == "nginx" and not Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists():
        pytest.skip("needs nginx's module for streams")
    config = tmp_path / "proxies.conf"
    config.write_text("access.proxy 127.0.0.1\naccess.proxy_header proxy-protocol\n")
    more = [*allow(tmp_path, HASH_A), *list_loopback(tmp_path)]
    port = free_port()
    with Tracker("-i", "127.0.0.1", "-p", "0", "-f", str(config), *more, sockets=1) as tracker:
        host, own = tracker.endpoint("TCP")
        with running(make(tmp_path, port, f"{host}:{own}"), port):
            assert b"failure" not in announce(port, SEEDER, 0, b"X-Forwarded-For: %b\r\n" % FORGED.encode())
            peers = announce(port, LEECHER, 1)
            assert socket.inet_aton(SEEDER) + (6881).to_bytes(2, "big") in peers
            assert socket.inet_aton(FORGED) not in peers
            # A client's own head behind the proxy's is no request, and one that comes directly is not believed.
            forged = f"PROXY TCP4 {FORGED} 127.0.0.1 1 2\r\n".encode()
            for at in (port, own):
                with socket.create_connection(("127.0.0.1", at), PATIENCE, (LEECHER, 0)) as client:
                    client.sendall(forged + b"GET /announce HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert client.recv(65536).startswith(b"HTTP/1.1 400 ")
