"""The rows on speed: answers per CPU second over UDP and HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.goals import print_verdicts
from harness.paired import alternate
from harness.results import Results
from harness.servers import Contender, running, spinner
from harness.tables import table

if TYPE_CHECKING:
    from harness.setting import Bench

TORRENTS: Final = 10_000
MANY_SOURCES: Final = 100_000


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
    whitelist = bench.programs.whitelist(TORRENTS)

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
    whitelist = bench.programs.whitelist(TORRENTS)

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
    print_verdicts(row, names, lambda name, base: results.ratio(name, base, "answers_per_cpu_second"))
