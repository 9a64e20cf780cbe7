"""For any bytes of strangers, the log's lines are printable, and their number in a minute is limited (R-10)."""

import socket
import struct
from pathlib import Path

from opentracker.server.system.log_lines import LONGEST, MOST
from tests.server.live import HOME, family_of
from tests.server.process import Tracker, allow, list_loopback

UGLY = b"\r\nopentracker: listening on UDP 6.6.6.6:66\x1b[2J\x07\x00\xff\xe2\x80\xae"
ESCAPED = b"".join(b"%%%02x" % byte for byte in UGLY)
HASH = b"A" * 20
TIMES = 40  # more than the log takes of one kind
OTHER_LINES = 40  # that a start and an end have, whatever the build


def datagrams(connection_id: bytes) -> list[bytes]:
    """Datagrams of a stranger, with a good connection id and without."""
    body = struct.pack(">I4s20s20sQQQIIIIH", 1, b"\n\x1b\n\r", HASH, UGLY[:20], 0, 0, 0, 1, 0, 0, 50, 6881)
    return [UGLY, UGLY * 30, connection_id + body + b"\x02\x20" + UGLY, bytes(8) + body]


def requests() -> list[bytes]:
    """HTTP requests of a stranger."""
    announce = b"info_hash=" + HASH + b"&port=6881&left=0&event=completed&peer_id=" + ESCAPED
    return [
        b"GET /announce?" + announce + b"&key=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /announce?" + announce + b"&ip=" + ESCAPED + b"&lognet=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /announce?"
        + announce
        + b" HTTP/1.1\r\nX-Forwarded-For: \x1b[2J\xff\r\nUser-Agent: \x07\r\n\r\n",
        b"GET /scrape HTTP/1.1\r\nAccept-Encoding: \x1b[2J\xff\r\n\r\n",
        b"GET /stats?mode=" + ESCAPED + b"&format=" + ESCAPED + b" HTTP/1.1\r\n\r\n",
        b"GET /\x1b[2J\xff\x00 HTTP/1.1\r\n\r\n",
        b"\x1b[2J / HTTP/1.1\r\n\r\n",
        b"GET /" + b"\x1b" * 9000,
    ]


def ask(where: tuple[str, int], request: bytes) -> None:
    """Send a request, and wait until the tracker closes."""
    with socket.create_connection(where, 20) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass


def test_r10_the_log_stays_bounded_and_printable_whatever_strangers_send(tmp_path: Path) -> None:
    arguments = ["-i", HOME, "-p", "0", "-P", "0", *allow(tmp_path, HASH), *list_loopback(tmp_path)]
    with Tracker(*arguments, sockets=2) as tracker:
        udp, tcp = tracker.endpoint("UDP"), tracker.endpoint("TCP")
        with socket.socket(family_of(HOME), socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.connect(udp)
            sock.send(bytes.fromhex("0000041727101980") + bytes(8))
            connection_id = sock.recv(100)[8:]
            for _ in range(TIMES):
                for packet in datagrams(connection_id):
                    sock.send(packet)
        for _ in range(TIMES):
            for request in requests():
                ask(tcp, request)
    assert len(tracker.lines) <= MOST + OTHER_LINES
    assert [line for line in tracker.lines if "6.6.6.6" in line and line.startswith("listening")] == []
    assert all(line.isprintable() for line in tracker.lines), tracker.lines
    assert all(len(line) <= LONGEST + 40 for line in tracker.lines)
    scrapes = [line for line in tracker.lines if line.endswith("FULL SCRAPE")]
    assert len(scrapes) < TIMES, "a line each is more than the log takes"
