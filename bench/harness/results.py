"""What was measured, as numbers by contender and round."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any


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
