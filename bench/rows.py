"""The rows of the bench: what each measures, with which load, and what it prints."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import wheels
from errors import BenchError
from goals import goals_of
from paired import Results, alternate
from servers import Contender, running, spinner
from tables import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from programs import Programs
    from servers import Stage

UDP_TORRENTS: Final = 10_000
# As many peers as trackers hand out on average under the default load: the echo's answers are as large.
ECHO_PEERS: Final = "35"
MANY_SOURCES: Final = 100_000
FILLS: Final = ((300_000, 1), (50_000, 10), (300, 1_000))


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rows share."""

    programs: Programs
    stage: Stage
    python: str
    c_tracker: str
    names: tuple[str, ...]  # the contenders asked for
    others: tuple[Contender, ...]  # commands given by hand
    rounds: int
    seconds: float

    def contenders(self, *kinds: str, flags: dict[str, str] = wheels.WHITELIST) -> list[Contender]:
        """Of the contenders asked for those that a row can take, and the commands given by hand."""
        names = [name for name in self.names if name.partition("@")[0] in kinds]
        return [*(self.contender(name, flags) for name in names), *self.others]

    def contender(self, name: str, flags: dict[str, str]) -> Contender:
        if name == "c":
            return Contender("c", (self.c_tracker, *wheels.SERVE_LIST), families=(4,))
        if name == "echo":
            command = (str(self.programs.path("echo")), "{host}", "{port}", ECHO_PEERS)
            return Contender("echo", command, http=False)
        return wheels.contender(self.stage.directory, self.python, name, flags)

    def timing(self) -> tuple[str, ...]:
        return ("--seconds", str(self.seconds))


# ---- UDP ----


def udp(bench: Bench) -> None:
    """5/90/5 connect/announce/scrape, 10,000 torrents, numwant 50, one source address."""
    measured_udp(bench, "udp", ["c", "compiled", "pure", "echo"])


def udp_sources(bench: Bench) -> None:
    """The same from 100,000 source addresses: a cache of connection ids does not help."""
    measured_udp(bench, "udp-sources", ["c", "compiled", "pure", "echo"], "--sources", str(MANY_SOURCES))


def udp6(bench: Bench) -> None:
    """The same over IPv6. Debian's C tracker serves IPv4 only."""
    measured_udp(bench, "udp6", ["compiled", "pure", "echo"], host="::1")


def measured_udp(bench: Bench, row: str, names: list[str], *options: str, host: str = "127.0.0.1") -> None:
    whitelist = bench.programs.whitelist(UDP_TORRENTS)

    def measure(contender: Contender) -> dict[str, Any]:
        with running(contender, bench.stage, whitelist, host) as server:
            return bench.programs.load("load", "mix", *server.arguments, *bench.timing(), *options)

    family = 6 if ":" in host else 4
    contenders = [one for one in bench.contenders(*names) if family in one.families]
    results = alternate(contenders, bench.rounds, measure)
    print_speeds(row, results, "peers_per_announce")


# ---- HTTP ----


def http(bench: Bench) -> None:
    """Announces over HTTP, a connection for each; faster than the load, the server sleeps and wakes in between."""
    measured_http(bench, "http", bench.contenders("c", "compiled", "pure"))


def http_saturated(bench: Bench) -> None:
    """The same with half a core for the server, so that there is always a connection waiting for it."""
    with spinner(bench.stage.place):
        measured_http(bench, "http-saturated", bench.contenders("c", "compiled", "pure"))


def http_keepalive(bench: Bench) -> None:
    """Announces over HTTP connections that stay; Debian's C tracker closes them."""
    contenders = bench.contenders("compiled", "pure", flags=wheels.KEEP_ALIVE)
    with spinner(bench.stage.place):
        measured_http(bench, "http-keepalive", contenders, "--keep-alive")


def measured_http(bench: Bench, row: str, contenders: list[Contender], *options: str) -> None:
    whitelist = bench.programs.whitelist(UDP_TORRENTS)

    def measure(contender: Contender) -> dict[str, Any]:
        with running(contender, bench.stage, whitelist) as server:
            return bench.programs.load("http_load", *server.arguments, *bench.timing(), *options)

    results = alternate([one for one in contenders if one.http], bench.rounds, measure)
    print_speeds(row, results, "bytes_per_answer")


