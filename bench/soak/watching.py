"""A server seen from outside: its memory, its descriptors, the kernel's counters."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from statistics import fmean


class Watch(threading.Thread):
    """Looks at a process every second, for as long as it is there."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.samples: list[tuple[float, int, int]] = []  # seconds, KiB, descriptors
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(1.0):
            try:
                self.samples.append((time.monotonic(), resident_kib(self.pid), descriptors(self.pid)))
            except (FileNotFoundError, ProcessLookupError):
                return


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * (os.sysconf("SC_PAGE_SIZE") // 1024)


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def udp_errors() -> int:
    """Datagrams that found no room in a buffer of this network namespace."""
    text = Path("/proc/self/net/snmp").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("Udp:")]
    return int(dict(zip(lines[0], lines[1], strict=True))["RcvbufErrors"])


def slope(samples: list[tuple[float, float]]) -> float:
    """Of the line of least squares through points, second value by first."""
    mean_x, mean_y = fmean(x for x, _ in samples), fmean(y for _, y in samples)
    below = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / below
