"""A tracker is killed with SIGKILL under load, again and again: what each start after it has left of the peers.

`python bench/soak/kills.py --rounds 100 --interval 2`, on Linux. In each round a tracker with `tracker.state_interval`
starts empty, peers are announced over UDP as fast as it answers, each to a torrent of its own, and after a random time
the tracker is killed. The next start is asked for every torrent whose announce was answered.

Each peer has to be there that was answered before the last finished write began. So a kill loses at most the time
between two begins of writes, which is the interval (or the time of a write, if that is longer), and the time that the
write under way had taken. Results are Markdown; the exit status is 1 if a peer is missing that has to be there, or if a
start did not load the state.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
MAGIC: Final = (0x41727101980).to_bytes(8, "big")
BATCH: Final = 32  # announces that are under way
SCRAPED: Final = 74  # torrents in a datagram
PATIENCE: Final = 60.0  # seconds for a start or an answer
LISTENING: Final = re.compile(r"listening on UDP [\d.]+:(\d+)")
BEGUN: Final = "writing the state to "
WRITTEN: Final = "wrote the state to "
# Seconds by which the harness may see a line of the log too late, on a busy machine.
GRACE: Final = 0.1


class Killed:
    """A tracker's process, which reads and writes a state file; `seen` are the lines of its log with their times."""

    def __init__(self, command: list[str], directory: Path, interval: int) -> None:
        config = directory / "conf"
        config.write_text(
            f"listen.udp {HOST}:0\ntracker.rootdir {directory}\n"
            f"tracker.state_file {directory}/state\ntracker.state_interval {interval}s\nlog.level debug\n"
        )
        self.seen: list[tuple[float, str]] = []
        self.port = 0
        self.is_ready = threading.Event()
        self.process = subprocess.Popen(
            [*command, "-f", str(config)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if not self.is_ready.wait(PATIENCE) or not self.port:
            self.process.kill()
            raise SystemExit(f"the tracker does not start: {[line for _, line in self.seen][-5:]}")

    def read(self) -> None:
        """Read the log, in a thread of its own."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.seen.append((time.monotonic(), line))
            if found := LISTENING.search(line):
                self.port = int(found[1])
                self.is_ready.set()
        self.is_ready.set()

    def kill(self) -> float:
        """Kill it; returns the time."""
        killed = time.monotonic()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return killed

    def times_of(self, text: str) -> list[float]:
        """The times of the lines with a text."""
        return [moment for moment, line in self.seen if text in line]

    def has_loaded(self) -> bool:
        """Whether a state was loaded whole."""
        return any(" torrents loaded" in line for _, line in self.seen)


class Client:
    """Announces and scrapes over UDP; each request is repeated until it is answered."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(1.0)
        self.sock.connect((HOST, port))
        self.number = 0
        self.id = self.ask([MAGIC + bytes(4)])[0][8:16]

    def ask(self, requests: list[bytes]) -> list[bytes]:
        """The answers to requests, which have their action in bytes 8 to 12 and get a transaction id behind it."""
        waiting = {}
        for request in requests:
            self.number += 1
            transaction = self.number.to_bytes(4, "big")
            waiting[transaction] = request[:12] + transaction + request[12:]
        order, answers = list(waiting), {}
        end = time.monotonic() + PATIENCE
        while waiting:
            if time.monotonic() > end:
                raise SystemExit("the tracker does not answer")
            for packet in waiting.values():
                self.sock.send(packet)
            try:
                while waiting:
                    answer = self.sock.recv(4096)
                    if waiting.pop(answer[4:8], None) is not None:
                        answers[answer[4:8]] = answer
            except TimeoutError:
                continue
        return [answers[transaction] for transaction in order]

    def announce(self, info_hashes: list[bytes]) -> None:
        """Announce a leecher to each torrent."""
        tail = (
            b"-OK0001-kills-......"
            + bytes(8)
            + (1).to_bytes(8, "big")
            + bytes(20)
            + b"\xff\xff\xff\xff\x1a\xe1"
        )
        self.ask([self.id + (1).to_bytes(4, "big") + info_hash + tail for info_hash in info_hashes])

    def missing(self, info_hashes: list[bytes]) -> list[bytes]:
        """The torrents without a leecher."""
        found = []
        for at in range(0, len(info_hashes), SCRAPED):
            asked = info_hashes[at : at + SCRAPED]
            (answer,) = self.ask([self.id + (2).to_bytes(4, "big") + b"".join(asked)])
            for number, info_hash in enumerate(asked):
                if answer[8 + 12 * number + 8 : 8 + 12 * number + 12] == bytes(4):
                    found.append(info_hash)
        return found


@dataclass
class Round:
    """The outcome of a kill; times are seconds before it."""

    answered: int
    lost: int = 0
    oldest_lost: float = 0.0
    last_begin: float | None = None  # of the writes that had finished
    writing: bool = False  # whether a write was under way
    write_time: float = 0.0  # the longest write of the round
    faults: list[str] = field(default_factory=list)


def judge(
    killed: float,
    begun: list[float],
    written: list[float],
    answered: dict[bytes, float],
    missing: list[bytes],
) -> Round:
    """The outcome of a round from the times of its kill, of the begins and ends of its writes, and of its answers."""
    finished = begun[: len(written)]
    outcome = Round(len(answered), len(missing), writing=len(begun) > len(written))
    outcome.write_time = max(
        (end - begin for begin, end in zip(finished, written, strict=False)), default=0.0
    )
    if missing:
        outcome.oldest_lost = killed - min(answered[each] for each in missing)
    if finished:
        outcome.last_begin = killed - finished[-1]
        too_early = [each for each in missing if answered[each] < finished[-1] - GRACE]
        if too_early:
            outcome.faults.append(
                f"{len(too_early)} peers are missing that were answered before the last write began"
            )
    return outcome


def play(
    command: list[str], directory: Path, interval: int, seconds: float, torrents: random.Random
) -> tuple[float, list[float], list[float], dict[bytes, float]]:
    """Start a tracker, announce for some seconds, and kill it: the kill, begins and ends of writes, and the answers."""
    tracker = Killed(command, directory, interval)
    client = Client(tracker.port)
    answered: dict[bytes, float] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        info_hashes = [torrents.randbytes(20) for _ in range(BATCH)]
        client.announce(info_hashes)
        answered |= dict.fromkeys(info_hashes, time.monotonic())
    killed = tracker.kill()
    client.sock.close()
    return killed, tracker.times_of(BEGUN), tracker.times_of(WRITTEN), answered


def kill_rounds(command: list[str], directory: Path, rounds: int, interval: int, seed: int) -> list[Round]:
    """Kill as often as asked for, and look after each kill for what was answered."""
    dice = random.Random(seed)
    outcomes = []
    for number in range(rounds):
        seconds = interval * dice.uniform(1.2, 3.2)
        killed, begun, written, answered = play(command, directory, interval, seconds, dice)
        after = Killed(command, directory, 3600)
        client = Client(after.port)
        outcome = judge(killed, begun, written, answered, client.missing(list(answered)))
        if written and not after.has_loaded():
            outcome.faults.append("the state was not loaded")
        client.sock.close()
        after.kill()
        outcomes.append(outcome)
        print(f"{number + 1}: {outcome}", file=sys.stderr, flush=True)
        for name in ("state", "state.lock"):  # the next round begins empty, so that all rounds are alike
            (directory / name).unlink(missing_ok=True)
    return outcomes


def report(outcomes: list[Round], interval: int) -> str:
    """The outcomes as Markdown."""
    ages = [each.oldest_lost for each in outcomes]
    writes = [each.write_time for each in outcomes]
    rows = [
        ("kills, of them during a write", f"{len(outcomes)}, {sum(each.writing for each in outcomes)}"),
        ("interval", f"{interval} s"),
        (
            "announces answered, lost",
            f"{sum(each.answered for each in outcomes)}, {sum(each.lost for each in outcomes)}",
        ),
        ("longest write", f"{max(writes):.2f} s"),
        ("oldest loss before the kill: median, most", f"{statistics.median(ages):.2f} s, {max(ages):.2f} s"),
        ("most beyond interval and longest write", f"{max(ages) - interval - max(writes):.2f} s"),
        ("faults", str(sum(bool(each.faults) for each in outcomes))),
    ]
    return "| what | figure |\n| --- | --- |\n" + "".join(f"| {what} | {figure} |\n" for what, figure in rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/soak/kills.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="kills (default: %(default)s)")
    parser.add_argument(
        "--interval", type=int, default=2, help="seconds between two writes (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument(
        "--command",
        nargs="+",
        default=[sys.executable, "-P", "-m", "opentracker"],
        help="(default: that of this Python)",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        directory = Path(name)
        directory.chmod(0o777)  # root's tracker becomes nobody
        outcomes = kill_rounds(options.command, directory, options.rounds, options.interval, options.seed)
    print(report(outcomes, options.interval))
    return int(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