def print_speeds(row: str, results: Results, size: str) -> None:
    names = list(results.reports)
    heads = [row, "µs CPU an answer", "answers per CPU second", *(f"× {name}" for name in names)]
    heads += ["p50 ms", "p99 ms", "p99.9 ms", "lost", "server busy", "load busy", size.replace("_", " ")]
    lines = []
    for name in names:
        line = [name, f"{results.median(name, 'cpu_us_per_answer'):.3f}"]
        line.append(f"{results.median(name, 'answers_per_cpu_second'):,.0f}")
        line += [f"{results.ratio(name, other, 'answers_per_cpu_second'):.3f}" for other in names]
        line += [f"{results.median(name, f'latency_us/{p}') / 1000:.2f}" for p in ("p50", "p99", "p99.9")]
        line.append(f"{results.total(name, 'timeouts'):.0f}")
        line += [f"{results.median(name, key):.0%}" for key in ("server_busy", "load_busy")]
        line.append(f"{results.median(name, size):.1f}")
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    print_verdicts(row, results, "answers_per_cpu_second")


# ---- memory ----


def memory(bench: Bench) -> None:
    """Growth of the resident set while torrents and peers are announced, each answered and verified.

    Ours serve every torrent here: what reading a list leaves free would be filled first, and not count.
    """
    for torrents, peers in FILLS:
        whitelist = bench.programs.whitelist(torrents)
        contenders = bench.contenders("c", "compiled", "pure", flags=wheels.OPEN)
        arguments = ("--torrents", str(torrents), "--peers", str(peers), "--numwant", "0")

        def measure(
            contender: Contender, whitelist: Path = whitelist, arguments: tuple[str, ...] = arguments
        ) -> dict[str, Any]:
            with running(contender, bench.stage, whitelist) as server:
                return bench.programs.load("load", "fill", *server.arguments, *arguments)

        results = alternate(contenders, min(bench.rounds, 3), measure)
        print_memory(f"memory {torrents}x{peers}", results, torrents, torrents * peers)


def print_memory(row: str, results: Results, torrents: int, peers: int) -> None:
    names = list(results.reports)
    heads = [
        row,
        "growth KiB",
        "bytes a torrent",
        "bytes a peer",
        *(f"× {name}" for name in names),
        "in all KiB",
    ]
    lines = []
    for name in names:
        growth = results.median(name, "rss_growth_kib")
        line = [name, f"{growth:,.0f}", f"{growth * 1024 / torrents:,.0f}", f"{growth * 1024 / peers:.2f}"]
        line += [f"{results.ratio(name, other, 'rss_growth_kib'):.3f}" for other in names]
        line.append(f"{results.median(name, 'rss_kib'):,.0f}")
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    print_verdicts(row, results, "rss_growth_kib")


def print_verdicts(row: str, results: Results, key: str) -> None:
    for goal in goals_of(row):
        for name in results.reports:
            if name.partition("@")[0] == goal.subject and goal.base in results.reports:
                print(goal.verdict(name, results.ratio(name, goal.base, key)))
    print(flush=True)


ROWS: Final[dict[str, Callable[[Bench], None]]] = {
    "udp": udp,
    "udp-sources": udp_sources,
    "udp6": udp6,
    "http": http,
    "http-saturated": http_saturated,
    "http-keepalive": http_keepalive,
    "memory": memory,
}


def run_rows(bench: Bench, names: Sequence[str]) -> None:
    """Run rows one after the other; one that cannot be measured does not keep the others from it."""
    failures = []
    for name in names:
        print(f"{name}: {(ROWS[name].__doc__ or '').splitlines()[0]}", file=sys.stderr)
        try:
            ROWS[name](bench)
        except BenchError as error:
            failures.append(f"{name}: {error}")
            print(failures[-1], file=sys.stderr)
    if failures:
        raise BenchError(f"{len(failures)} of {len(names)} rows could not be measured: {'; '.join(failures)}")
