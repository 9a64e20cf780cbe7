"""The table of rows, and how they are run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from harness.errors import BenchError
from harness.tables import processor
from rows.calls import calls
from rows.http import http, http_keepalive, http_proxied, http_saturated
from rows.inside import micro, profile, slices, stall
from rows.lists import lists
from rows.memory import memory
from rows.scrapes import fullscrape, fullscrape_gzip, fullscrape_many, state
from rows.sync import sync, sync_intake
from rows.udp import udp, udp6, udp_connects, udp_growth, udp_large, udp_renewals, udp_sources
from rows.websocket import https, websocket
from rows.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.setting import Bench

ROWS: Final[dict[str, Callable[[Bench], None]]] = {
    "udp": udp,
    "udp-sources": udp_sources,
    "udp6": udp6,
    "udp-connects": udp_connects,
    "udp-large": udp_large,
    "udp-growth": udp_growth,
    "udp-renewals": udp_renewals,
    "http": http,
    "http-saturated": http_saturated,
    "http-keepalive": http_keepalive,
    "http-proxied": http_proxied,
    "https": https,
    "websocket": websocket,
    "workers": workers,
    "memory": memory,
    "micro": micro,
    "slices": slices,
    "stall": stall,
    "fullscrape": fullscrape,
    "fullscrape-gzip": fullscrape_gzip,
    "fullscrape-many": fullscrape_many,
    "state": state,
    "sync": sync,
    "sync-intake": sync_intake,
    "lists": lists,
    "calls": calls,
    "profile": profile,
}


def first_line(row: Callable[[Bench], None]) -> str:
    return (row.__doc__ or "").partition("\n")[0]


def run_rows(bench: Bench, names: Sequence[str]) -> None:
    """Run rows one after the other; one that cannot be measured does not keep the others from it."""
    failures = []
    for name in names:
        print(f"`{name}` on {processor()}: {first_line(ROWS[name])}", end="\n\n", flush=True)
        try:
            ROWS[name](bench)
        except BenchError as error:
            failures.append(f"{name}: {error}")
            print(failures[-1], file=sys.stderr)
    if failures:
        raise BenchError(f"{len(failures)} of {len(names)} rows could not be measured: {'; '.join(failures)}")
