"""Contenders measured turn about, so that what the machine does meanwhile strikes all of them alike."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from harness.errors import BenchError
from harness.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.servers import Contender


def alternate(
    contenders: Sequence[Contender], rounds: int, measure: Callable[[Contender], dict[str, Any]]
) -> Results:
    """Measure everyone once in each round; who goes first changes from round to round."""
    results = Results({contender.name: [] for contender in contenders})
    for number in range(rounds):
        shift = number % len(contenders)
        for contender in (*contenders[shift:], *contenders[:shift]):
            report = measure(contender)
            complain_of_errors(contender.name, report)
            results.reports[contender.name].append(report)
            print(f"  round {number + 1}/{rounds} {contender.name}: {summary(report)}", file=sys.stderr)
    return results


def complain_of_errors(name: str, report: dict[str, Any]) -> None:
    """Wrong answers make a measurement worthless; lost ones are shown with it."""
    wrong = {kind: count for kind, count in report["errors"].items() if count}
    if report["exit"] or sum(wrong.values()) > report["answers"] / 1000:
        raise BenchError(f"{name}: the load ended with {report['exit']}; wrong answers: {wrong}")


def summary(report: dict[str, Any]) -> str:
    latency = report["latency_us"]
    return (
        f"{report['cpu_us_per_answer']:.3f} µs CPU an answer, {report['answers_per_second']:,.0f}/s, "
        f"server {report['server_busy']:.0%} busy, p99 {latency['p99'] / 1000:.2f} ms, "
        f"lost {report['timeouts']}, the load had {report['load_busy']:.0%} of its core"
    )
