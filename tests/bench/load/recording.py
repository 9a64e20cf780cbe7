"""Trackers that answer a load without storing anything, and remember the requests."""

import socket
import struct
import threading
from typing import Final

CONNECT: Final = 0
ANNOUNCE: Final = 1
HTTP_ANSWER: Final = b"d8:completei0e10:incompletei1e8:intervali1800e5:peers0:e"


class UdpRecorder(threading.Thread):
    """Answers connects and announces, and keeps the source, the action and the rest of each request."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]
        self.requests: list[tuple[str, int, bytes]] = []

    def run(self) -> None:
        while True:
            packet, source = self.sock.recvfrom(2048)
            if not packet:
                return
            action, transaction = struct.unpack(">II", packet[8:16])
            self.requests.append((source[0], action, packet[16:]))
            rest = bytes(8) if action == CONNECT else struct.pack(">III", 1800, 1, 0)
            self.sock.sendto(struct.pack(">II", action, transaction) + rest, source)

    def announces(self) -> list[tuple[str, bytes, int]]:
        """The source, info_hash and port of each announce."""
        return [
            (source, rest[:20], int.from_bytes(rest[80:82], "big"))
            for source, action, rest in self.requests
            if action == ANNOUNCE
        ]

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.join()
        self.sock.close()


class HttpRecorder(threading.Thread):
    """Answers one request a connection, and keeps the source and the text of each."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.requests: list[tuple[str, str]] = []

    def run(self) -> None:
        while True:
            client, source = self.listener.accept()
            with client:
                request = client.recv(4096)
                if not request:
                    return
                self.requests.append((source[0], request.decode()))
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(HTTP_ANSWER)}\r\n\r\n"
                client.sendall(head.encode() + HTTP_ANSWER)

    def close(self) -> None:
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.join()
        self.listener.close()
