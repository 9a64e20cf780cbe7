"""The row on memory: the growth of a server by torrents and peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.goals import print_verdicts
from harness.paired import alternate
from harness.servers import running
from harness.tables import table
from rows.udp import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results import Results
    from harness.servers import Contender
    from harness.setting import Bench

FILLS: Final = ((300_000, 1), (50_000, 10), (300, 1_000), (1_000_000, 3))  # torrents, peers in each
NO_PEERS: Final = ("--numwant", "0")
# Code and buffers that the first requests touch are no part of the growth.
FIRST: Final = 64
MOST_ROUNDS: Final = 3


def memory(bench: Bench) -> None:
    """Growth of the resident set while torrents and peers are announced, each answered and verified.

    Ours serve every torrent here: memory that reading a list leaves free would be filled first, and not count.
    """
    for torrents, peers in FILLS:
        count = bench.scaled(torrents)
        first = ("fill", *NO_PEERS, "--torrents", str(min(FIRST, count)), "--peers", "1")
        fill = ("fill", *NO_PEERS, "--torrents", str(count), "--peers", str(peers))
        results = grown(bench, count, first, fill)
        print_memory(f"memory {count}x{peers}", results, count, count * peers)
    people = PUBLIC.scaled(bench)
    populate = ("populate", *NO_PEERS, *people.arguments)
    results = grown(bench, people.torrents, (*populate, "--requests", str(FIRST)), populate)
    print_memory(f"memory {people.torrents} zipf", results, people.torrents, people.peers)


def grown(bench: Bench, torrents: int, first: Sequence[str], fill: Sequence[str]) -> Results:
    """The reports of a fill, behind a small one."""
    whitelist = bench.programs.whitelist(torrents)

    def measure(contender: Contender) -> dict[str, Any]:
        with running(contender, bench.stage, whitelist) as server:
            bench.programs.load("load", *first, *server.arguments)
            return bench.programs.load("load", *fill, *server.arguments)

    contenders = bench.contenders("c", "compiled", "pure", flags=wheels.OPEN)
    return alternate(contenders, min(bench.rounds, MOST_ROUNDS), measure)


def print_memory(row: str, results: Results, torrents: int, peers: int) -> None:
    names = list(results.reports)
    heads = [row, "growth KiB", "bytes a torrent", "bytes a peer"]
    heads += [*(f"× {name}" for name in names), "in all KiB"]
    lines = []
    for name in names:
        growth = results.median(name, "rss_growth_kib")
        line = [name, f"{growth:,.0f}", f"{growth * 1024 / torrents:,.0f}", f"{growth * 1024 / peers:.2f}"]
        line += [f"{results.ratio(name, other, 'rss_growth_kib'):.3f}" for other in names]
        line.append(f"{results.median(name, 'rss_kib'):,.0f}")
        lines.append(line)
    print(table(heads, lines), end="\n\n")
    print_verdicts(row, names, lambda name, base: results.ratio(name, base, "rss_growth_kib"))
