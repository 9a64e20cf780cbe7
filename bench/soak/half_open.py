"""Thousands of handshakes of TLS that never end, and an honest client beside them.

`python bench/soak/half_open.py --handshakes 5000`, on Linux, with a build that has WANT_TLS. Clients of one address
open connections and send a hello; a tenth sends it byte by byte, one each second. None goes on. An honest client
announces over one new connection after the other meanwhile. At the deadline the tracker has to close them all. Then
the same is done at a tracker with its usual limit on the connections of one address, with the honest client elsewhere.
Results are Markdown; the exit status is 1 if a verdict falls short.
"""

from __future__ import annotations

import argparse
import re
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as `run.py` has it: bench/

from load.reporting import cpu_seconds, resident_kib

HOST: Final = "127.0.0.1"
ELSEWHERE: Final = "127.0.0.2"
NAME: Final = "localhost"
REQUEST: Final = (
    b"GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=-BE0001-abcdefghijkl&port=6881&left=1&compact=1 "
    b"HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
)
LISTENING: Final = re.compile(r"listening on \S+ [\d.]+:(\d+)")
DRIBBLING: Final = 10  # one in ten clients sends its hello byte by byte
ONE_EACH: Final = 50  # hellos between two announces of the honest client
HONEST: Final = 100  # announces while all handshakes are open
DEADLINE: Final = 60.0  # seconds: OT_CLIENT_TIMEOUT of 30, a sweep each 10, and the time to close them
MOST_OPENING: Final = 25.0
MOST_EACH: Final = 64.0  # KiB of a handshake
PATIENCE: Final = 30.0  # seconds for a start or an answer


@dataclass
class Seen:
    """The findings of a run: handshakes opened and still open, the memory of each, latencies in milliseconds."""

    opened: int = 0
    opening: float = 0.0  # seconds, in which none may reach its deadline
    refused: int = 0
    each_kib: float = 0.0
    cpu_us: float = 0.0
    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    ended_after: float = 0.0  # seconds from the last hello to the end of the last connection
    left: int = 0  # connections that the tracker did not end

    def faults(self, *, limited: bool) -> list[str]:
        """Why this is not good enough."""
        found = []
        if self.opening > MOST_OPENING:
            found.append(f"opening took {self.opening:.0f} s, so that the first ones were at their deadline")
        if self.wrong or not self.latencies:
            found.append(f"{self.wrong} of the honest announces were not answered")
        if self.left:
            found.append(f"{self.left} handshakes were not ended after {DEADLINE:.0f} s")
        if self.each_kib > MOST_EACH:
            found.append(f"a handshake takes {self.each_kib:.0f} KiB, more than {MOST_EACH:.0f}")
        if bool(self.refused) != limited:
            found.append(f"{self.refused} connections were refused")
        return found


