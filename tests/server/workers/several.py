"""Trackers of one, two and three workers as processes, for tests of all rooms."""

import gzip
import os
import socket
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

from opentracker._features import WANT_RESTRICT_STATS, WANT_STATS_PROMETHEUS, WANT_SYNC_LIVE
from opentracker.server.workers.service import PROC
from tests.server.live import HOME
from tests.server.process import PATIENCE, Tracker, allow, list_loopback
from tests.server.workers.allowed import may_be_several
from tests.server.workers.crew import GZIP

REFUSED = not may_be_several()
needs_several = pytest.mark.skipif(REFUSED, reason="this build refuses several workers")
several = pytest.mark.parametrize("workers", [1, 2, 3])
needs_statistics = pytest.mark.skipif(
    not WANT_STATS_PROMETHEUS, reason="needs a build with WANT_STATS_PROMETHEUS=1"
)
# Of the line of a reload. Root's tracker cannot read the file of a cluster again: tests.server.process names it.
RELOADED = "again takes a restart" if WANT_SYNC_LIVE and os.geteuid() == 0 else "the config was read again"
INFO_HASHES = [blake2b(bytes([number]), digest_size=20).digest() for number in range(40)]


def options(folder: Path, workers: int, *more: str) -> list[str]:
    """The options of a tracker that serves INFO_HASHES with this number of workers."""
    config = folder / "workers.conf"
    config.write_text(
        f"listen.workers {workers}\n" + f"access.stats {HOME}\n" * WANT_RESTRICT_STATS, encoding="ascii"
    )
    return [
        *["-f", str(config), "-i", HOME, "-p", "0", "-P", "0"],
        *allow(folder, *INFO_HASHES),
        *list_loopback(folder),
        *more,
    ]


def ask(where: tuple[str, int], target: str) -> bytes:
    """The answer to a GET at an address and port."""
    with socket.create_connection(where, timeout=PATIENCE) as client:
        client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    return answer


def fetch(tracker: Tracker, target: str) -> bytes:
    """The body of the answer to a GET."""
    body = ask(tracker.endpoint("TCP"), target).partition(b"\r\n\r\n")[2]
    return gzip.decompress(body) if body.startswith(GZIP) else body


def announce(tracker: Tracker, info_hash: bytes, port: int) -> bytes:
    """The answer to an announce over HTTP."""
    return fetch(tracker, f"/announce?info_hash={quote_from_bytes(info_hash)}&port={port}&left=0")


def torrents(tracker: Tracker) -> int:
    """The number of torrents of a tracker."""
    return int(fetch(tracker, "/stats?mode=peer").splitlines()[2].split()[2])


def workers_of(tracker: Tracker) -> list[int]:
    """The process ids of the workers, in the order of their start."""
    pid = tracker.process.pid
    return [int(each) for each in Path(PROC, str(pid), "task", str(pid), "children").read_text().split()]


def until(condition: Callable[[], bool], what: str) -> None:
    """Ask until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
