"""How what strangers get from a server in a soak is counted: whole, cut or nothing."""

import gzip
import random
import socket
import socketserver
import struct
import threading
from collections import Counter

import pytest

from soak import strangers


class Closing(socketserver.StreamRequestHandler):
    """Answers every request with the bytes of its server, and resets the connection behind them if it has to."""

    def handle(self) -> None:
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.wfile.write(self.server.answer)  # type: ignore[attr-defined]
        if self.server.resets:  # type: ignore[attr-defined]
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SCRAPE = b"d5:filesd20:01234567890123456789d8:completei1e10:downloadedi2e10:incompletei3eeee"


def chunked(body: bytes) -> bytes:
    return HEAD + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("in_restart", [False, True])
@pytest.mark.parametrize(
    ("packed", "answer", "resets", "counted"),
    [
        (False, chunked(SCRAPE), False, "full_scrapes"),
        (True, chunked(gzip.compress(SCRAPE)), False, "full_scrapes"),
        (False, chunked(SCRAPE)[:-20], False, "cut"),
        (True, chunked(gzip.compress(SCRAPE))[:-20], False, "cut"),
        (True, chunked(gzip.compress(SCRAPE)[:-20]), False, "cut"),
        (True, chunked(SCRAPE), False, "cut"),
        (False, HEAD[:20], False, "cut"),
        (False, chunked(SCRAPE[:-20]), False, "full_scrapes_wrong"),
        (False, chunked(SCRAPE)[:-20], True, "cut"),
        (False, b"", False, "unreachable"),
        (False, b"", True, "unreachable"),
    ],
)
def test_what_a_full_scrape_counts_as(
    monkeypatch: pytest.MonkeyPatch,
    packed: bool,
    answer: bytes,
    resets: bool,
    counted: str,
    in_restart: bool,
) -> None:
    """One that is cut is wrong, but for a restart; only one of which nothing came has met nobody."""
    for name, value in (("over", threading.Event()), ("counts", Counter()), ("restart", strangers.Restart())):
        monkeypatch.setattr(strangers, name, value)
    monkeypatch.setattr(random, "random", lambda: 0.0 if packed else 1.0)
    if in_restart:
        strangers.restart.begin()
        strangers.restart.end()
    with socketserver.TCPServer(("127.0.0.1", 0), Closing) as server:
        server.answer, server.resets = answer, resets  # type: ignore[attr-defined]
        thread = threading.Thread(target=strangers.full_scrapes, args=(server.server_address,))
        thread.start()
        server.handle_request()
        while len(strangers.counts) < 2:  # its try, and what came of it
            thread.join(0.01)
        strangers.over.set()
        thread.join()
    if counted in ("cut", "unreachable"):
        counted = {"cut": "full_scrapes_wrong"}.get(counted, counted) + "_in_restart" * in_restart
    assert strangers.counts == {"tries": 1, counted: 1}
