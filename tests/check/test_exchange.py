"""Checks of a running tracker, and of servers that are none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opentracker._features import WANT_V6
from opentracker.check.exchange import addresses, check_address
from opentracker.check.messages import Peer
from opentracker.check.target import parse_target
from opentracker.errors import CheckError
from tests.server.process import Tracker, allow, list_loopback

PEER = Peer(b"A" * 20, b"-OC0001-abcdefghijkl", 6881, 7)
HOST, FAMILY = ("::1", 6) if WANT_V6 else ("127.0.0.1", 4)
SHOWN = f"[{HOST}]" if WANT_V6 else HOST


@pytest.mark.parametrize("scheme", ["udp", "http"])
def test_a_check_of_a_tracker(scheme: str, tmp_path: Path) -> None:
    options = [*allow(tmp_path, PEER.info_hash), *list_loopback(tmp_path)]
    with Tracker("-i", HOST, "-P" if scheme == "udp" else "-p", "0", *options, sockets=1) as tracker:
        _, port = tracker.endpoint("UDP" if scheme == "udp" else "TCP")
        target = parse_target(f"{scheme}://{SHOWN}:{port}/announce")
        assert addresses(target, [4, 6]) == [(FAMILY, HOST)]
        for _ in range(2):  # the peer has left in between
            found = check_address(target, FAMILY, HOST, PEER, 20.0)
            assert found.error == ""
            assert [name for name, _ in found.steps] == ["connect", "announce", "scrape", "leave"]
            assert all(seconds > 0 for _, seconds in found.steps)
            assert (found.findings.complete, found.findings.incomplete) == (0, 1)
            assert found.findings.interval is not None


@pytest.mark.needs("WANT_ACCESSLIST_WHITE")
@pytest.mark.parametrize("scheme", ["udp", "http"])
def test_a_torrent_that_is_not_served(scheme: str, tmp_path: Path) -> None:
    with Tracker("-i", HOST, "-P" if scheme == "udp" else "-p", "0", *allow(tmp_path), sockets=1) as tracker:
        _, port = tracker.endpoint("UDP" if scheme == "udp" else "TCP")
        target = parse_target(f"{scheme}://{SHOWN}:{port}/announce")
        assert check_address(target, FAMILY, HOST, PEER, 20.0).error.startswith("failure: ")


@contextmanager
def answering(words: bytes) -> Iterator[int]:
    """A server that says something to everybody; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    sock.recv(65536)
                    sock.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "announce: HTTP status 404 Not Found"),
        (b"HTTP/1.0 200 OK\r\n\r\nd14:failure reason4:gonee", "failure: gone"),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", "the answer is not bencoded: <html>"),
        (b"SSH-2.0-x\r\n", "announce: SSH-2.0-x"),
        (b"", "announce: "),
    ],
)
def test_a_server_that_is_no_tracker(words: bytes, text: str) -> None:
    with answering(words) as port:
        found = check_address(parse_target(f"http://127.0.0.1:{port}/announce"), 4, "127.0.0.1", PEER, 20.0)
        assert text in found.error
        assert [name for name, _ in found.steps][:1] == ["connect"]


def test_nobody_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        target = parse_target(f"udp://127.0.0.1:{silent.getsockname()[1]}/announce")
        assert check_address(target, 4, "127.0.0.1", PEER, 0.3).error == "no answer within 0.3 s"
        assert len([silent.recv(100) for _ in range(3)]) == 3


def test_nobody_is_there() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        for scheme in ("udp", "http", "https"):
            target = parse_target(f"{scheme}://127.0.0.1:{port}/announce")
            assert "refused" in check_address(target, 4, "127.0.0.1", PEER, 20.0).error


def test_a_name_without_addresses() -> None:
    with pytest.raises(CheckError):
        addresses(parse_target("udp://[::1]:1/announce"), [4])
