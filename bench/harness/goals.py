"""The bounds that figures have to reach, and the line that says whether one did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a number of a row: `at least` or `at most` `bound`, in `unit`; `what` names the number."""

    row: str
    subject: str  # the contender it is a goal for
    base: str  # the contender that it is compared with; empty: the number stands for itself
    direction: Literal["at least", "at most"]
    bound: float
    unit: str = "×"

    def verdict(self, name: str, measured: float) -> str:
        """PASS or FALLS SHORT, what was wanted, what was measured."""
        reached = measured >= self.bound if self.direction == "at least" else measured <= self.bound
        unit = f"{self.unit} {self.base}".strip()
        wanted = f"goal {self.direction} {self.bound:g} {unit}, measured {measured:.3g} {unit}"
        return f"{'PASS' if reached else 'FALLS SHORT'} {self.row} {name}: {wanted}"


# The commit whose speeds are the least for goals of the kind "not below" and "so many times as fast".
BEFORE: Final = "657764c"

# Growth of the resident set × that of the C tracker, compiled and interpreted, by torrents × peers.
MEMORY: Final = {
    "300000x1": (0.6, 1.0),
    "50000x10": (0.75, 0.9),
    "300x1000": (1.15, 1.3),
    "1000000x3": (0.5, 1.0),
}

# While a million torrents expire, and while 20 full scrapes run.
SLICES: Final = (
    ("longest iteration", "compiled", 3),
    ("longest iteration", "pure", 10),
    ("p99.9 added", "compiled", 2),
    ("p99.9 added", "pure", 10),
)

# CPU time of an answer × that of a single worker, by load and number of workers.
WORKERS: Final = (
    ("udp", 2, 1.08),
    ("udp", 4, 1.08),
    ("http", 2, 1.15),
    ("http-saturated", 2, 1.15),
)

# Speeds are answers per CPU second under the same load; memory is growth of the resident set.
GOALS: Final = (
    Goal("udp", "compiled", "c", "at least", 1.7),
    Goal("udp", "compiled", "echo", "at least", 0.87),
    Goal("udp-sources", "compiled", "c", "at least", 1.65),
    Goal("udp-connects", "compiled", "c", "at least", 1.6),
    Goal("udp-large", "compiled", "c", "at least", 2.3),
    Goal("udp-large", "pure", "c", "at least", 1.0),
    Goal("udp-renewals", "compiled", "compiled-young", "at least", 0.98),
    Goal("udp-renewals", "pure", "pure-young", "at least", 0.9),
    *(Goal(row, "compiled", "c", "at least", 1.45) for row in ("http", "http-saturated")),
    *(
        Goal(row, "pure", f"pure@{BEFORE}", "at least", 1.0)
        for row in ("udp", "udp-sources", "udp-connects", "http", "http-saturated", "fullscrape")
    ),
    *(
        Goal(row, kind, f"{kind}@{BEFORE}", "at least", bound)
        for row in ("http-keepalive", "http-proxied")
        for kind, bound in (("compiled", 1.5), ("pure", 1.1))
    ),
    *(
        Goal(f"memory {fill}", subject, "c", "at most", bound)
        for fill, bounds in MEMORY.items()
        for subject, bound in zip(("compiled", "pure"), bounds, strict=True)
    ),
    *(
        Goal(f"workers {load} CPU", f"{kind}-{many}", kind, "at most", bound)
        for load, many, bound in WORKERS
        for kind in ("compiled", "pure")
    ),
    *(Goal("workers memory", f"{kind}-2", kind, "at most", 1.1) for kind in ("compiled", "pure")),
    *(
        Goal(f"workers answers per second{by}", f"{kind}-2", kind, "at least", 1.6)
        for by in ("", " of own cores")
        for kind in ("compiled", "pure")
    ),
    Goal("sync", "synced", "compiled", "at least", 0.9),
    Goal("sync", "all-told", "compiled", "at least", 0.9),
    Goal("sync-intake", "compiled", "", "at least", 150_000, "peers a CPU second"),
    *(Goal("websocket", subject, "npm", "at least", 5.0) for subject in ("compiled", "compiled-orjson")),
    Goal("websocket idle", "compiled", "npm", "at most", 0.5),
    Goal("micro 100000 against 100", "compiled", "", "at most", 1.5),
    *(
        Goal(f"{row} {figure}", subject, "", "at most", bound, "ms")
        for row in ("stall", "fullscrape")
        for figure, subject, bound in SLICES
    ),
    Goal("fullscrape", "compiled", "c", "at least", 1.3),
    Goal("fullscrape-gzip", "compiled", "", "at least", 0.9, "× gzip -7"),
    Goal("fullscrape-gzip isal", "compiled", "", "at least", 1.4, "× gzip -7"),
    Goal("slices", "compiled", "", "at most", 2, "ms"),
    *(Goal("fullscrape growth", subject, "", "at most", 20, "MiB") for subject in ("compiled", "pure")),
    Goal("state", "compiled", "", "at most", 5, "s"),
    Goal("lists 1000000 read", "compiled", "", "at most", 2, "s"),
    Goal("lists 1000000 read", "pure", "", "at most", 4, "s"),
    Goal("lists 1000000 each", "compiled", "", "at most", 40, "bytes"),
    Goal("lists 1000000 each", "pure", "", "at most", 40, "bytes"),
    Goal("lists 1000000 look-up", "compiled", "", "at most", 500, "ns"),
)


def print_verdicts(row: str, names: Iterable[str], measured: Callable[[str, str], float]) -> None:
    """The verdict of each goal of a row whose contenders (also at a revision) took part.

    `measured` gives the row's number of a contender, compared with another or by itself (empty). A variant of a
    contender, such as `compiled-young`, is the base of the same revision.
    """
    names = list(names)
    for goal in GOALS:
        for name in names:
            kind, at, revision = name.partition("@")
            base = f"{goal.base}{at}{revision}" if goal.base.startswith(f"{kind}-") else goal.base
            if goal.row == row and kind == goal.subject and base in ("", *names) and base != name:
                print(goal.verdict(name, measured(name, base)))
    print(flush=True)
