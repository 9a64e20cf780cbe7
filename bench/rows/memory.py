"""The row on memory: what torrents and peers add to a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from harness import wheels
from harness.goals import print_verdicts
from harness.paired import alternate
from harness.results import Results
from harness.servers import Contender, running
from harness.tables import table

if TYPE_CHECKING:
    from pathlib import Path

    from harness.setting import Bench

# What a server touches when the first requests come, its code and buffers, is no part of the growth.
WARM_UP: Final = ("--torrents", "64", "--peers", "1")
FILLS: Final = ((300_000, 1), (50_000, 10), (300, 1_000))  # torrents, peers in each


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
                bench.programs.load("load", "fill", *server.arguments, *WARM_UP)
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
    print_verdicts(row, names, lambda name, base: results.ratio(name, base, "rss_growth_kib"))
