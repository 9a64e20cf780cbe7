"""The outcomes of a check as a line for people, as JSON, and as a status for monitoring systems."""

import json
from dataclasses import asdict
from typing import Final

from opentracker.check.exchange import Outcome

# The statuses of Nagios and its successors.
OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
WORDS: Final = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}


def status_of(outcomes: list[Outcome], slow: float) -> int:
    """CRITICAL if all families fail, WARNING if one does or a step took longer than `slow` seconds."""
    failed = sum(bool(each.error) for each in outcomes)
    if failed == len(outcomes):
        return CRITICAL
    is_slow = any(seconds > slow for each in outcomes for _, seconds in each.steps)
    return WARNING if failed or is_slow else OK


def line(url: str, outcomes: list[Outcome], status: int) -> str:
    """One line."""
    return f"{WORDS[status]} {url}: {'; '.join(map(words, outcomes))}"


def words(outcome: Outcome) -> str:
    """The text for one family."""
    parts = [f"{name} {seconds * 1000:.1f} ms" for name, seconds in outcome.steps]
    found = outcome.findings
    if found.incomplete is not None:
        parts.append(f"{found.complete} seeders, {found.incomplete} leechers, {found.downloaded} downloads")
    if found.interval is not None:
        parts.append(f"interval {found.interval} s")
    if outcome.error:
        parts.append(outcome.error)
    name = f"IPv{outcome.family} {outcome.address}: " if outcome.family else ""
    return name + ", ".join(parts)


def as_json(url: str, outcomes: list[Outcome], status: int) -> str:
    """One line of JSON."""
    families = []
    for each in outcomes:
        found = asdict(each.findings)
        steps = {name: round(seconds * 1000, 3) for name, seconds in each.steps}
        families.append(
            {
                "family": each.family,
                "address": each.address,
                "ms": steps,
                **found,
                "error": each.error or None,
            }
        )
    return json.dumps({"tracker": url, "status": WORDS[status], "families": families})
