"""The rows on full scrapes and state files."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.clocked import LONGEST, ask, clocked, longest, send
from harness.errors import BenchError
from harness.goals import print_verdicts
from harness.paths import LOAD
from harness.results import value
from harness.servers import Contender, Running, running
from harness.tables import table

if TYPE_CHECKING:
    from harness.setting import Bench

COMPARED: Final = 50_000  # torrents: the C tracker answers no larger full scrape whole, and dies of a million
MANY: Final = 1_000_000
AT_ONCE: Final = 20
REPEATS: Final = 3  # scrapes of one server
GZIP: Final = {"WANT_COMPRESSION_GZIP": "1"}
FULL_STATE: Final = {"WANT_FULL_STATE": "1"}
REQUEST: Final = b"GET /scrape HTTP/1.1\r\nConnection: close\r\n%b\r\n"
ACCEPT_GZIP: Final = b"Accept-Encoding: gzip\r\n"
SILENCE_SECONDS: Final = 30.0
CALM_SECONDS: Final = 10.0


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def fetch(server: Running, headers: bytes = b"") -> bytearray:
    """Everything that a full scrape sends, its head included."""
    with socket.create_connection((server.host, server.port), SILENCE_SECONDS) as client:
        client.sendall(REQUEST % headers)
        received = bytearray()
        while data := client.recv(1 << 18):
            received += data
    return received


def filled(bench: Bench, server: Running, torrents: int) -> None:
    options = ("--torrents", str(torrents), "--peers", "1", "--numwant", "0")
    bench.programs.load("load", "fill", *server.arguments, *options)


def measured(bench: Bench, contender: Contender, torrents: int, headers: bytes) -> dict[str, float]:
    """Bytes and CPU seconds of a full scrape, the median of a few."""
    with running(contender, bench.stage, bench.programs.whitelist(torrents)) as server:
        filled(bench, server, torrents)
        pid, cpus, sizes = server.process.pid, [], []
        for _ in range(REPEATS):
            before = cpu_seconds(pid)
            sizes.append(len(fetch(server, headers)))
            cpus.append(cpu_seconds(pid) - before)
    if min(sizes) < torrents * 15:
        raise BenchError(f"{contender.name}: {min(sizes)} bytes are no full scrape of {torrents} torrents")
    print(f"  {contender.name} {torrents}: {sizes[0]} bytes, {median(cpus):.3f} s CPU", file=sys.stderr)
    return {"bytes": sizes[0], "cpu": median(cpus)}


def fullscrape(bench: Bench) -> None:
    """A plain full scrape: bytes per CPU second, at 50,000 torrents (the C tracker's most) and at 1,000,000."""
    contenders = bench.contenders("c", "compiled", "pure", flags=wheels.OPEN)
    results: dict[str, dict[str, float]] = {}
    lines = []
    for contender in contenders:
        for torrents in map(bench.scaled, (COMPARED,) if contender.name == "c" else (COMPARED, MANY)):
            result = measured(bench, contender, torrents, b"")
            results.setdefault(contender.name, {})[str(torrents)] = result["bytes"] / result["cpu"]
            nanoseconds = result["cpu"] / torrents * 1e9
            rate = result["bytes"] / result["cpu"] / 1e6
            line = [contender.name, f"{torrents:,}", f"{result['bytes']:,.0f}", f"{result['cpu']:.3f}"]
            lines.append([*line, f"{nanoseconds:.0f}", f"{rate:.1f}"])
    heads = ["fullscrape", "torrents", "bytes", "s CPU", "ns a torrent", "MB a CPU second"]
    print(table(heads, lines), end="\n\n")
    key = str(bench.scaled(COMPARED))
    print_verdicts("fullscrape", results, lambda name, base: results[name][key] / results[base][key])


def fullscrape_gzip(bench: Bench) -> None:
    """A full scrape of 1,000,000 torrents by gzip, beside `gzip -7` of the same bytes; `isal` has that package."""
    results: dict[str, dict[str, float]] = {"": {}, "isal": {}}
    lines = []
    for contender in bench.contenders("compiled", "pure", flags=GZIP, others=False):
        with_isal = wheels.contender(bench.stage.directory, bench.python, contender.name, GZIP, ("isal",))
        with running(contender, bench.stage, bench.programs.whitelist(bench.scaled(MANY))) as server:
            filled(bench, server, bench.scaled(MANY))
            plain = bytes(fetch(server))
        for package, each in (("", contender), ("isal", with_isal)):
            result = measured(bench, each, bench.scaled(MANY), ACCEPT_GZIP)
            alone = min(gzip_seconds(plain) for _ in range(REPEATS))
            results[package][contender.name] = alone / result["cpu"]
            line = [f"{contender.name} {package}".strip(), f"{result['bytes']:,.0f}", f"{result['cpu']:.2f}"]
            lines.append([*line, f"{alone:.2f}", f"{alone / result['cpu']:.2f}"])
    print(table(["fullscrape-gzip", "bytes", "s CPU", "gzip -7: s CPU", "× gzip -7"], lines), end="\n\n")
    zlib, isal = results[""], results["isal"]
    print_verdicts("fullscrape-gzip", zlib, lambda name, _: zlib[name])
    print_verdicts("fullscrape-gzip isal", isal, lambda name, _: isal[name])


def gzip_seconds(data: bytes) -> float:
    """CPU seconds of `gzip -7`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["gzip", "-7", "-c"], input=data, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# ---- Many at once ----


def fullscrape_many(bench: Bench) -> None:
    """20 full scrapes of 1,000,000 torrents at once under half load: memory, the longest iteration, added p99.9."""
    results = {}
    lines = []
    for contender in bench.contenders("compiled", "pure", flags=wheels.OPEN, others=False):
        result = results[contender.name] = many_at_once(bench, clocked(contender))
        line = [contender.name, f"{result['rate']:,.0f}", f"{result['scrapes']}", f"{result['grown_kib']:,}"]
        line += [f"{result[key]:.2f}" for key in LONGEST]
        for when in ("calm", "scraping"):
            line += [f"{value(result[when], f'latency_us/{p}') / 1000:.2f}" for p in ("p99", "p99.9", "max")]
        lines.append(line)
    heads = [
        "fullscrape-many",
        "requests a second",
        "scrapes whole",
        "growth KiB",
        "longest iteration ms calm",
    ]
    heads += [
        "scraping",
        *(f"{p} ms {when}" for when in ("calm", "scraping") for p in ("p99", "p99.9", "max")),
    ]
    print(table(heads, lines), end="\n\n")
    print_verdicts("fullscrape growth", results, lambda name, _: results[name]["grown_kib"] / 1024)
    print_verdicts("fullscrape longest iteration", results, lambda name, _: results[name]["longest_ms"])
    print_verdicts("fullscrape p99.9 added", results, lambda name, _: added_ms(results[name]))


def added_ms(result: dict[str, Any]) -> float:
    return (value(result["scraping"], "latency_us/p99.9") - value(result["calm"], "latency_us/p99.9")) / 1000


def many_at_once(bench: Bench, contender: Contender) -> dict[str, Any]:
    """Fill, measure the peak, half of it, and half of it while scrapes are read as fast as they come."""
    urgent = bench.urgent()
    with running(contender, urgent.stage, bench.programs.whitelist(bench.scaled(MANY))) as server:
        filled(bench, server, bench.scaled(MANY))
        send(server, b"f")
        rate = (
            bench.programs.load("load", "mix", *server.arguments, "--seconds", "2")["answers_per_second"] / 2
        )
        paced = ("--rate", str(rate), "--seconds", str(CALM_SECONDS))
        send(server, b"r")
        calm = urgent.programs.load("load", "mix", *server.arguments, *paced)
        before = ask(server)
        send(server, b"r")
        numbers = map(str, (server.port, AT_ONCE, server.process.pid, bench.programs.place.core))
        reader = subprocess.Popen(
            [sys.executable, str(LOAD / "scrape_reader.py"), server.host, *numbers],
            stdout=subprocess.PIPE,
            text=True,
        )
        scraping = urgent.programs.load("load", "mix", *server.arguments, *paced, "--warmup", "0")
        output, _ = reader.communicate()
        after = ask(server)
    read: dict[str, int] = json.loads(output)
    return {
        "rate": rate,
        "scrapes": read["whole"],
        "grown_kib": read["grown_kib"],
        **longest(before, after),
        "calm": calm,
        "scraping": scraping,
    }


# ---- State ----


def state(bench: Bench) -> None:
    """A state file with 1,000,000 peers: seconds to write it, to read it, and the longest step of writing."""
    results: dict[str, dict[str, float]] = {}
    lines = []
    for contender in bench.contenders("compiled", "pure", flags=FULL_STATE, others=False):
        result = results[contender.name] = bench.report_of(contender, "state_times.py")
        lines.append(
            [contender.name, *(f"{result[key]:.2f}" for key in ("write", "read", "longest_ms", "mib"))]
        )
    print(table(["state", "write s", "read s", "longest step ms", "MiB"], lines), end="\n\n")
    print_verdicts("state", results, lambda name, _: results[name]["write"] + results[name]["read"])
