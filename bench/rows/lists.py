"""The row on access lists: reading, holding and asking one, and reloading it under load."""

from __future__ import annotations

import re
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.errors import BenchError
from harness.goals import print_verdicts
from harness.results import value
from harness.servers import Contender, running
from harness.tables import table

if TYPE_CHECKING:
    from harness.setting import Bench

SIZES: Final = (1_000_000, 5_000_000)
RELOADED: Final = 1_000_000
LOAD_SECONDS: Final = 15
RELOAD_AFTER: Final = 5.0  # seconds
TURN: Final = re.compile(r"the longest (?:turn|iteration) of the loop took ([\d.]+) ms")
READ: Final = re.compile(r"access list .*: \d+ torrents, read in ([\d.]+) s")


def lists(bench: Bench) -> None:
    """An access list: time, memory, look-ups, and the longest gap between answers while a million is reloaded."""
    ours = bench.contenders("compiled", "pure", flags=wheels.WHITELIST, others=False)
    for size in map(bench.scaled, SIZES):
        row = f"lists {size}"
        whitelist = str(bench.programs.whitelist(size))
        found = {each.name: bench.report_of(each, "list_figures.py", whitelist) for each in ours}
        heads = [
            row,
            "s to read",
            "CPU s",
            "longest iteration of a reload, CPU ms",
            "bytes each",
            "ns known",
            "ns unknown",
        ]
        keys = ("seconds", "cpu_seconds", "turn_ms", "bytes_each", "known_ns", "unknown_ns")
        lines = [[name, *(f"{report[key]:,.4g}" for key in keys)] for name, report in found.items()]
        print(table(heads, lines), end="\n\n")
        for goal, key in (("read", "seconds"), ("each", "bytes_each"), ("look-up", "unknown_ns")):
            print_verdicts(f"{row} {goal}", found, partial(figure, found, key))
    reloads = {each.name: reloaded(bench, each) for each in ours}
    heads = ["lists, reload", "requests a second", "s to reload", "longest iteration ms, in all"]
    heads += [f"{p} ms {when}" for when in ("calm", "reload") for p in ("p50", "p99", "p99.9", "max")]
    heads.append("lost")
    lines = []
    for name, result in reloads.items():
        line = [name, f"{result['rate']:,.0f}", f"{result['seconds']:.2f}", f"{result['turn']:.2f}"]
        for when in ("calm", "reload"):
            for p in ("p50", "p99", "p99.9", "max"):
                line.append(f"{value(result[when], f'latency_us/{p}') / 1000:.2f}")
        lines.append([*line, f"{value(result['reload'], 'timeouts'):,.0f}"])
    print(table(heads, lines), end="\n\n", flush=True)


def figure(found: dict[str, dict[str, Any]], key: str, name: str, _: str) -> float:
    return value(found[name], key)


def reloaded(bench: Bench, contender: Contender) -> dict[str, Any]:
    """Half of the peak rate, evenly spaced, without a reload and with one in its midst.

    Latencies count from when a request was due, so the longest one is the longest gap between answers. Never realtime:
    a reload takes the whole core for a second, and the kernel then stops a realtime process for 50 ms.
    """
    with running(contender, bench.stage, bench.programs.whitelist(bench.scaled(RELOADED))) as server:

        def load(*options: str) -> dict[str, Any]:
            report = bench.programs.load("load", "mix", *server.arguments, *options)
            print(f"  {contender.name} mix {report['latency_us']}", file=sys.stderr)
            return report

        rate = load("--seconds", "2")["answers_per_second"] / 2
        paced = ("--rate", str(rate), "--seconds", str(LOAD_SECONDS))
        calm = load(*paced)
        hangup = threading.Timer(RELOAD_AFTER, server.process.send_signal, (signal.SIGHUP,))
        hangup.start()
        reload = load(*paced)
        hangup.join()
    log = server.log.read_text()
    read, turn = READ.findall(log), TURN.findall(log)
    if len(read) != 2 or len(turn) != 1:
        raise BenchError(f"{contender.name}: no reload came to its end: {log[-500:]}")
    return {"rate": rate, "calm": calm, "reload": reload, "seconds": float(read[1]), "turn": float(turn[0])}
