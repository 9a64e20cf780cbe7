"""Bursts of announces over UDP that wait for a stopped tracker: how fast it answers them with its cores to itself.

A burst is sent while the tracker's processes are stopped, into the buffers of their sockets. Then they go on, and the
load sleeps until they are done. The kernel has noted when each answer arrived, so no process of the load runs while the
tracker is measured. The rate is that of the answers between a twentieth and six tenths of a burst: with two workers
both are busy then, whichever of them owns more of it.

For root: the buffers are larger than what others may have. The report is one line of JSON on standard output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Final

from load.reporting import cpu_seconds

MAGIC: Final = 0x41727101980
SO_RCVBUFFORCE: Final = 33  # of Linux, as the next one
SO_TIMESTAMPNS: Final = 35
BUFFER: Final = 64 << 20
SOCKETS: Final = 16  # of the load, so that two workers seldom wait for the lock of one
STEP: Final = 256  # announces under way at once while the population is announced
FIRST: Final = 1 / 20  # of a burst
LAST: Final = 6 / 10
LOOK_SECONDS: Final = 0.1
LOOKS: Final = 3
IDLE_SECONDS: Final = 0.001  # CPU time of all processes between two looks, at most, once a burst is answered
PATIENCE: Final = 20.0


@dataclass
class Client:
    """A socket, and its connection id."""

    sock: socket.socket
    connection_id: bytes

    @classmethod
    def of(cls, host: str, port: int) -> Client:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.connect((host, port))
        sock.send(struct.pack(">QII", MAGIC, 0, 1))
        sock.setblocking(False)
        client = cls(sock, b"")
        client.wait()
        client.connection_id = sock.recv(2048)[8:16]
        return client

    def wait(self) -> None:
        """Wait for an answer."""
        if not select.select([self.sock], [], [], PATIENCE)[0]:
            raise SystemExit(f"bursts: no answer within {PATIENCE:.0f} s")

    def times(self) -> list[float]:
        """When the answers that are there arrived, in seconds of the system's clock."""
        found: list[float] = []
        while True:
            try:
                answer, beside, _, _ = self.sock.recvmsg(2048, 64)
            except BlockingIOError:
                return found
            if answer[:4] != struct.pack(">I", 1):
                raise SystemExit(f"bursts: no answer to an announce: {answer!r}")
            seconds, nanoseconds = struct.unpack("@qq", beside[0][2])
            found.append(seconds + nanoseconds / 1e9)


def population(peers: int, torrents: int) -> list[bytes]:
    """An announce of each peer, without its connection id: torrents are drawn by Zipf's law, as in population.h."""
    draw = random.Random(1)
    hashes = [hashlib.sha1(str(number).encode()).digest() for number in range(torrents)]
    weights = list(accumulate(1 / rank for rank in range(1, torrents + 1)))
    drawn = draw.choices(hashes, cum_weights=weights, k=peers)
    return [
        struct.pack(
            ">II20s20sQQQIIIiH", 1, n, drawn[n], b"-BE0001-bursts", 0, n % 3, 0, 0, 0, n, 50, 1024 + n % 64000
        )
        for n in range(peers)
    ]


def workers_of(pid: int) -> list[int]:
    """The processes that serve: the children of a supervisor, or the only one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] or [pid]


def announce_all(clients: list[Client], announces: list[bytes]) -> None:
    """Announce every peer once."""
    for at in range(0, len(announces), STEP):
        client = clients[at // STEP % len(clients)]
        some = announces[at : at + STEP]
        for announce in some:
            client.sock.send(client.connection_id + announce)
        answered = 0
        while answered < len(some):
            client.wait()
            answered += len(client.times())


def stop(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)


def used_by(pids: list[int]) -> float:
    return sum(map(cpu_seconds, pids))


def wait_until_idle(pids: list[int]) -> None:
    """Sleep until the processes have used no CPU time to speak of at several looks."""
    before = used_by(pids)
    idle = 0
    while idle < LOOKS:
        time.sleep(LOOK_SECONDS)
        used = used_by(pids)
        idle = idle + 1 if used - before < IDLE_SECONDS else 0
        before = used


def burst(pids: list[int], clients: list[Client], announces: list[bytes]) -> dict[str, float]:
    """Send a burst and have it answered."""
    stop(pids)
    try:
        for number, announce in enumerate(announces):
            client = clients[number % len(clients)]
            client.sock.send(client.connection_id + announce)
        before = used_by(pids)
        load = time.process_time()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_until_idle(pids)
    took = time.process_time() - load
    used = used_by(pids) - before
    times = sorted(arrived for client in clients for arrived in client.times())
    first, last = round(FIRST * len(announces)), round(LAST * len(announces))
    if len(times) <= last:
        raise SystemExit(f"bursts: {len(times)} answers to {len(announces)} announces")
    whole = times[-1] - times[0]
    return {
        "answers_per_second": (last - first) / (times[last] - times[first]),
        "cpu_us_per_answer": used / len(times) * 1e6,
        "lost": len(announces) - len(times),
        "server_busy": used / whole,
        "load_busy": took / whole,
        "p99": (times[len(times) * 99 // 100] - times[0]) * 1e6,  # since the first answer
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--pid", type=int, required=True, help="the server's process; its children are workers"
    )
    parser.add_argument("--torrents", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=1, help="(one)")
    parser.add_argument("--bursts", type=int, default=20)
    parser.add_argument("--size", type=int, default=16_000, help="of a burst, in announces")
    options = parser.parse_args()
    announces = population(options.peers, options.torrents)
    pids = workers_of(options.pid)
    clients = [Client.of(options.host, options.port) for _ in range(SOCKETS)]
    announce_all(clients, announces)
    draw = random.Random(2)
    found = [burst(pids, clients, draw.choices(announces, k=options.size)) for _ in range(options.bursts)]
    report = {key: median(each[key] for each in found) for key in found[0]}
    lost = sum(each["lost"] for each in found)
    answers = options.bursts * options.size - lost
    latency = {"p99": report.pop("p99")}
    more = {"answers": answers, "timeouts": lost, "errors": {}, "latency_us": latency}
    print(json.dumps({**report, **more}))


if __name__ == "__main__":
    main()
