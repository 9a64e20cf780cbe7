"""Which core a process runs on, and how important it is to the scheduler."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def placed(core: int, nice: int) -> Iterator[None]:
    """Processes started within are bound to `core` and have this niceness, from their first instruction on.

    Both are inherited, so the caller takes them for the moment: set from outside afterwards they would
    miss the threads that a server has made by then. A niceness other than the caller's own is for root.
    """
    cores = os.sched_getaffinity(0)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    os.sched_setaffinity(0, {core})
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, own)
        os.sched_setaffinity(0, cores)
