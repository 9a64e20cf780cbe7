"""The memory that this process may use: the machine's, or less by a control group or a resource limit.

This module also measures the memory that the process does use, since the counted bytes of torrents and peers leave out
the fragmentation between them.
"""

import logging
import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from opentracker.swarm.policy.limits import Limits

log = logging.getLogger("opentracker")

V1_NONE: Final = 1 << 60  # in version 1 of control groups, "no limit" is a number above this
LONGEST_PATH: Final = 64  # most levels of control groups that are read
RESERVE: Final = 24 << 20  # bytes: pages of libraries, sockets in the kernel, waiting lines of the log
STATM: Final = Path("/proc/self/statm")  # proc_pid_statm(5): pages in all, resident ones, those of files, ...
IN_PROC: Final = Path("self/statm")
NOWHERE: Final = Path()  # not a file


class Resident:
    """The resident memory of this process, read from a file that is opened while /proc is still visible (Linux).

    It excludes pages of files, such as those of libraries, which the system can drop at any time. It also excludes
    pages that are swapped out.
    """

    def __init__(self, path: Path = STATM, folder: int | None = None) -> None:
        self.page = os.sysconf("SC_PAGE_SIZE")
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        except OSError:  # not Linux
            self.fd = -1

    def is_known(self) -> bool:
        """Whether this system has the file."""
        return self.fd >= 0

    def read(self) -> int:
        """The resident memory in bytes."""
        _, pages, of_files, *_ = os.pread(self.fd, 256, 0).split()
        return (int(pages) - int(of_files)) * self.page

    def close(self) -> None:
        """Close the file."""
        if self.is_known():
            os.close(self.fd)
            self.fd = -1


class Watch:
    """Reports to the limits how much this process has grown since it began to serve.

    The growth is the current memory less the memory after access list and state were loaded, before any client was
    served. The torrents of the loaded state count as growth with their counted bytes, so that they count once, and a
    restarted tracker begins without an excess.

    `aside` are functions that return the bytes of parts with limits of their own, or that strangers cannot enlarge:
    access lists (a reload may hold two for a while), connections and full scrapes. If these counted, a few strangers
    who read nothing could have everybody's torrents dropped. All other memory counts, above all memory that the
    allocators hold.
    """

    def __init__(
        self, limits: Limits, resident: Callable[[], int], aside: Sequence[Callable[[], int]] = ()
    ) -> None:
        self.limits = limits
        self.resident = resident
        self.aside = aside
        self.base = self.now() - limits.totals.bytes

    def now(self) -> int:
        """The memory of the process in bytes, without the parts in `aside`."""
        return self.resident() - sum([size() for size in self.aside])

    def look(self) -> None:
        """Measure and report; called once a second, after free memory was returned to the system."""
        try:
            now = self.now()
        except (OSError, ValueError) as error:  # the last measurement stays
            log.error("cannot read how much memory is in use: %s", error)
            return
        self.limits.measured(now - self.base)


def left_over(memory: int, resident: int) -> int:
    """The part of `memory` bytes (0: not known) that is left for torrents, connections and answers.

    The interpreter's current memory and a reserve are subtracted; at least an eighth of `memory` is left.
    """
    return max(memory - resident - RESERVE, memory // 8)


def memory_to_use(root: Path = Path("/")) -> int:
    """The memory that this process may use, in bytes; 0 if unknown. `root` is the directory of /proc and /sys."""
    known = [physical_memory(), *resource_limits(), *group_limits(root)]
    return min((limit for limit in known if limit > 0), default=0)


def physical_memory() -> int:
    """The machine's memory in bytes; 0 if unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def resource_limits() -> list[int]:
    """The limits of this process on its address space and its data (`ulimit -v`, `ulimit -d`)."""
    found = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return [limit for limit in found if limit != resource.RLIM_INFINITY]


def group_limits(root: Path) -> list[int]:
    """The limits of the control groups of this process, and of their parents; versions 1 and 2."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return []
    limits = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            limits += limits_above(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += limits_above(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
    return limits


def limits_above(mount: Path, path: str, name: str) -> list[int]:
    """The limits in the file `name` of a group and of its parents, as far as they are visible.

    Inside a container the path may be visible on the host only; then the mount itself is the group.
    """
    found = []
    parts = [part for part in path.split("/") if part not in ("", "..")][:LONGEST_PATH]
    for depth in range(len(parts), -1, -1):
        try:
            text = mount.joinpath(*parts[:depth], name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if text.isascii() and text.isdigit() and int(text) < V1_NONE:
            found.append(int(text))
    return found
