"""The table of rows, and how they are run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from harness.errors import BenchError
from rows.inside import micro, profile, stall
from rows.lists import lists
from rows.memory import memory
from rows.scrapes import fullscrape, fullscrape_gzip, fullscrape_many, state
from rows.speed import http, http_keepalive, http_saturated, udp, udp6, udp_sources
from rows.sync import sync, sync_intake

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.setting import Bench

ROWS: Final[dict[str, Callable[[Bench], None]]] = {
    "udp": udp,
    "udp-sources": udp_sources,
    "udp6": udp6,
    "http": http,
    "http-saturated": http_saturated,
    "http-keepalive": http_keepalive,
    "memory": memory,
    "micro": micro,
    "stall": stall,
    "fullscrape": fullscrape,
    "fullscrape-gzip": fullscrape_gzip,
    "fullscrape-many": fullscrape_many,
    "state": state,
    "sync": sync,
    "sync-intake": sync_intake,
    "lists": lists,
    "profile": profile,
}


def run_rows(bench: Bench, names: Sequence[str]) -> None:
    """Run rows one after the other; one that cannot be measured does not keep the others from it."""
    failures = []
    for name in names:
        print(f"{name}: {(ROWS[name].__doc__ or '').splitlines()[0]}", file=sys.stderr)
        try:
            ROWS[name](bench)
        except BenchError as error:
            failures.append(f"{name}: {error}")
            print(failures[-1], file=sys.stderr)
    if failures:
        raise BenchError(f"{len(failures)} of {len(names)} rows could not be measured: {'; '.join(failures)}")
