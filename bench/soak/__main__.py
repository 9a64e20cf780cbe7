"""A day's trouble in half an hour: mixed load at half of the peak, strangers, reloads, state files, a SIGKILL.

For root on Linux: `python bench/soak`, `--help` for the rest. All of it happens on the loopback interface of a network
namespace of its own. The server is a wheel of this checkout as an operator runs it, as nobody in a root directory of
its own, with a peer timeout of ten minutes, so that what expires does so within the run. Each minute's load is measured
by itself; between two of them the server recounts its store. Results are Markdown on standard output, progress is on
standard error; the exit status is 1 if a verdict falls short.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as `run.py` has it: bench/

from harness import wheels
from harness.errors import BenchError
from harness.paths import BENCH, ROOT
from harness.programs import Programs, alone, build_programs
from harness.scheduling import Place
from harness.tables import circumstances
from soak.operating import HOST, PATIENCE, PORT, Operated, torrents_in
from soak.strangers import Sources
from soak.verdicts import Minute, Seen
from soak.watching import Watch, descriptors, udp_errors

FLAGS: Final = {
    "WANT_ACCESSLIST_BLACK": "1",
    "WANT_DYNAMIC_ACCESSLIST": "1",
    "WANT_COMPRESSION_GZIP": "1",
    "WANT_FULL_STATE": "1",
    "WANT_KEEPALIVE": "1",
    "OT_PEER_TIMEOUT": "10",
    "OT_CLIENT_REQUEST_INTERVAL": "300",
    "OT_CLIENT_REQUEST_VARIATION": "120",
}
POPULATION: Final = ("--torrents", "10000", "--peers", "100000", "--sources", "100")
HTTP_POPULATION: Final = ("--torrents", "10000", "--peers", "5000", "--timeout", "5000")
OF_HTTP: Final = 0.1  # of the server's time under load; the rest is of UDP
LEAST_NICE: Final = 19  # of the strangers, who may have what the loads leave of their core
MINUTE: Final = 60.0
WARM_UP: Final = 4.0  # seconds: by then both loads have announced all of their peers
NEVER: Final = float("inf")
# Seconds into a minute, and between two times.
RELOADS: Final = (5.0, 7.0)
DUMPS: Final = (11.0, 23.0)
KILL_AT: Final = 24.0
HEARD: Final = 1.0  # seconds: by then strangers, who wait for their core, know of the SIGKILL
LAST_KILL: Final = 8  # minute: until then no peer of the state is too old, so that all of it has to be loaded


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30, help="of load (default: %(default)s)")
    parser.add_argument(
        "--server", choices=["compiled", "pure"], default="compiled", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--share", type=float, default=0.5, help="of the peak that the load is (default: %(default)s)"
    )
    parser.add_argument("--server-core", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--load-core", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--nice", type=int, default=0, help="of server and load (default: %(default)s)")
    parser.add_argument("--python", default="/usr/bin/python3", help="for the wheel (default: %(default)s)")
    parser.add_argument(
        "--build-dir",
        type=Path,
        default=ROOT / "build/bench",
        help="programs, wheel, the server's files; readable for nobody (default: %(default)s)",
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() or not sys.platform.startswith("linux"):
        parser.error("network namespaces are for root on Linux")
    if options.minutes < 2:
        parser.error("--minutes: 2 at least")
    options.build_dir = options.build_dir.resolve()
    return options


class Soak:
    """A server, its load and its strangers, from the first minute to the last."""

    def __init__(self, options: argparse.Namespace, programs: Programs, server: Operated) -> None:
        self.options = options
        self.programs = programs
        self.server = server
        self.own = Sources((HOST, PORT), ["127.2.0.1"])
        idle = descriptors(server.process.pid)
        self.peaks = self.measured_peaks()
        share = options.share
        rates = (self.peaks[0] * share * (1 - OF_HTTP), self.peaks[1] * share * OF_HTTP)
        self.seen = Seen(self.peaks, rates, time.monotonic(), descriptors=(idle, 0))
        self.watch()

    def watch(self) -> None:
        """Look at the process that there is now."""
        for former in self.seen.watches:
            former.over.set()
        self.seen.watches.append(Watch(self.server.process.pid))
        self.seen.watches[-1].start()

    def load(self, name: str, *arguments: str) -> subprocess.Popen[Any]:
        pipe = subprocess.PIPE
        command = [str(self.programs.path(name)), *arguments, "--host", HOST, "--port", str(PORT)]
        return self.programs.place.start(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def measured_peaks(self) -> tuple[float, float]:
        """Answers a second without anything else, over UDP and over HTTP."""
        udp = report_of(self.load("load", "mix", *POPULATION, "--seconds", "4"))
        http = report_of(self.load("http_load", *HTTP_POPULATION, "--seconds", "4"))
        return udp["answers_per_second"], http["answers_per_second"]

    def minute(self, kills: bool) -> None:
        """Load for a minute; the operator is busy meanwhile, and so are the strangers."""
        seconds = MINUTE - WARM_UP - 2
        timing = ("--warmup", str(WARM_UP), "--seconds", str(seconds))
        # Neither the process id nor, over HTTP, a connection at all times is there in the minute of a SIGKILL.
        pid = () if kills else ("--pid", str(self.server.process.pid))
        rate = f"{self.seen.rates[0]:.0f}"
        loads = [self.load("load", "mix", *POPULATION, *timing, "--rate", rate, *pid)]
        if not kills:
            rate = f"{self.seen.rates[1]:.0f}"
            loads.append(self.load("http_load", *HTTP_POPULATION, *timing, "--rate", rate, *pid))
        errors = udp_errors()
        self.operate(loads, KILL_AT if kills else NEVER)
        reports = [report_of(load) for load in loads]
        _, memory, open_descriptors = self.seen.watches[-1].samples[-1]
        minute = Minute(
            reports[0],
            None if kills else reports[1],
            self.server.recount(),
            memory,
            open_descriptors,
            udp_errors() - errors,
        )
        self.seen.minutes.append(minute)
        print(" | ".join(minute.cells(len(self.seen.minutes))), file=sys.stderr, flush=True)

    def operate(self, loads: list[subprocess.Popen[Any]], kill_at: float) -> None:
        """Do what operators do until the loads are over."""
        began = time.monotonic()
        reload_at, dump_at = RELOADS[0], DUMPS[0]
        while any(load.poll() is None for load in loads):
            time.sleep(0.2)
            self.server.check_alive()
            passed = time.monotonic() - began
            if passed >= reload_at:
                reload_at = passed + RELOADS[1]
                self.server.reload(self.own)
            if passed >= dump_at:
                dump_at = passed + DUMPS[1]
                self.server.dump()
            if passed >= kill_at:
                kill_at = NEVER
                self.strangers.send_signal(signal.SIGUSR1)
                time.sleep(HEARD)
                self.seen.restart = self.server.kill()
                self.strangers.send_signal(signal.SIGUSR2)
                self.watch()

    def run(self) -> Seen:
        """All minutes, and the end."""
        options, seen = self.options, self.seen
        lasting = str((options.minutes + 5) * MINUTE)
        command = [sys.executable, "-m", "soak.strangers", HOST, str(PORT), lasting]
        place = Place(options.load_core, LEAST_NICE)
        strangers = place.start(command, stdout=subprocess.PIPE, cwd=BENCH)
        self.strangers = strangers
        try:
            killing = min(max(2, options.minutes // 6), LAST_KILL)
            for number in range(1, options.minutes + 1):
                self.minute(kills=number == killing)
                if strangers.poll() is not None:
                    raise BenchError("the strangers have gone")
            strangers.terminate()
            seen.strangers = json.loads(strangers.communicate(timeout=PATIENCE)[0])
        finally:
            strangers.kill()
            strangers.wait()
        idle = seen.descriptors[0]
        seen.descriptors = (idle, self.descriptors_left(idle))
        seen.last = self.server.recount()
        seen.reloads = (self.server.reloads, self.server.wrong_reloads)
        seen.ended = (self.server.stop(), torrents_in(self.server.directory / "state"))
        return seen

    def descriptors_left(self, idle: int) -> int:
        """Of the server once nobody is connected, or once there was time for that: the deadline of a head."""
        end = time.monotonic() + PATIENCE
        while (left := descriptors(self.server.process.pid)) > idle and time.monotonic() < end:
            time.sleep(1)
        return left


def report_of(load: subprocess.Popen[Any]) -> dict[str, Any]:
    """The report of a load generator, which it prints at its end."""
    output, errors = load.communicate()
    if not output.startswith("{"):
        raise BenchError(f"{load.args!r} ended with {load.returncode}: {errors.strip()}")
    report: dict[str, Any] = json.loads(output)
    return report


def run(options: argparse.Namespace, programs: Programs, python: Path) -> int:
    """The soak, in a network that is ours alone."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(circumstances(options.python), end="\n\n", flush=True)
    server = Operated(python, options.build_dir / "soak", Place(options.server_core, options.nice))
    try:
        seen = Soak(options, programs, server).run()
    finally:
        server.process.kill()
        server.process.wait()
    return 0 if seen.show() else 1


def ended(number: int, frame: object) -> None:
    """Let SIGTERM end this program as Ctrl-C does: with all that it has started."""
    raise SystemExit(128 + number)


def main() -> int:
    """Build, enter a network namespace, run."""
    options = parse_arguments()
    flags = {**FLAGS, "WANT_COMPILED": str(int(options.server == "compiled"))}
    try:
        with alone(options.build_dir):
            programs = build_programs(options.build_dir, Place(options.load_core, options.nice))
            python = wheels.installed(options.build_dir, options.python, ROOT, flags)
            if not options.inside:
                # All that had to be fetched is here; from now on there is no network but our own.
                os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv, "--inside"])
            signal.signal(signal.SIGTERM, ended)
            return run(options, programs, python)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
