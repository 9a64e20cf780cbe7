"""A server that speaks as much NATS as a client needs to feel connected, or something else."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

INFO = b'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576}\r\n'
PATIENCE = 30.0


class FakeNats:
    """Greets every connection, answers pings, and says what a test tells it to say."""

    def __init__(self, greeting: bytes = INFO) -> None:
        self.greeting = greeting
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.accepted = 0
        self.connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Be gone, with all connections."""
        for sock in (self.listener, *self.connections):  # a thread that waits in accept() keeps it open
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for sock in (self.listener, *self.connections):
            sock.close()

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            self.accepted += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock: socket.socket) -> None:
        try:
            sock.sendall(self.greeting)
            with sock.makefile("rb") as lines:
                for line in lines:
                    if line.startswith(b"PING"):
                        sock.sendall(b"PONG\r\n")
        except OSError:
            return

    def say(self, words: bytes) -> None:
        """Send something to the latest client."""
        self.connections[-1].sendall(words)

    def wait_for(self, connections: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.accepted < connections:
            assert time.monotonic() < end, "no client has connected"
            time.sleep(0.01)
