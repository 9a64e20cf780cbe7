"""The rows that look inside our tracker: an announce by swarm size, the longest work of the store and of the loop."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.clocked import LONGEST, ask, clocked, longest, send
from harness.errors import BenchError
from harness.goals import print_verdicts
from harness.results import value
from harness.servers import Contender, running
from harness.tables import table
from rows.udp import USUAL

if TYPE_CHECKING:
    from harness.setting import Bench

SLICED_TORRENTS: Final = 10_000_000
STALL_TORRENTS: Final = 1_000_000
CALM_SECONDS: Final = 20
PROFILE_LINES: Final = 15


# ---- micro ----


def micro(bench: Bench) -> None:
    """An announce inside the tracker, without sockets, by the size of its swarm."""
    ours = bench.contenders("compiled", "pure", flags=wheels.OPEN, others=False)
    runs: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in ours}
    for _ in range(min(bench.rounds, 3)):
        for contender in ours:
            runs[contender.name].append(bench.report_of(contender, "micro.py"))
    costs = {
        name: {size: median(run[size] for run in repeated) for size in repeated[0]}
        for name, repeated in runs.items()
    }
    sizes = list(next(iter(costs.values()), {}))
    heads = ["micro: ns an announce, swarm of", *sizes, "100000 against 100"]
    lines = [
        [name, *(f"{cost[size]:,.0f}" for size in sizes), f"{flatness(cost):.2f} ×"]
        for name, cost in costs.items()
    ]
    print(table(heads, lines), end="\n\n")
    print_verdicts("micro 100000 against 100", costs, lambda name, _: flatness(costs[name]))


def flatness(cost: dict[str, float]) -> float:
    return cost["100000"] / cost["100"]


# ---- slices ----


def slices(bench: Bench) -> None:
    """The longest work that the store does in one go, with 10,000,000 torrents."""
    ours = bench.contenders("compiled", "pure", flags=wheels.OPEN, others=False)
    torrents = str(bench.scaled(SLICED_TORRENTS))
    reports = {contender.name: bench.report_of(contender, "slices.py", torrents) for contender in ours}
    works = list(next(iter(reports.values()), {}))
    lines = [[name, *(f"{report[work]:.2f}" for work in works)] for name, report in reports.items()]
    print(table([f"slices: ms, {torrents} torrents", *works], lines), end="\n\n")
    print_verdicts("slices", reports, lambda name, _: max(reports[name].values()))


# ---- profile ----


def profile(bench: Bench) -> None:
    """The functions that take a server's CPU time under the load of `udp`: perf's top."""
    people = USUAL.scaled(bench)
    whitelist = bench.programs.whitelist(people.torrents)
    for contender in bench.contenders("c", "compiled", "pure"):
        data = bench.stage.directory / f"perf-{contender.name}.data"
        with running(contender, bench.stage, whitelist) as server:
            pid = str(server.process.pid)
            command = ["perf", "record", "-q", "-F", "4999", "-p", pid, "-o", str(data)]
            recorder = bench.programs.place.start(command)
            try:
                bench.programs.load("load", "mix", *server.arguments, *people.arguments, *bench.timing())
            finally:
                recorder.send_signal(signal.SIGINT)
                recorder.wait()
        print_profile(contender.name, data)


def print_profile(name: str, data: Path) -> None:
    command = ["perf", "report", "-i", str(data), "--stdio", "-F", "overhead,dso,symbol", "-t", "|"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split("|") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    shares: dict[str, float] = {}
    for overhead, dso, _ in lines:
        room = "kernel" if "kernel" in dso else Path(dso.strip()).name.split(".")[0]
        shares[room] = shares.get(room, 0.0) + float(overhead.strip().rstrip("%"))
    rows = [[part.strip().replace("[k] ", "").replace("[.] ", "") for part in line] for line in lines]
    parts = sorted(shares.items(), key=lambda item: -item[1])[:8]
    print(f"{name}: " + ", ".join(f"{room} {share:.1f} %" for room, share in parts), end="\n\n")
    for heading, kept in (
        ("of all", rows),
        ("outside the kernel", [row for row in rows if "kernel" not in row[1]]),
    ):
        print(table([f"{name}, {heading}", "where", "function"], kept[:PROFILE_LINES]), end="\n\n")


# ---- stall ----


def stall(bench: Bench) -> None:
    """The longest iteration of the loop, and latencies, while a million torrents expire under half load."""
    results = {}
    for contender in bench.contenders("compiled", "pure", flags=wheels.OPEN, others=False):
        results[contender.name] = stalled(bench, clocked(contender))
    heads = [
        "stall",
        "requests a second",
        "torrents before",
        "after",
        "longest iteration ms calm",
        "cleaning",
    ]
    heads += [f"{p} ms {when}" for when in ("calm", "cleaning") for p in ("p99", "p99.9", "max")]
    lines = []
    for name, result in results.items():
        line = [name, f"{result['rate']:,.0f}", f"{result['before']:,}", f"{result['after']:,}"]
        line += [f"{result[key]:.2f}" for key in LONGEST]
        for when in ("calm", "cleaning"):
            line += [f"{value(result[when], f'latency_us/{p}') / 1000:.2f}" for p in ("p99", "p99.9", "max")]
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    print_verdicts("stall longest iteration", results, lambda name, _: float(results[name]["longest_ms"]))
    print_verdicts("stall p99.9 added", results, lambda name, _: added_ms(results[name]))


def added_ms(result: dict[str, Any]) -> float:
    return (value(result["cleaning"], "latency_us/p99.9") - value(result["calm"], "latency_us/p99.9")) / 1000


def stalled(bench: Bench, contender: Contender) -> dict[str, Any]:
    """Fill, measure the peak, half of it without the cleaner, and half of it while every torrent expires."""
    urgent, torrents = bench.urgent(), bench.scaled(STALL_TORRENTS)
    with running(contender, urgent.stage, bench.programs.whitelist(torrents)) as server:

        def load(command: str, *options: str, paced: bool = False) -> dict[str, Any]:
            report = (urgent if paced else bench).programs.load("load", command, *server.arguments, *options)
            print(
                f"  {contender.name} {command} {' '.join(options)}: {report['latency_us']}", file=sys.stderr
            )
            return report

        load("fill", "--torrents", str(torrents), "--peers", "1", "--numwant", "0")
        send(server, b"f")
        rate = load("mix", "--seconds", "2")["answers_per_second"] / 2
        send(server, b"r")
        calm = load("mix", "--rate", str(rate), "--seconds", str(CALM_SECONDS), paced=True)
        before = ask(server)
        send(server, b"jr")
        seconds = str(before["cycle"] + 5)
        cleaning = load("mix", "--rate", str(rate), "--warmup", "0", "--seconds", seconds, paced=True)
        after = ask(server)
    if after["torrents"] > before["torrents"] / 10:
        raise BenchError(
            f"{contender.name}: {after['torrents']} torrents are left: the cleaner did not get round"
        )
    return {
        "rate": rate,
        "before": before["torrents"],
        "after": after["torrents"],
        **longest(before, after),
        "calm": calm,
        "cleaning": cleaning,
    }
