"""Measured numbers by contender and round."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from statistics import median
from typing import Any


@dataclass(slots=True)
class Results:
    """The reports of one row, by contender, one for each round.

    A floor is a contender that does nothing of its own: the rest above the floor is a contender's own part.
    """

    reports: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def median(self, name: str, key: str) -> float:
        return median(value(report, key) for report in self.reports[name])

    def total(self, name: str, key: str) -> float:
        return sum(value(report, key) for report in self.reports[name])

    def ratio(self, above: str, below: str, key: str) -> float:
        """The median of the rounds' own ratios: both numbers of a ratio are from the same minute."""
        pairs = zip(self.reports[above], self.reports[below], strict=True)
        return median(quotient(value(a, key), value(b, key)) for a, b in pairs)

    def rests(self, name: str, floor: str, key: str) -> list[float]:
        """The rest above the floor, round by round."""
        pairs = zip(self.reports[name], self.reports[floor], strict=True)
        return [value(report, key) - value(least, key) for report, least in pairs]

    def ratio_of_rests(self, above: str, below: str, floor: str, key: str) -> float:
        """The median of the rounds' own ratios of the rests above the floor; nan if a contender is at the floor."""
        tops, bottoms = self.rests(above, floor, key), self.rests(below, floor, key)
        if min(*tops, *bottoms) <= 0:
            return nan
        return median(a / b for a, b in zip(tops, bottoms, strict=True))


def quotient(above: float, below: float) -> float:
    return above / below if below else nan


def value(report: dict[str, Any], key: str) -> float:
    """A number of a report; `latency_us/p99` is p99 within latency_us."""
    found: Any = report
    for part in key.split("/"):
        found = found[part]
    return float(found)
