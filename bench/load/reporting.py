"""The report of a load in Python: the same numbers as those of the load generators in C."""

from __future__ import annotations

import json
import time
from pathlib import Path

PAGE_KIB = 4


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process with all its threads, to the nanosecond (see clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB


class Measurement:
    """The work of a server since now."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.cpu = cpu_seconds(pid)
        self.own = time.process_time()
        self.began = time.monotonic()

    def print_report(self, answers: int, size: int, latencies: list[float], wrong: int) -> None:
        """Print the report of `answers`, which had `size` bytes altogether."""
        seconds = time.monotonic() - self.began
        cpu = cpu_seconds(self.pid) - self.cpu
        latencies = sorted(latencies) or [0.0]
        print(
            json.dumps(
                {
                    "answers": answers,
                    "answers_per_second": answers / seconds,
                    "answers_per_cpu_second": answers / cpu,
                    "cpu_us_per_answer": cpu / max(answers, 1) * 1e6,
                    "bytes_per_answer": size / max(answers, 1),
                    "server_busy": cpu / seconds,
                    "load_busy": (time.process_time() - self.own) / seconds,
                    "timeouts": 0,
                    "errors": {"wrong": wrong},
                    "latency_us": {
                        name: latencies[min(int(len(latencies) * share), len(latencies) - 1)] * 1e6
                        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
                    },
                }
            )
        )
