"""The row on several workers: what an answer costs by their number, their memory, and two of them on two cores."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.goals import print_verdicts
from harness.paired import alternate
from harness.servers import running, spinner
from harness.tables import table
from rows.http import USUAL as OVER_HTTP
from rows.memory import FIRST, NO_PEERS
from rows.speed import CPU, print_speeds
from rows.udp import USUAL as OVER_UDP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.results import Results
    from harness.servers import Contender, Running
    from harness.setting import Bench
    from rows.speed import Population

WINDOW: Final = 128  # requests under way for each worker, so that each finds batches as large as one alone
TORRENTS: Final = 300_000  # of a peer each, for memory
WORKER: Final = 20 << 10  # KiB that each further worker may take without any torrents
MOST_ROUNDS: Final = 3
BURST: Final = 16_000  # announces: the receive buffer of one socket holds them
BURSTS: Final = 10
# Answers a second of a burst: by the clock, and by the CPU time of workers that have a core each to themselves.
BY_CLOCK: Final = "answers_per_second"
ON_OWN_CORES: Final = "answers_per_second_of_own_cores"
RATES: Final = (BY_CLOCK, ON_OWN_CORES)


@dataclass(frozen=True, slots=True)
class Crew:
    """A contender with a number of workers."""

    contender: Contender
    many: int


def workers(bench: Bench) -> None:
    """CPU an answer by the number of workers on one core, over UDP and HTTP; memory; two workers on two cores.

    Two workers and a load need three cores. So the load of the last table sleeps while its bursts are answered.
    """
    four, two = crews(bench, (1, 2, 4)), crews(bench, (1, 2))
    udp, http = ("load", "mix", *bench.timing()), ("http_load", *bench.timing())
    print_costs("udp", measured(bench, four, udp, OVER_UDP), "peers_per_announce")
    print_costs("http", measured(bench, two, http, OVER_HTTP), "bytes_per_answer")
    with spinner(bench.stage.place):
        print_costs("http-saturated", measured(bench, two, http, OVER_HTTP), "bytes_per_answer")
    print_memory(filled(bench, two), bench.scaled(TORRENTS), {crew.contender.name: crew.many for crew in two})
    if os.geteuid():
        print("Not measured: two workers on two cores, which is for root, since bursts need large buffers.")
    else:
        print_two_cores(on_two_cores(bench, two))


def crews(bench: Bench, numbers: Sequence[int]) -> list[Crew]:
    """Each contender asked for with each number of workers; one of a revision has a single worker."""
    made = []
    for each in bench.contenders("compiled", "pure", flags=wheels.OPEN, others=False):
        for many in numbers:
            if many == 1:
                made.append(Crew(each, 1))
            elif "@" not in each.name:
                config = bench.config(f"workers-{many}", f"listen.workers {many}\n")
                command = (*each.command, "-f", str(config))
                made.append(Crew(replace(each, name=f"{each.name}-{many}", command=command), many))
    return made


def turn_about(
    bench: Bench, made: Sequence[Crew], rounds: int, run: Callable[[Crew, Running], dict[str, Any]]
) -> Results:
    """Start each crew once a round, and measure it by `run`."""
    whitelist = bench.programs.whitelist(bench.scaled(OVER_UDP.torrents))
    by_name = {crew.contender.name: crew for crew in made}

    def measure(contender: Contender) -> dict[str, Any]:
        with running(contender, bench.stage, whitelist) as server:
            return run(by_name[contender.name], server)

    return alternate([crew.contender for crew in made], rounds, measure)


# ---- On one core ----


def measured(bench: Bench, made: Sequence[Crew], load: Sequence[str], population: Population) -> Results:
    """A load on each crew, with a window for each worker.

    As many sources as ever share it: an address has a limit on its connections.
    """
    people = replace(population.scaled(bench), sources=population.sources).arguments

    def run(crew: Crew, server: Running) -> dict[str, Any]:
        window = ("--window", str(WINDOW * crew.many))
        return bench.programs.load(*load, *server.arguments, *people, *window)

    return turn_about(bench, made, bench.rounds, run)


def print_costs(kind: str, results: Results, size: str) -> None:
    """The speeds, and the verdicts on the CPU time of an answer."""
    print_speeds(f"workers {kind}", results, size)
    row = f"workers {kind} CPU"
    print_verdicts(row, list(results.reports), lambda name, base: results.ratio(name, base, CPU))


def filled(bench: Bench, made: Sequence[Crew]) -> Results:
    """The reports of a fill, with the memory that the crew's processes had before it."""
    count = bench.scaled(TORRENTS)
    fill = ("load", "fill", *NO_PEERS, "--peers", "1", "--torrents")

    def run(crew: Crew, server: Running) -> dict[str, Any]:
        bench.programs.load(*fill, str(min(FIRST, count)), *server.arguments)
        before = own_kib(server)
        report = bench.programs.load(*fill, str(count), *server.arguments)
        return {**report, "own_kib": before, "growth_kib": own_kib(server) - before}

    return turn_about(bench, made, min(bench.rounds, MOST_ROUNDS), run)


