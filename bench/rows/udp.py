"""The rows over UDP: usual requests, from many sources, connects, a public tracker's size, newcomers, renewals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.request import urlopen

from harness.clocked import clocked
from harness.errors import BenchError
from harness.setting import UDP_FLOOR
from rows.speed import Population, measured, print_speeds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.servers import Contender, Running
    from harness.setting import Bench

USUAL: Final = Population()
MANY_SOURCES: Final = Population(sources=100_000)
PUBLIC: Final = Population(torrents=1_000_000, peers=5_000_000, sources=100_000)  # a public tracker
MOST_ROUNDS: Final = 3  # with 5,000,000 peers: announcing them takes most of a round
# Requests a second of --seconds, the same for all: a fast one must not meet larger swarms.
GROWTH: Final = 150_000
GROWN_PEERS: Final = 38  # in an announce's answer, on average, while swarms grow
MINUTE: Final = 0.4  # of the peers announce in one, so that two of them pass between two announces of a peer
ID_SECONDS: Final = 0.4  # an id is good for five minutes at least
YOUNG: Final = "-young"
TOO_YOUNG: Final = 1 / 1000  # of the renewals may be of peers under a minute old


def udp(bench: Bench) -> None:
    """5/90/5 connect/announce/scrape, 10,000 torrents, numwant 50, one source address."""
    measured_udp(bench, "udp", ["c", "compiled", "pure", "echo"], USUAL)


def udp_sources(bench: Bench) -> None:
    """The same from 100,000 source addresses: a cache of connection ids does not help."""
    measured_udp(bench, "udp-sources", ["c", "compiled", "pure", "echo"], MANY_SOURCES)


def udp6(bench: Bench) -> None:
    """The same over IPv6. Debian's C tracker serves IPv4 only."""
    measured_udp(bench, "udp6", ["compiled", "pure", "echo"], USUAL, host="::1")


def udp_connects(bench: Bench) -> None:
    """As many connects as announces: each announce fetches a connection id first, from 100,000 source addresses."""
    options = ("--weights", "0/1/0", "--id-seconds", "0")
    measured_udp(bench, "udp-connects", ["c", "compiled", "pure", "echo"], MANY_SOURCES, *options)


def udp_large(bench: Bench) -> None:
    """A public tracker: the mix of `udp` with 1,000,000 torrents, 5,000,000 peers, 100,000 source addresses."""
    rounds = min(bench.rounds, MOST_ROUNDS)
    measured_udp(bench, "udp-large", ["c", "compiled", "pure", "echo"], PUBLIC, rounds=rounds)


def udp_growth(bench: Bench) -> None:
    """The mix of `udp-sources`, with a newcomer in every second announce."""
    requests = str(round(GROWTH * bench.seconds))
    options = ("--newcomers", "50", "--requests", requests, "--warmup", "0")
    floor = replace(UDP_FLOOR, peers=GROWN_PEERS)
    contenders = bench.contenders("c", "compiled", "pure", "echo", floor=floor)
    results = measured(bench, contenders, ("load", "mix", *options), MANY_SOURCES)
    print_speeds("udp-growth", results, "peers_per_announce")


def measured_udp(
    bench: Bench,
    row: str,
    kinds: Sequence[str],
    population: Population,
    *options: str,
    host: str = "127.0.0.1",
    rounds: int | None = None,
) -> None:
    contenders = bench.contenders(*kinds)
    load = ("load", "mix", *bench.timing(), *options)
    results = measured(bench, contenders, load, population, host, rounds)
    print_speeds(row, results, "peers_per_announce")


# ---- Renewals ----


def udp_renewals(bench: Bench) -> None:
    """The mix of `udp`, its peers in turn: each renewal a minute old or older, beside renewals within a minute.

    A peer announces twice a second here, so the server's clock runs faster: a minute passes while 40 of 100 peers
    announce. `-young` is the same server with the usual clock.
    """
    ours = bench.contenders("compiled", "pure", others=False)
    contenders = [*bench.contenders("c", "echo")]
    announces = round(USUAL.scaled(bench).peers * MINUTE)
    for each in ours:
        contenders += [clocked(each, announces), replace(clocked(each), name=young(each.name))]
    fast = {each.name for each in ours}

    def around(contender: Contender, server: Running, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        report = run()
        if contender.name in fast:
            refuse_young(contender.name, renewals(server))
        return report

    options = ("--in-turn", "--id-seconds", str(ID_SECONDS))
    results = measured(bench, contenders, ("load", "mix", *bench.timing(), *options), USUAL, around=around)
    print_speeds("udp-renewals", results, "peers_per_announce")


def young(name: str) -> str:
    """The name of the contender with the usual clock: `compiled-young`, `compiled-young@REV`."""
    kind, at, revision = name.partition("@")
    return f"{kind}{YOUNG}{at}{revision}"


def renewals(server: Running) -> list[int]:
    """The renewals since the server's start, by the minutes since each peer was last heard of."""
    with urlopen(f"http://{server.host}:{server.port}/stats?mode=renew") as answer:
        return [int(line.split()[1]) for line in answer.read().decode().splitlines()]


def refuse_young(name: str, counts: list[int]) -> None:
    """Refuse a measurement in which peers renewed within a minute of the server's clock."""
    if counts[0] > sum(counts) * TOO_YOUNG:
        raise BenchError(f"{name}: {counts[0]} of {sum(counts)} renewals were of peers under a minute old")
