"""The rows over HTTP: a connection for each announce, connections that stay, a proxy in front."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from harness import wheels
from harness.servers import spinner
from harness.setting import HTTP_FLOOR, KEPT_FLOOR
from rows.speed import Population, measured, print_speeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.servers import Contender
    from harness.setting import Bench

USUAL: Final = Population(peers=50_000, sources=64)
BEHIND_PROXY: Final = Population(peers=50_000, sources=50_000)


def http(bench: Bench) -> None:
    """Announces over HTTP, a connection for each; faster than the load, the server sleeps and wakes in between."""
    measured_http(bench, "http", bench.contenders("c", "compiled", "pure", "echo", floor=HTTP_FLOOR))


def http_saturated(bench: Bench) -> None:
    """The same with half a core for the server, so that there is always a connection waiting for it."""
    contenders = bench.contenders("c", "compiled", "pure", "echo", floor=HTTP_FLOOR)
    with spinner(bench.stage.place):
        measured_http(bench, "http-saturated", contenders)


def http_keepalive(bench: Bench) -> None:
    """Announces over HTTP connections that stay; Debian's C tracker closes them."""
    contenders = bench.contenders("compiled", "pure", "echo", flags=wheels.KEEP_ALIVE, floor=KEPT_FLOOR)
    with spinner(bench.stage.place):
        measured_http(bench, "http-keepalive", contenders, "--keep-alive")


def http_proxied(bench: Bench) -> None:
    """The same as a proxy asks: connections of a trusted address, the clients' addresses in X-Forwarded-For."""
    config = bench.config("proxied", "access.proxy 127.0.0.1\n")
    ours = bench.contenders("compiled", "pure", flags=wheels.PROXIED, others=False)
    contenders = [replace(each, command=(*each.command, "-f", str(config))) for each in ours]
    contenders += bench.contenders("echo", others=False, floor=KEPT_FLOOR)
    with spinner(bench.stage.place):
        measured_http(
            bench, "http-proxied", contenders, "--keep-alive", "--forwarded", population=BEHIND_PROXY
        )


def measured_http(
    bench: Bench,
    row: str,
    contenders: Sequence[Contender],
    *options: str,
    population: Population = USUAL,
) -> None:
    results = measured(bench, contenders, ("http_load", *bench.timing(), *options), population)
    print_speeds(row, results, "bytes_per_answer")
