"""Announces over HTTPS, one after the other, by one client.

usage: https_load.py MODE HOST PORT PID SECONDS CA, where MODE is new, resumed or kept
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from typing import Final

from load.reporting import Measurement

NAME: Final = "localhost"
REQUEST: Final = (
    b"GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-BE0001-abcdefghijkl&port=6881&left=1&compact=1 "
    b"HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n%b\r\n"
)
WARMUP: Final = 50  # announces


class Client:
    """A client: each announce over a new connection, over one that resumes the first session, or over the same."""

    def __init__(self, mode: str, host: str, port: int, ca: str) -> None:
        self.mode = mode
        self.to = (host, port)
        self.context = ssl.create_default_context(cafile=ca)
        self.session: ssl.SSLSession | None = None
        self.kept: ssl.SSLSocket | None = None
        self.request = REQUEST % (b"" if mode == "kept" else b"Connection: close\r\n")

    def announce(self) -> bytes:
        """One announce; returns its answer."""
        connection = self.kept or self.connect()
        connection.sendall(self.request)
        answer = connection.recv(65536)
        while b"\r\n\r\n" not in answer or not answer.endswith(b"e"):
            answer += connection.recv(65536)
        if self.mode == "kept":
            self.kept = connection
        else:
            if self.mode == "resumed" and self.session is None:
                self.session = connection.session
            connection.close()
        return answer

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(self.to)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(plain, server_hostname=NAME, session=self.session)


def main(mode: str, host: str, port: str, pid: str, seconds: str, ca: str) -> None:
    client = Client(mode, host, int(port), ca)
    for _ in range(WARMUP):
        client.announce()
    measurement = Measurement(int(pid))
    end = time.monotonic() + float(seconds)
    latencies: list[float] = []
    size = wrong = 0
    began = time.monotonic()
    while began < end:
        answer = client.announce()
        size += len(answer)
        wrong += not answer.startswith(b"HTTP/1.1 200 ")
        now = time.monotonic()
        latencies.append(now - began)
        began = now
    measurement.print_report(len(latencies), size, latencies, wrong)


if __name__ == "__main__":
    main(*sys.argv[1:])