class Served:
    """A tracker with a TLS port; its certificate is of `localhost`."""

    def __init__(self, command: list[str], directory: Path, *options: str) -> None:
        self.certificate, key = directory / "cert.pem", directory / "cert.key"
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        make += ["-keyout", str(key), "-out", str(self.certificate), "-subj", "/CN=localhost"]
        subprocess.run([*make, "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        key.chmod(0o644)
        config = directory / "conf"
        lines = [f"listen.tls {HOST}:0", f"tls.certificate {self.certificate}", f"tls.key {key}", *options]
        config.write_text("".join(f"{line}\n" for line in lines))
        self.process = subprocess.Popen(
            [*command, "-d", str(directory), "-f", str(config)], stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        found = None
        while found is None:
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit("the tracker has not started")
            found = LISTENING.search(line)
        self.port = int(found[1])
        self.context = ssl.create_default_context(cafile=str(self.certificate))

    def announce(self, source: str) -> bool:
        """Announce over a new connection; returns whether the answer is right."""
        try:
            plain = socket.create_connection((HOST, self.port), PATIENCE, (source, 0))
            with self.context.wrap_socket(plain, server_hostname=NAME) as connection:
                connection.sendall(REQUEST)
                answer = b""
                while data := connection.recv(65536):
                    answer += data
        except OSError:
            return False
        return answer.startswith(b"HTTP/1.1 200 ") and b"8:interval" in answer

    def timed(self, seen: Seen, source: str) -> None:
        """Announce, and note how it went."""
        began = time.monotonic()
        seen.wrong += not self.announce(source)
        seen.latencies.append((time.monotonic() - began) * 1000)

    def hello(self) -> bytes:
        """The first records of a client."""
        outgoing = ssl.MemoryBIO()
        session = self.context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME)
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


def attack(served: Served, handshakes: int, honest: str) -> Seen:
    """Open handshakes, watch the honest client, and wait for their end."""
    seen = Seen()
    for _ in range(ONE_EACH):
        seen.wrong += not served.announce(honest)
    pid, records = served.process.pid, served.hello()
    memory, cpu = resident_kib(pid), cpu_seconds(pid)
    clients: list[socket.socket] = []
    dribbling: list[tuple[socket.socket, int]] = []
    began = time.monotonic()
    for number in range(handshakes):
        client = socket.create_connection((HOST, served.port), PATIENCE)
        clients.append(client)
        if number % DRIBBLING:
            client.sendall(records)
        else:
            dribbling.append((client, 0))
        if number % ONE_EACH == 0:
            served.timed(seen, honest)
    dribbling = dribble(dribbling, records)
    for _ in range(HONEST):
        served.timed(seen, honest)
    last = time.monotonic()
    seen.opening = last - began
    seen.refused = len(ended(clients, 1.0))
    seen.opened = handshakes - seen.refused
    seen.each_kib = (resident_kib(pid) - memory) / max(seen.opened, 1)
    seen.cpu_us = (cpu_seconds(pid) - cpu) / handshakes * 1e6
    clients = [client for client in clients if client.fileno() >= 0]
    while clients and time.monotonic() < last + DEADLINE:
        dribbling = dribble(dribbling, records)
        gone = ended(clients, 1.0)
        if gone:
            seen.ended_after = time.monotonic() - last
            clients = [client for client in clients if client.fileno() >= 0]
        served.timed(seen, honest)
    seen.left = len(clients)
    for client in clients:
        client.close()
    return seen


def dribble(clients: list[tuple[socket.socket, int]], records: bytes) -> list[tuple[socket.socket, int]]:
    """Send the next byte of each client that is still connected."""
    rest = []
    for client, at in clients:
        if client.fileno() < 0:
            continue
        try:
            client.send(records[at : at + 1])
        except OSError:
            continue
        rest.append((client, at + 1))
    return rest


def ended(clients: list[socket.socket], seconds: float) -> list[socket.socket]:
    """Close, and return, those that the tracker ends within a time; the tracker's records are read and dropped."""
    poll = select.poll()
    by_number = {client.fileno(): client for client in clients if client.fileno() >= 0}
    for number in by_number:
        poll.register(number, select.POLLIN)
    found = []
    end = time.monotonic() + seconds
    while by_number and (rest := end - time.monotonic()) > 0:
        for number, _ in poll.poll(rest * 1000):
            try:
                data = by_number[number].recv(65536)
            except OSError:
                data = b""
            if not data:
                poll.unregister(number)
                client = by_number.pop(number)
                client.close()
                found.append(client)
    return found


def report(name: str, seen: Seen) -> str:
    """One line of the table."""
    ordered = sorted(seen.latencies)
    median, worst = ordered[len(ordered) // 2], ordered[-1]
    return (
        f"| {name} | {seen.opened} | {seen.refused} | {seen.each_kib:.1f} | {seen.cpu_us:.0f} | "
        f"{len(ordered)}, {seen.wrong} | {median:.1f}, {worst:.1f} | {seen.ended_after:.0f} s | {seen.left} |"
    )


HEADS: Final = (
    "| limit of one address | half-open | refused | KiB each | µs CPU each | honest announces, failed | "
    "their ms: median, most | all ended after | left |\n|" + " --- |" * 9
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/soak/half_open.py", description=__doc__)
    parser.add_argument("--handshakes", type=int, default=5000, help="(default: %(default)s)")
    parser.add_argument(
        "--command",
        nargs="+",
        default=[sys.executable, "-P", "-m", "opentracker"],
        help="(default: that of this Python)",
    )
    options = parser.parse_args()
    faults = []
    print(HEADS)
    for name, setting, honest in (
        ("none", f"limits.connections_per_address 0\nlimits.connections {2 * options.handshakes}", HOST),
        ("by default", f"limits.connections {2 * options.handshakes}", ELSEWHERE),
    ):
        with tempfile.TemporaryDirectory(prefix="half-open-") as directory:
            Path(directory).chmod(0o755)  # root's tracker becomes nobody
            served = Served(options.command, Path(directory), setting)
            try:
                seen = attack(served, options.handshakes, honest)
            finally:
                served.close()
        print(report(name, seen), flush=True)
        faults += [f"{name}: {fault}" for fault in seen.faults(limited=name != "none")]
    for fault in faults:
        print(f"\nfalls short: {fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
