"""Servers under measurement: how each is started, that it answers, that it ends, by its process id."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.scheduling import Place

READY_SECONDS: Final = 30.0  # a list of a million hashes is loaded by then
STOP_SECONDS: Final = 10.0
MAGIC: Final = 0x41727101980
STARTED: Final = 2
STOPPED: Final = 3


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that takes part: its name in the tables, and its command.

    In the command `{host}`, `{port}`, `{whitelist}` and `{directory}` stand for what a run chooses.
    `families` are the address families that it can serve, `udp` is false for a server of HTTP alone. `is_root`: a bench
    that runs as root starts it as root, and it gives its rights up by itself.
    """

    name: str
    command: tuple[str, ...]
    families: tuple[int, ...] = (4, 6)
    udp: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    is_root: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """The core of the servers, and a directory that an unprivileged user can read."""

    directory: Path
    place: Place


@dataclass(frozen=True, slots=True)
class Running:
    process: subprocess.Popen[bytes]
    host: str
    port: int
    log: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        """A load generator's options that point it at the server."""
        return ("--host", self.host, "--port", str(self.port), "--pid", str(self.process.pid))

    def workers(self) -> list[int]:
        """The server's children, in the order of their start; none of a tracker of one process."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def running(
    contender: Contender, stage: Stage, whitelist: Path, host: str = "127.0.0.1"
) -> Iterator[Running]:
    """Start a server, wait until it serves the whitelist's last torrent, and end it by its process id."""
    port = free_port(host)
    values = {"host": host, "port": port, "whitelist": whitelist, "directory": stage.directory}
    command = [part.format_map(values) for part in contender.command]
    log_path = stage.directory / f"{contender.name}.log"
    with log_path.open("wb") as log:
        process = stage.place.start(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=stage.directory,
            env={**os.environ, **contender.environment},
            **({} if contender.is_root else unprivileged()),
        )
        try:
            wait_until_ready(process, contender, host, port, last_hash(whitelist))
            yield Running(process, host, port, log_path)
            if process.poll() is not None:
                raise BenchError(
                    f"{contender.name} ended by itself with {process.returncode}: {tail(log_path)}"
                )
        except NotReadyError as error:
            raise BenchError(f"{' '.join(command)}: {error}: {tail(log_path)}") from None
        finally:
            stop(process)


@contextmanager
def spinner(place: Place) -> Iterator[None]:
    """Take half of the server's core away, with a loop that touches no memory.

    On the loopback interface a connection costs its client more than its server, so the server would run dry and
    sleep between two connections, the faster it is the more often. Half a core keeps it in work.
    """
    process = place.start(["/bin/sh", "-c", "while :; do :; done"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def unprivileged() -> dict[str, Any]:
    """As root, a server is started as nobody: the C tracker would otherwise change its root directory."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


class NotReadyError(Exception):
    pass


def wait_until_ready(
    process: subprocess.Popen[bytes], contender: Contender, host: str, port: int, info_hash: bytes
) -> None:
    """Ask until an announce for the torrent is answered as one (a refusal is shorter)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_DGRAM if contender.udp else socket.SOCK_STREAM
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NotReadyError(f"ended with {process.returncode}")
        # A new socket each time: a late answer is not taken for another.
        with socket.socket(family, kind) as client:
            client.settimeout(0.2)
            try:
                client.connect((host, port))
                if announces(client, info_hash) if contender.udp else answers_http(client):
                    return
            except (ConnectionRefusedError, TimeoutError):
                pass  # not bound yet, or its list is still being read
        time.sleep(0.05)
    raise NotReadyError(f"no answer to an announce within {READY_SECONDS:.0f} s")


def announces(client: socket.socket, info_hash: bytes) -> bool:
    """Whether an announce gets an announce's answer; the peer is taken back.

    A `stopped` announce alone would not do: the C tracker lets it through while its list is still being read.
    """
    client.send(struct.pack(">QII", MAGIC, 0, 1))
    connection_id = client.recv(2048)[8:16]
    answers = []
    for transaction, event in ((2, STARTED), (3, STOPPED)):
        request = (1, transaction, info_hash, b"-BE0001-readiness000", 0, 1, 0, event, 0, 0, 0, 6881)
        client.send(connection_id + struct.pack(">II20s20sQQQIIIiH", *request))
        answers.append(client.recv(2048))
    return len(answers[0]) >= 20 and answers[0][:8] == struct.pack(">II", 1, 2)


def answers_http(client: socket.socket) -> bool:
    """Whether an HTTP request is answered with status 200."""
    client.send(b"GET /announce HTTP/1.1\r\nHost: bench\r\n\r\n")
    return client.recv(2048).startswith(b"HTTP/1.1 200 ")


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()


def free_port(host: str) -> int:
    """A port that is free for TCP and UDP at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with (
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((host, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((host, port))
            except OSError:
                continue
            return port


def last_hash(whitelist: Path) -> bytes:
    with whitelist.open("rb") as file:
        file.seek(-41, os.SEEK_END)
        return bytes.fromhex(file.read(40).decode())


def tail(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-3:]) or "(it logged nothing)"
