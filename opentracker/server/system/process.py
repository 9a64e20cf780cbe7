"""The statistics of the process, under the names that Prometheus' client libraries use.

Files of /proc are opened before the process is confined, so that they can be read inside a root directory.
"""

import os
import resource
import time
from pathlib import Path
from typing import ClassVar, Final

from opentracker.config.settings import Settings
from opentracker.features.feature import Feature
from opentracker.server.core import Core
from opentracker.swarm.counting.core_gauges import CPU, MAX_FDS, OPEN_FDS, RESIDENT, START_TIME
from opentracker.swarm.surveys.snapshot import StatsSnapshot

PROC: Final = Path("/proc/self")  # Linux
RESIDENT_AT: Final = 1  # field of statm (proc_pid_statm(5)), in pages


class ProcessFeature(Feature[Core]):
    """CPU time, memory, descriptors and start time of the process; a system without /proc has fewer of them."""

    in_workers: ClassVar[bool] = True

    def __init__(self, settings: Settings, proc: Path = PROC) -> None:
        super().__init__(settings)
        self.proc = proc
        self.statm = -1
        self.descriptors = -1
        self.began_at = time.time()

    def open(self) -> None:
        """Open the files of /proc."""
        self.statm = opened(self.proc / "statm", os.O_RDONLY)
        self.descriptors = opened(self.proc / "fd", os.O_RDONLY | os.O_DIRECTORY)

    def inherit(self, proc: int, is_successor: bool) -> None:
        """See Feature."""
        self.close()
        self.began_at = time.time()
        if proc >= 0:
            self.statm = opened(Path("self/statm"), os.O_RDONLY, proc)
            self.descriptors = opened(Path("self/fd"), os.O_RDONLY | os.O_DIRECTORY, proc)

    def join(self, host: Core) -> None:
        """See Feature."""
        host.sources.append(self.tell)

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the gauges of the process to a snapshot."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        snapshot.tell(CPU, used.ru_utime + used.ru_stime)
        snapshot.tell(START_TIME, self.began_at)
        if self.statm >= 0:
            pages = int(os.pread(self.statm, 256, 0).split()[RESIDENT_AT])
            snapshot.tell(RESIDENT, pages * os.sysconf("SC_PAGE_SIZE"))
        if self.descriptors >= 0:
            snapshot.tell(OPEN_FDS, len(os.listdir(self.descriptors)) - 1)  # without the one of os.listdir
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if most != resource.RLIM_INFINITY:
            snapshot.tell(MAX_FDS, most)

    def close(self) -> None:
        """Close the files of /proc."""
        for fd in (self.statm, self.descriptors):
            if fd >= 0:
                os.close(fd)
        self.statm = self.descriptors = -1


def opened(path: Path, flags: int, folder: int | None = None) -> int:
    """Open a file, relative to an open folder if one is given; returns its descriptor, or -1 without such a file."""
    try:
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return -1
