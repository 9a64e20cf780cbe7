"""A tracker is upgraded under load, and workers and supervisors are killed under load: what is lost.

`python bench/soak/upgrades.py --peers 1000000 --rate 20000 --workers 1 2`, on Linux. A tracker is filled with peers
over UDP. Then announces come at the rate, and in the middle of them, by turns, the tracker is upgraded (SIGUSR2), a
worker is killed with SIGKILL, and the supervisor is. Each announce has a transaction id of its own, so each answer is
known. Afterwards every torrent is scraped, and its peers are compared with those whose announces were answered.

Results are Markdown. The exit status is 1 if an upgrade loses an announce or a peer, or an answer takes longer than
`--latest` seconds; if a killed worker costs peers of another one; or if a worker outlives its supervisor.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
MAGIC: Final = (0x41727101980).to_bytes(8, "big")
SCRAPED: Final = 70  # torrents in a datagram
WINDOW: Final = 1000  # announces under way while the tracker is filled
TICK: Final = 0.001  # seconds
PATIENCE: Final = 300.0  # seconds
BUFFER: Final = 32 << 20  # bytes of the client's socket
LISTENING: Final = re.compile(r"listening on UDP [\d.]+:(\d+)")
SERVES: Final = re.compile(r"upgrade: process (\d+) serves, after a pause of ([\d.]+) s")
OUTCOME: Final = re.compile("upgrade: process .* serves|the upgrade has failed")
SO_RCVBUFFORCE: Final = 33


class Line:
    """A tracker and those that follow it, by their common log."""

    def __init__(self, command: list[str], directory: Path, workers: int) -> None:
        config = directory / "conf"
        config.write_text(
            f"listen.udp {HOST}:0\ntracker.rootdir {directory}\nlisten.workers {workers}\ntracker.upgrade yes\n"
        )
        self.lines: list[str] = []
        self.has_changed = threading.Condition()
        self.process = subprocess.Popen(
            [*command, "-f", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.pid = self.process.pid
        threading.Thread(target=self.read, daemon=True).start()
        self.port = int(self.wait_for(LISTENING)[1])

    def read(self) -> None:
        """Read the log, in a thread of its own."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self.has_changed:
                self.lines.append(line)
                self.has_changed.notify_all()

    def found(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first line of a kind, if it has come."""
        return next((match for line in list(self.lines) if (match := pattern.search(line))), None)

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait for a line."""
        end = time.monotonic() + PATIENCE
        with self.has_changed:
            while (match := self.found(pattern)) is None:
                if not self.has_changed.wait(end - time.monotonic()) and time.monotonic() > end:
                    raise SystemExit(f"waited in vain for {pattern.pattern}: {self.lines[-5:]}")
        return match

    def children(self) -> list[int]:
        """The processes that the tracker has started, in order: the launcher, and the workers."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def end(self) -> None:
        """End it."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Load:
    """Announces of known peers, and their answers."""

    def __init__(self, port: int, torrents: int, seed: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(
            socket.SOL_SOCKET, SO_RCVBUFFORCE if os.geteuid() == 0 else socket.SO_RCVBUF, BUFFER
        )
        self.sock.connect((HOST, port))
        self.torrents = [
            blake2b(number.to_bytes(8, "big"), digest_size=20).digest() for number in range(torrents)
        ]
        self.dice = random.Random(seed)
        self.sent: list[float] = []  # times, by transaction id
        self.numbers: list[int] = []  # of the peer that was announced, by transaction id
        self.answered = bytearray()
        self.latest = 0.0
        self.answers = 0
        self.known: set[int] = set()  # peers whose announce was answered
        self.sock.settimeout(5.0)
        self.sock.send(MAGIC + bytes(8))
        self.id = self.sock.recv(64)[8:16]
        self.sock.setblocking(False)
        self.head = self.id + (1).to_bytes(4, "big")
        self.middle = b"-OK0001-upgrades-..." + bytes(8) + (1).to_bytes(8, "big") + bytes(20)
        self.middle += b"\0\0\0\0"  # numwant

    def announce(self, peer: int) -> bool:
        """Announce the peer with a number; False if the socket is full."""
        transaction = len(self.sent)
        torrent, port = peer % len(self.torrents), 1024 + peer // len(self.torrents)
        packet = b"".join(
            (
                self.head,
                transaction.to_bytes(4, "big"),
                self.torrents[torrent],
                self.middle,
                port.to_bytes(2, "big"),
            )
        )
        try:
            self.sock.send(packet)
        except (BlockingIOError, ConnectionRefusedError):  # the second one: the tracker is gone
            return False
        self.sent.append(time.monotonic())
        self.numbers.append(peer)
        self.answered.append(0)
        return True

    def receive(self) -> None:
        """Take the answers that have come."""
        while True:
            try:
                answer = self.sock.recv(2048)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            if answer[:4] != b"\0\0\0\1":
                raise SystemExit(f"an answer that is none: {answer!r}")
            transaction = int.from_bytes(answer[4:8], "big")
            if not self.answered[transaction]:
                self.answered[transaction] = 1
                self.answers += 1
                self.known.add(self.numbers[transaction])
                took = time.monotonic() - self.sent[transaction]
                self.latest = max(self.latest, took)

    def fill(self, peers: int) -> None:
        """Announce each peer once, as fast as the tracker answers."""
        for peer in range(peers):
            while len(self.sent) - self.answers >= WINDOW or not self.announce(peer):
                self.receive()
        self.drain(60.0)
        self.latest = 0.0

    def run(self, rate: int, seconds: float, peers: int) -> None:
        """Announce at a rate: nine of ten are known peers, and one is new."""
        begin = time.monotonic()
        sent = 0
        while (passed := time.monotonic() - begin) < seconds:
            while sent < passed * rate:
                new = self.dice.random() < 0.1
                if not self.announce(peers + len(self.sent) if new else self.dice.randrange(peers)):
                    break
                sent += 1
            self.receive()
            time.sleep(TICK)

    def drain(self, seconds: float) -> None:
        """Wait for the answers that are missing, so long."""
        end = time.monotonic() + seconds
        while self.answers < len(self.sent) and time.monotonic() < end:
            self.receive()
            time.sleep(TICK)

    def lost_peers(self) -> tuple[int, int]:
        """Peers that were announced with an answer and are not there; and torrents that they are of."""
        expected = Counter(peer % len(self.torrents) for peer in self.known)
        lost = torrents = 0
        self.sock.setblocking(True)
        self.sock.settimeout(5.0)
        wanted = sorted(expected)
        for start in range(0, len(wanted), SCRAPED):
            asked = wanted[start : start + SCRAPED]
            packet = (
                self.id + (2).to_bytes(4, "big") + b"scra" + b"".join(self.torrents[each] for each in asked)
            )
            self.sock.send(packet)
            while (answer := self.sock.recv(4096))[4:8] != b"scra":
                pass
            for number, torrent in enumerate(asked):
                at = 8 + 12 * number
                there = int.from_bytes(answer[at : at + 4], "big") + int.from_bytes(
                    answer[at + 8 : at + 12], "big"
                )
                if there < expected[torrent]:
                    lost += expected[torrent] - there
                    torrents += 1
        self.sock.setblocking(False)
        return lost, torrents


@dataclass
class Outcome:
    """One thing done to a tracker under load."""

    what: str
    sent: int = 0
    answered: int = 0
    latest: float = 0.0
    lost_peers: int = 0
    of_torrents: int = 0
    words: str = ""
    fault: str = ""

    def row(self) -> str:
        """The row of the table."""
        return (
            f"| {self.what} | {self.sent} | {self.answered} | {self.sent - self.answered} | {self.latest:.2f} s"
            f" | {self.lost_peers} | {self.words} |"
        )


def during(load: Load, rate: int, peers: int, seconds: float, action: threading.Thread) -> tuple[int, int]:
    """Announce before, while and after something is done."""
    load.latest = 0.0
    sent, answers = len(load.sent), load.answers
    load.run(rate, 2.0, peers)
    action.start()
    while action.is_alive():
        load.run(rate, 0.25, peers)
    load.run(rate, seconds, peers)
    load.drain(5.0)
    return len(load.sent) - sent, load.answers - answers


def upgrade(line: Line, load: Load, rate: int, peers: int, latest: float) -> Outcome:
    """Upgrade the tracker."""
    outcome = Outcome("upgrade")
    began = time.monotonic()
    took: list[float] = []

    def act() -> None:
        os.kill(line.pid, signal.SIGUSR2)
        line.wait_for(OUTCOME)
        took.append(time.monotonic() - began - 2.0)

    outcome.sent, outcome.answered = during(load, rate, peers, 3.0, threading.Thread(target=act))
    match = line.found(SERVES)
    if match is None:
        raise SystemExit("".join(line.lines[-20:]))
    outcome.latest = load.latest
    line.pid = int(match[1])
    outcome.lost_peers, outcome.of_torrents = load.lost_peers()
    outcome.words = f"{took[0]:.1f} s from the signal, a pause of {match[2]} s, {len(load.known)} peers"
    if outcome.sent != outcome.answered:
        outcome.fault = "announces without an answer"
    elif outcome.lost_peers:
        outcome.fault = "peers are forgotten"
    elif outcome.latest > latest:
        outcome.fault = "an answer came too late"
    return outcome


def kill_worker(line: Line, load: Load, rate: int, peers: int) -> Outcome:
    """Kill the last worker."""
    outcome = Outcome("kill -9 of a worker")
    victim = line.children()[-1]

    def act() -> None:
        os.kill(victim, signal.SIGKILL)
        line.wait_for(re.compile("serves again"))

    outcome.sent, outcome.answered = during(load, rate, peers, 2.0, threading.Thread(target=act))
    outcome.latest = load.latest
    outcome.lost_peers, outcome.of_torrents = load.lost_peers()
    share = outcome.of_torrents / len(load.torrents)
    outcome.words = f"torrents with a loss: {share:.3f} of all, the share of one worker"
    if outcome.sent - outcome.answered > 64:
        outcome.fault = "more announces than one batch are without an answer"
    return outcome


def kill_supervisor(line: Line, load: Load, rate: int, peers: int) -> Outcome:
    """Kill the supervisor: its workers have to end with it."""
    outcome = Outcome("kill -9 of the supervisor")
    children = line.children()

    def act() -> None:
        os.kill(line.pid, signal.SIGKILL)

    outcome.sent, outcome.answered = during(load, rate, peers, 1.0, threading.Thread(target=act))
    outcome.latest = load.latest
    alive = [pid for pid in children if is_running(pid)]
    outcome.words = f"{len(alive)} of {len(children)} processes outlive it by a second"
    if alive:
        outcome.fault = "orphans"
    return outcome


# Does something to a tracker under a load, at a rate, of that many peers.
Action = Callable[[Line, Load, int, int], Outcome]


def is_running(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/soak/upgrades.py", description=__doc__)
    parser.add_argument("--peers", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--torrents", type=int, default=300_000, help="(default: %(default)s)")
    parser.add_argument("--rate", type=int, default=20_000, help="announces a second (default: %(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="(default: 1 2)")
    parser.add_argument("--latest", type=float, default=2.0, help="seconds (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--command",
        nargs="+",
        default=[str(Path(sys.executable).with_name("opentracker"))],
        help="(default: that of this Python)",
    )
    options = parser.parse_args()
    head = "| what | sent | answered | without | latest answer | peers lost | |\n" + "| --- " * 7 + "|"
    print(
        f"{options.peers} peers of {options.torrents} torrents, {options.rate} announces a second\n\n{head}"
    )
    faults = []
    for workers in options.workers:
        with tempfile.TemporaryDirectory(prefix="upgrades-") as name:
            directory = Path(name)
            directory.chmod(0o777)  # root's tracker becomes nobody
            line = Line(options.command, directory, workers)
            try:
                load = Load(line.port, options.torrents, options.seed)
                load.fill(options.peers)
                print(f"filled: {load.answers}", file=sys.stderr, flush=True)
                actions: list[Action] = [partial(upgrade, latest=options.latest)]
                actions += [kill_worker, kill_supervisor] * (workers > 1)
                for action in actions:
                    outcome = action(line, load, options.rate, options.peers)
                    outcome.what = f"N = {workers}: {outcome.what}"
                    print(outcome.row(), flush=True)
                    if outcome.fault:
                        faults.append(f"{outcome.what}: {outcome.fault}")
            finally:
                line.end()
    print("\n" + ("\n".join(f"- {fault}" for fault in faults) or "No faults."))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
