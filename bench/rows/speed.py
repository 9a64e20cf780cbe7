"""Answers per CPU second under a load: the part that the rows over UDP and over HTTP share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from harness.goals import print_verdicts
from harness.paired import alternate
from harness.results import quotient
from harness.servers import running
from harness.setting import FLOOR
from harness.tables import processor, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Results
    from harness.servers import Contender, Running
    from harness.setting import Bench

CPU: Final = "cpu_us_per_answer"
DASH: Final = "–"
SPEED: Final = "answers_per_cpu_second"


@dataclass(frozen=True, slots=True)
class Population:
    """Torrents, peers in all of them, and source addresses of a load."""

    torrents: int = 10_000
    peers: int = 100_000
    sources: int = 1

    def scaled(self, bench: Bench) -> Population:
        return replace(
            self,
            torrents=bench.scaled(self.torrents),
            peers=bench.scaled(self.peers),
            sources=bench.scaled(self.sources),
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        numbers = {"--torrents": self.torrents, "--peers": self.peers, "--sources": self.sources}
        return tuple(word for option, number in numbers.items() for word in (option, str(number)))


def measured(
    bench: Bench,
    contenders: Sequence[Contender],
    load: Sequence[str],
    population: Population,
    host: str = "127.0.0.1",
    rounds: int | None = None,
    around: Callable[[Contender, Running, Callable[[], dict[str, Any]]], dict[str, Any]] | None = None,
) -> Results:
    """Start each contender once a round and put a load on it: the program, its command and options.

    `around` may look at the server before and after the load, which it has to call.
    """
    people = population.scaled(bench)
    whitelist = bench.programs.whitelist(people.torrents)
    family = 6 if ":" in host else 4

    def measure(contender: Contender) -> dict[str, Any]:
        with running(contender, bench.stage, whitelist, host) as server:

            def run() -> dict[str, Any]:
                return bench.programs.load(*load, *server.arguments, *people.arguments)

            return around(contender, server, run) if around else run()

    able = [contender for contender in contenders if family in contender.families]
    return alternate(able, rounds or bench.rounds, measure)


def print_speeds(row: str, results: Results, size: str) -> None:
    """The table of a row, the contenders' own parts, and the verdicts; `size` is one more column of the reports."""
    names = list(results.reports)
    heads = [row, "µs CPU an answer", "answers per CPU second", *(f"× {name}" for name in names)]
    heads += ["p50 ms", "p99 ms", "p99.9 ms", "lost", "server busy", "load busy", size.replace("_", " ")]
    lines = []
    for name in names:
        line = [name, f"{results.median(name, CPU):.3f}"]
        line.append(f"{results.median(name, SPEED):,.0f}")
        line += [f"{results.ratio(name, other, SPEED):.3f}" for other in names]
        line += [f"{results.median(name, f'latency_us/{p}') / 1000:.2f}" for p in ("p50", "p99", "p99.9")]
        line.append(f"{results.total(name, 'timeouts'):.0f}")
        line += [f"{results.median(name, key):.0%}" for key in ("server_busy", "load_busy")]
        line.append(f"{results.median(name, size):.1f}")
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    if FLOOR in names:
        print_own_parts(row, results, [name for name in names if name != FLOOR])
    print_verdicts(row, names, lambda name, base: results.ratio(name, base, SPEED))


def print_own_parts(row: str, results: Results, names: Sequence[str]) -> None:
    """The kernel's part of an answer, as the floor has it, and the ratios of the trackers' own parts."""
    heads = [
        f"{row} on {processor()}",
        "µs CPU an answer",
        f"the kernel's ({FLOOR})",
        "its share",
        "own part",
    ]
    heads += [f"own part × {name}" for name in names]
    lines = []
    for name in names:
        whole, kernel = results.median(name, CPU), results.median(FLOOR, CPU)
        line = [
            name,
            f"{whole:.3f}",
            f"{kernel:.3f}",
            f"{quotient(kernel, whole):.0%}",
            f"{whole - kernel:.3f}",
        ]
        lines.append([*line, *(ratio_or_dash(results, other, name) for other in names)])
    print(table(heads, lines), end="\n\n")
    if any(DASH in line for line in lines):
        print(f"{DASH}: an own part was 0 or less in some round: as cheap as the {FLOOR}.", end="\n\n")


def ratio_or_dash(results: Results, above: str, below: str) -> str:
    """The ratio of two contenders' own parts, or DASH for one that has none to speak of."""
    ratio = results.ratio_of_rests(above, below, FLOOR, CPU)
    return DASH if isnan(ratio) else f"{ratio:.3f}"
