"""Rows of flags in which every pair of values that can meet does meet, kept as profiles in features.toml.

`python tests/build/pairwise.py` rewrites them, and tox.ini where it names each row; a test recomputes the coverage and
fails while a pair is missing.
The first rows cover the flags that exist without one that is planned, so that they can be built today.
"""

import itertools
import random
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BEGIN = (
    "# Rows in which every pair of flags meets, on and off; `python tests/build/pairwise.py` writes them.\n"
)
ATTEMPTS = 20  # orders of the flags that are tried; more is slower and saves no row
CANDIDATES = 4  # rows tried for the next one

Row = dict[str, bool]
Pair = tuple[str, bool, str, bool]


class Rules:
    """The flags, and which sets of them are builds."""

    def __init__(self, features: Any) -> None:
        """Take the tables of a Features object of build_hook."""
        self.flags: list[str] = list(features.flags)
        self.planned: set[str] = set(features.planned)
        self.conflicts: list[list[str]] = features.conflicts
        self.requires: list[tuple[str, list[str]]] = features.requires

    def allowed(self, row: Mapping[str, bool]) -> bool:
        """Tell whether a row, or what is decided of one, breaks no rule."""
        return all(sum(row.get(name, False) for name in flags) < 2 for flags in self.conflicts) and all(
            not row.get(flag) or any(row.get(name, True) for name in needed) for flag, needed in self.requires
        )

    def complete(self, row: Row) -> Row | None:
        """Return an allowed row with these values, as many flags off as may be; None if there is none."""
        if not self.allowed(row):
            return None
        missing = next((name for name in self.flags if name not in row), None)
        if missing is None:
            return row
        return self.complete({**row, missing: False}) or self.complete({**row, missing: True})

    def possible_pairs(self, row: Row) -> list[Pair]:
        """Return every pair of values that is in some allowed row with these values."""
        free = [name for name in self.flags if name not in row]
        return [
            (one, a, two, b)
            for one, two in itertools.combinations(free, 2)
            for a, b in itertools.product((True, False), repeat=2)
            if self.complete({**row, one: a, two: b})
        ]


def covered(row: Row) -> set[Pair]:
    """Return the pairs of values in a row."""
    return {(one, row[one], two, row[two]) for one, two in itertools.combinations(row, 2)}


def grow(rules: Rules, order: list[str], seed: Row, wanted: set[Pair]) -> Row:
    """Return an allowed row with the seed's values that has many of the wanted pairs."""
    row = dict(seed)
    for name in order:
        if name in row:
            continue
        gains = []
        for value in (True, False):
            if rules.complete({**row, name: value}):
                new = {(name, value, other, row[other]) for other in row}
                new |= {(two, b, one, a) for one, a, two, b in new}
                gains.append((len(new & wanted), not value))
        row[name] = not max(gains)[1]  # off if that is as good: a smaller build is a quicker one
    return {name: row[name] for name in rules.flags}


def cover(rules: Rules, fixed: Row, wanted: set[Pair]) -> list[Row]:
    """Return few allowed rows with the fixed values that have every wanted pair."""
    chance = random.Random(0)
    orders = [chance.sample(rules.flags, len(rules.flags)) for _ in range(ATTEMPTS)]
    return min((list(cover_in_order(rules, order, fixed, wanted)) for order in orders), key=len)


def cover_in_order(rules: Rules, order: list[str], fixed: Row, wanted: set[Pair]) -> Iterator[Row]:
    """Yield allowed rows until every wanted pair is in one, deciding the flags of each in this order."""
    wanted = set(wanted)
    while wanted:
        seeds = sorted(wanted)[:CANDIDATES]
        rows = [grow(rules, order, {**fixed, one: a, two: b}, wanted) for one, a, two, b in seeds]
        best = max(rows, key=lambda row: len(covered(row) & wanted))
        wanted -= covered(best)
        yield best


def rows(features: Any) -> list[Row]:
    """Return rows that cover every possible pair: those that can be built today come first."""
    rules = Rules(features)
    planned_off = dict.fromkeys((name for name in rules.flags if name in rules.planned), False)
    found = cover(rules, planned_off, set(rules.possible_pairs(planned_off)))
    done = set().union(*map(covered, found))
    return found + cover(rules, {}, set(rules.possible_pairs({})) - done)


def profile_text(features: Any) -> str:
    """Return the rows as the last part of features.toml: of each row what differs from the defaults."""
    lines = [BEGIN]
    for number, row in enumerate(rows(features), 1):
        lines.append(f"[profile.pair{number:02}]\n")
        lines += [
            f"{name} = {str(value).lower()}\n" for name, value in row.items() if value != features.flags[name]
        ]
        lines.append("\n")
    return "".join(lines).rstrip("\n") + "\n"


def tox_text(text: str, names: list[str]) -> str:
    """Return tox.ini with an environment for each of these rows."""
    numbers = ",".join(name.removeprefix("pair") for name in names)
    text = re.sub(r"(?m)^    pair\{[\d,]+\}$", f"    pair{{{numbers}}}", text)
    rows = "".join(f"    {name}: OPENTRACKER_PROFILE = {name}\n" for name in names)
    return re.sub(r"(?:    pair\d+: OPENTRACKER_PROFILE = pair\d+\n)+", rows, text)


def main() -> None:
    """Write the rows into features.toml, and their names into tox.ini."""
    sys.path.insert(0, str(ROOT))
    from build_hook.features_file import load_features  # noqa: PLC0415 - found by the path set above

    path = ROOT / "features.toml"
    text = path.read_text(encoding="utf-8").partition(BEGIN)[0].rstrip("\n") + "\n\n"
    path.write_text(text + profile_text(load_features(path)), encoding="utf-8")
    features = load_features(path)
    names = [name for name in features.profiles if name.startswith("pair")]
    ready = [name for name in names if not any(map(features.profiles[name].get, features.planned))]
    tox = ROOT / "tox.ini"
    tox.write_text(tox_text(tox.read_text(encoding="utf-8"), ready), encoding="utf-8")
    print(f"{path.name}: {len(names)} rows")


if __name__ == "__main__":
    main()
