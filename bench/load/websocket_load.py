"""Browsers: announces with offers over WebSockets, whose offers are answered; or idle ones.

Each client has one announce under way and answers each offer that it gets. Messages are counted in both directions:
announces and answers that come in, answers to announces and forwarded messages that go out.

usage: websocket_load.py busy HOST PORT PID SECONDS CLIENTS
       websocket_load.py idle HOST PORT PID CLIENTS
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from load.reporting import Measurement, resident_kib

if TYPE_CHECKING:
    from collections.abc import Callable

UPGRADE: Final = (
    b"GET /announce HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
IN_A_SWARM: Final = 20
# Announces that are made before the load, each with ids of its own: two offers under way with one id are one.
SETS: Final = 8
OFFERS: Final = 5  # of bittorrent-tracker's client
SDP: Final = "v=0\r\n" + "a=candidate:1 1 UDP 2122317823 192.0.2.1 50000 typ host\r\n" * 11  # of 600 bytes
PEER_ID: Final = re.compile(rb'"peer_id":"([^"]+)"')
OFFER_ID: Final = re.compile(rb'"offer_id":"([^"]+)"')
WARMUP: Final = 1.0  # seconds


def frame(message: object) -> bytes:
    """A masked text frame of more than 125 bytes; the mask is zero, which costs the server the same."""
    data = json.dumps(message, separators=(",", ":")).encode()
    assert 125 < len(data) < 65536
    return b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data


class Client:
    """One browser."""

    def __init__(self, host: str, port: int, number: int) -> None:
        self.sock = socket.create_connection((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(UPGRADE)
        self.received = b""
        while b"\r\n\r\n" not in self.received:
            self.received += self.sock.recv(4096)
        if not self.received.startswith(b"HTTP/1.1 101"):
            raise SystemExit(f"no upgrade: {self.received!r}")
        self.received = self.received.partition(b"\r\n\r\n")[2]
        self.message = {
            "action": "announce",
            "info_hash": f"{number // IN_A_SWARM:020}",
            "peer_id": f"-WW0208-{number:012}",
            "numwant": OFFERS,
            "uploaded": 0,
            "downloaded": 0,
        }
        self.announces = [self.announce_with(number, part * OFFERS) for part in range(SETS)]
        self.answer = {**self.message, "answer": {"type": "answer", "sdp": SDP}}
        self.asked_at = 0.0

    def announce_with(self, number: int, first: int) -> bytes:
        """An announce with offers, whose ids begin with this one."""
        offers = [
            {"offer": {"type": "offer", "sdp": SDP}, "offer_id": f"{number:010}{offer:010}"}
            for offer in range(first, first + OFFERS)
        ]
        return frame({**self.message, "left": 1000, "offers": offers})

    def messages(self) -> list[bytes]:
        """The whole messages that have come."""
        self.received += self.sock.recv(65536)
        found = []
        at = 0
        while len(self.received) >= at + 4:
            size, start = self.received[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(self.received[start : start + 2], "big"), start + 2
            if len(self.received) < start + size:
                break
            found.append(self.received[start : start + size])
            at = start + size
        self.received = self.received[at:]
        return found

    def ask(self, now: float) -> None:
        self.asked_at = now
        self.announces.append(self.announces.pop(0))
        self.sock.sendall(self.announces[0])

    def answer_offer(self, message: bytes) -> bool:
        """Answer an offer; returns whether the message was one."""
        if b'"offer":' not in message:
            return False
        to_peer_id, offer_id = PEER_ID.search(message), OFFER_ID.search(message)
        if to_peer_id is None or offer_id is None:
            return False
        more = {"to_peer_id": to_peer_id[1].decode(), "offer_id": offer_id[1].decode()}
        self.sock.sendall(frame({**self.answer, **more}))
        return True


class Load:
    """All browsers, until the time is over."""

    def __init__(self, clients: list[Client]) -> None:
        self.selector = selectors.DefaultSelector()
        for client in clients:
            self.selector.register(client.sock, selectors.EVENT_READ, client)
        self.latencies: list[float] = []
        self.messages = self.size = self.wrong = 0

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for key, _ in self.selector.select(0.1):
                client: Client = key.data
                for message in client.messages():
                    self.take(client, message, now)

    def take(self, client: Client, message: bytes, now: float) -> None:
        self.messages += 1
        self.size += len(message)
        if b'"interval":' in message:
            self.latencies.append(now - client.asked_at)
            client.ask(now)
            self.messages += 1
        elif client.answer_offer(message):
            self.messages += 1
        elif b'"answer":' not in message:
            self.wrong += 1


def busy(host: str, port: str, pid: str, seconds: str, clients: str) -> None:
    load = Load([Client(host, int(port), number) for number in range(int(clients))])
    for key in list(load.selector.get_map().values()):
        key.data.ask(time.monotonic())
    load.run(WARMUP)
    load.messages = load.size = 0
    load.latencies.clear()
    measurement = Measurement(int(pid))
    load.run(float(seconds))
    measurement.print_report(load.messages, load.size, load.latencies, load.wrong)


def idle(host: str, port: str, pid: str, clients: str) -> None:
    def opened(first: int, count: int) -> list[Client]:
        made = [Client(host, int(port), number) for number in range(first, first + count)]
        for client in made:
            client.ask(0.0)
            while not client.messages():
                pass
        return made

    first = opened(0, 64)
    before = resident_kib(int(pid))
    measurement = Measurement(int(pid))
    made = opened(len(first), int(clients))
    grown = resident_kib(int(pid)) - before
    measurement.print_report(len(made), grown * 1024, [], 0)


if __name__ == "__main__":
    modes: dict[str, Callable[..., None]] = {"busy": busy, "idle": idle}
    modes[sys.argv[1]](*sys.argv[2:])
