"""The cost of floods: memory with holes or that comes back (R-03), info_hashes that look alike (R-06).

Run by a wheel's own python: `python bench/abuse.py [TORRENTS]` lets 20,000 torrents grow side by side, and leaves one
behind for each pool of memory at each size, without a limit and with one of 12 MiB that what is really used counts
for. It fills a tracker with random torrents of one peer (a million), lets them expire, and fills it again. Then it
announces 200,000 torrents with random info_hashes, and as many that share their first ten bits.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from typing import Final

from librt.random import Random

from opentracker._features import OT_PEER_TIMEOUT, WANT_MAX_PEER
from opentracker.protocol.messages import Announce
from opentracker.server.system.libc import HeapTrim
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.store.records import HEADER_SIZE, PEER4
from opentracker.swarm.tracker import Tracker

if WANT_MAX_PEER:
    from opentracker.server.system.memory import Resident, Watch
    from opentracker.swarm.policy.limits import Limits
    from opentracker.swarm.tracker import limit_by

MIB: Final = 1 << 20
GROWING: Final = 20_000
GROWN: Final = 62  # peers of the torrents that grow to the end: what is larger is not in a pool
POOL: Final = 16 * 1024  # bytes, of CPython's allocator of small objects
A_SECOND: Final = 20_000  # announces between two looks at the memory
ALIKE: Final = 200_000
REPEATS: Final = 5
CHUNK: Final = 100_000


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * 4096


def request() -> Announce:
    a = Announce(both_families=False)
    a.peer, a.stored, a.numwant = b"\x0a\0\0\1\x1a\xe1", True, 0
    return a


def fill(tracker: Tracker, torrents: int, minute: int, trim: HeapTrim) -> None:
    """Torrents of one peer each, with info_hashes that nobody keeps."""
    a = request()
    for number in range(torrents):
        a.info_hash = random.randbytes(20)
        tracker.announce(a, minute)
        if number % CHUNK == 0:
            trim()  # as the loop does every second


def clean(tracker: Tracker, minute: int, trim: HeapTrim) -> None:
    """A clean cycle."""
    cleaner = Cleaner(tracker)
    for _ in range(tracker.store.shards):
        for _ in cleaner.clean_next(minute):
            pass
        trim()


def leave_holes(tracker: Tracker, look: Callable[[], None]) -> None:
    """Torrents that grow peer by peer, of which some stay behind so that no pool is ever empty."""
    a = request()
    growing = [random.randbytes(20) for _ in range(GROWING)]
    announces = 0
    for peers in range(1, GROWN + 1):
        for a.info_hash in growing:
            a.peer, a.stored = b"\x0a\0\0\1" + (1000 + peers).to_bytes(2, "big"), True
            tracker.announce(a, 0)
            announces += 1
            if announces % A_SECOND == 0:
                look()
        if peers % 2 == 0:  # the next peer makes the records 16 bytes larger
            del growing[:: POOL // (HEADER_SIZE + PEER4 * peers + 48 & ~15)]


def memory_with_holes(limit: int) -> None:
    tracker, trim, resident = Tracker(Random(1)), HeapTrim(), Resident()
    limits = Limits(memory=limit)
    limit_by(tracker, limits)
    watch = Watch(limits, resident.read)

    def look() -> None:
        trim()
        watch.look()

    leave_holes(tracker, look)
    look()
    kind = f"a limit of {limit / MIB:.0f} MiB" if limit else "no limit"
    print(
        f"R-03, {GROWING:,} torrents that leave holes, {kind}: {limits.totals.bytes / MIB:.1f} MiB counted",
        end="",
    )
    print(f", {(limits.totals.bytes + limits.excess) / MIB:.1f} used", end="")
    print(f", {tracker.counters.refused_memory:,} newcomers refused")
    resident.close()


def memory_comes_back(torrents: int) -> None:
    tracker, trim = Tracker(Random(1)), HeapTrim()
    fill(tracker, 1000, 0, trim)
    base = resident()
    fill(tracker, torrents, 0, trim)
    first = resident()
    counted = tracker.limits.totals.bytes if hasattr(tracker, "limits") else 0
    for minute in (OT_PEER_TIMEOUT + 1, OT_PEER_TIMEOUT + 3):
        clean(tracker, minute, trim)
    assert tracker.store.totals.torrents == 0
    after = resident()
    fill(tracker, torrents, OT_PEER_TIMEOUT + 4, trim)
    second = resident()
    print(f"R-03, {torrents:,} torrents: {base / MIB:.1f} MiB before, {first / MIB:.1f} filled", end="")
    print(
        f" ({counted / MIB:.1f} counted), {after / MIB:.1f} after their time, {second / MIB:.1f} filled again"
    )
    print(f"  returned {(first - after) / (first - base):.1%} of the growth (goal: at least 70 %)", end="")
    print(f", second peak {(second - first) / (first - base):+.1%} of the first (goal: at most +5 %)")


def seconds_for(info_hashes: list[bytes]) -> float:
    """CPU seconds for an announce to each."""
    tracker = Tracker(Random(1))
    a = request()
    start = time.process_time()
    for a.info_hash in info_hashes:
        tracker.announce(a, 0)
    return time.process_time() - start


def looking_alike() -> None:
    usual = [random.randbytes(20) for _ in range(ALIKE)]
    alike = [(random.getrandbits(160) >> 10).to_bytes(20, "big") for _ in range(ALIKE)]
    times = [(seconds_for(usual), seconds_for(alike)) for _ in range(REPEATS)]
    ratio = min(time[1] for time in times) / min(time[0] for time in times)
    print(f"R-06, {ALIKE:,} torrents: {ratio:.2f} × the CPU time if info_hashes share ten bits (goal: < 1.3)")


if __name__ == "__main__":
    gc.disable()
    if WANT_MAX_PEER:
        memory_with_holes(12 * MIB)  # first: what is left free then is nothing yet
        memory_with_holes(0)
    memory_comes_back(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    looking_alike()
