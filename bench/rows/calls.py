"""The row on system calls: what one HTTP connection and one batch of datagrams take, as strace counts them."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import BenchError
from harness.servers import MAGIC, running
from harness.tables import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.servers import Running
    from harness.setting import Bench

BATCH: Final = 64
CONNECTIONS: Final = 16  # a server may sleep between two of them
TORRENTS: Final = 64  # of the whitelist
REQUEST: Final = b"GET /announce?info_hash=%b&peer_id=-BE0001-systemcalls00&port=6881&left=1 HTTP/1.1\r\n\r\n"
CALL: Final = re.compile(r"^(?:\d+ +)?(\w+)\(", re.MULTILINE)
PATIENCE: Final = 10.0  # seconds
SETTLED: Final = 0.2  # seconds after the last answer: the loop waits again


def calls(bench: Bench) -> None:
    """System calls of an HTTP connection, and of 64 datagrams that wait together (needs `strace`)."""
    if shutil.which("strace") is None:
        raise BenchError("no strace: apt-get install strace")
    whitelist = bench.programs.whitelist(TORRENTS)
    lines = []
    for contender in bench.contenders("c", "compiled", "pure"):
        for what, ask, size in (
            ("an HTTP connection", connections, CONNECTIONS),
            (f"{BATCH} datagrams", datagrams, 1),
        ):
            with running(contender, bench.stage, whitelist) as server:
                counts = traced(server, bench.stage.directory / "strace.txt", ask)
            text = ", ".join(f"{name} {count / size:.3g}" for name, count in counts.most_common())
            lines.append([contender.name, what, f"{counts.total() / size:.3g}", text])
    print(table(["calls", "of", "in all", "each"], lines), end="\n\n", flush=True)


def traced(server: Running, path: Path, ask: Callable[[Running], None]) -> Counter[str]:
    """The server's system calls while it is asked; it is asked once before, so that first calls do not count."""
    ask(server)
    path.unlink(missing_ok=True)
    command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(path), "-p", str(server.process.pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: traces(server.process.pid, tracer.pid), "strace is not allowed to look at the server"
        )
        ask(server)
        time.sleep(SETTLED)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    return Counter(CALL.findall(path.read_text()))


def traces(pid: int, tracer: int) -> bool:
    """Whether a tracer has taken hold of a process."""
    return f"TracerPid:\t{tracer}\n" in Path(f"/proc/{pid}/status").read_text()


def wait_until(is_there: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + PATIENCE
    while not is_there():
        if time.monotonic() > end:
            raise BenchError(complaint)
        time.sleep(0.01)


def connections(server: Running) -> None:
    """Connections of an announce each, one behind the other; their requests have come before they are accepted."""
    request = REQUEST % (b"%41" * 20)
    for _ in range(CONNECTIONS):
        with socket.create_connection((server.host, server.port), PATIENCE) as client:
            client.sendall(request)
            while client.recv(1 << 16):
                pass


def datagrams(server: Running) -> None:
    """Connects that come while the server is stopped, so that they are there together."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((server.host, server.port))
        server.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(BATCH):
                client.send(struct.pack(">QII", MAGIC, 0, number))
        finally:
            server.process.send_signal(signal.SIGCONT)
        for _ in range(BATCH):
            client.recv(2048)