def own_kib(server: Running) -> int:
    """The memory of all processes of a crew: a page that several of them share counts once altogether."""
    sizes = []
    for pid in (server.process.pid, *server.workers()):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        sizes += [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return sum(sizes)


def print_memory(results: Results, torrents: int, many: dict[str, int]) -> None:
    """Print the memory, and verdicts on the whole of it, but for WORKER of each further worker; `many` are workers."""

    def counted(name: str) -> float:
        whole = results.median(name, "own_kib") + results.median(name, "growth_kib")
        return whole - (many[name] - 1) * WORKER

    names = list(results.reports)
    row = "workers memory"
    heads = [
        f"{row}, {torrents} torrents",
        "MiB before",
        "growth MiB",
        *(f"growth × {name}" for name in names),
    ]
    lines = []
    for name in names:
        before, growth = (results.median(name, key) / 1024 for key in ("own_kib", "growth_kib"))
        ratios = [f"{results.ratio(name, other, 'growth_kib'):.3f}" for other in names]
        lines.append([name, f"{before:.1f}", f"{growth:.1f}", *ratios])
    print(table(heads, lines), end="\n\n")
    print_verdicts(row, names, lambda name, base: counted(name) / counted(base))


# ---- On two cores ----


def on_two_cores(bench: Bench, made: Sequence[Crew]) -> Results:
    """Bursts for each crew, whose workers have a core each."""
    people = OVER_UDP.scaled(bench).arguments
    size = ("--size", str(bench.scaled(BURST)), "--bursts", str(BURSTS))
    cores = (bench.stage.place.core, bench.programs.place.core)

    def run(crew: Crew, server: Running) -> dict[str, Any]:
        for pid, core in zip(server.workers() or [server.process.pid], cores, strict=False):
            os.sched_setaffinity(pid, {core})
        report = bench.programs.script("bursts.py", *server.arguments, *people, *size)
        return {**report, ON_OWN_CORES: crew.many * 1e6 / report[CPU]}

    privileged = [replace(crew, contender=replace(crew.contender, is_root=True)) for crew in made]
    return turn_about(bench, privileged, bench.rounds, run)


def print_two_cores(results: Results) -> None:
    names = list(results.reports)
    heads = ["workers on two cores", "µs CPU an answer"]
    for key in RATES:
        heads += [key.replace("_", " "), *(f"× {name}" for name in names)]
    lines = []
    for name in names:
        line = [name, f"{results.median(name, CPU):.3f}"]
        for key in RATES:
            ratios = [f"{results.ratio(name, other, key):.3f}" for other in names]
            line += [f"{results.median(name, key):,.0f}", *ratios]
        line += [f"{results.total(name, 'timeouts'):.0f}", f"{results.median(name, 'load_busy'):.1%}"]
        lines.append(line)
    print(table([*heads, "lost", "load busy"], lines), end="\n\n")
    for key in RATES:
        row = f"workers {key.replace('_', ' ')}"
        print_verdicts(row, names, partial(results.ratio, key=key))
