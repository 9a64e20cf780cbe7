"""WebSockets that are idle after one announce each: what they take of the server's memory.

usage: websocket_idle.py HOST PORT PID CLIENTS
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Final

from load.reporting import Measurement, resident_kib

UPGRADE: Final = (
    b"GET /announce HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
IN_A_SWARM: Final = 20
OFFERS: Final = 5  # of bittorrent-tracker's client
SDP: Final = "v=0\r\n" + "a=candidate:1 1 UDP 2122317823 192.0.2.1 50000 typ host\r\n" * 11  # of 600 bytes


def frame(message: object) -> bytes:
    """A masked text frame of more than 125 bytes; the mask is zero, which costs the server the same."""
    data = json.dumps(message, separators=(",", ":")).encode()
    assert 125 < len(data) < 65536
    return b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data


def announce(number: int) -> bytes:
    """The announce of a browser, with offers."""
    offers = [
        {"offer": {"type": "offer", "sdp": SDP}, "offer_id": f"{number:010}{offer:010}"}
        for offer in range(OFFERS)
    ]
    return frame(
        {
            "action": "announce",
            "info_hash": f"{number // IN_A_SWARM:020}",
            "peer_id": f"-WW0208-{number:012}",
            "numwant": OFFERS,
            "uploaded": 0,
            "downloaded": 0,
            "left": 1000,
            "offers": offers,
        }
    )


def opened(host: str, port: int, number: int) -> socket.socket:
    """A WebSocket whose announce is answered."""
    sock = socket.create_connection((host, port))
    sock.sendall(UPGRADE)
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(4096)
    if not received.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"no upgrade: {received!r}")
    sock.sendall(announce(number))
    while b'"interval":' not in received:
        received += sock.recv(65536)
    return sock


def main(host: str, port: str, pid: str, clients: str) -> None:
    first = [opened(host, int(port), number) for number in range(64)]
    before = resident_kib(int(pid))
    measurement = Measurement(int(pid))
    made = [opened(host, int(port), number) for number in range(len(first), len(first) + int(clients))]
    grown = resident_kib(int(pid)) - before
    measurement.print_report(len(made), grown * 1024, [], 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
