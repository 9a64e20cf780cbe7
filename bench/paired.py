"""Contenders measured turn about, so that what the machine does meanwhile strikes all of them alike."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servers import Contender


@dataclass(slots=True)
class Results:
    """The reports of one row, by contender, one for each round."""

    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def median(self, name: str, key: str) -> float:
        return median(value(report, key) for report in self.reports[name])

    def total(self, name: str, key: str) -> float:
        return sum(value(report, key) for report in self.reports[name])

    def ratio(self, above: str, below: str, key: str) -> float:
        """The median of the rounds' own ratios: both numbers of a ratio are from the same minute."""
        pairs = zip(self.reports[above], self.reports[below], strict=True)
        return median(value(a, key) / value(b, key) for a, b in pairs)


def value(report: dict[str, Any], key: str) -> float:
    """A number of a report; `latency_us/p99` is p99 within latency_us."""
    found: Any = report
    for part in key.split("/"):
        found = found[part]
    return float(found)


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
