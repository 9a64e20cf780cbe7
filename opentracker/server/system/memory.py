"""How much memory this process may use: the machine's, or less where a control group or a resource limit says so.

And how much it does use, looked at as it runs: what is counted of torrents and peers does not have the holes between
them.
"""

import logging
import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from opentracker.swarm.policy.limits import Limits

log = logging.getLogger("opentracker")

V1_NONE: Final = 1 << 60  # version 1 has no word for "no limit": it is a number as large as can be
LONGEST_PATH: Final = 64  # groups above ours that are asked
RESERVE: Final = 24 << 20  # bytes: pages of libraries, sockets in the kernel, waiting lines of the log
STATM: Final = Path("/proc/self/statm")  # proc_pid_statm(5): pages in all, resident ones, those of files, ...


class Resident:
    """The memory of this process itself, read from a file that is opened while /proc can still be seen (Linux).

    Pages of files, such as those of libraries, are not among it: they come as they are used, and the system takes them
    back when it likes. What is swapped out is not either.
    """

    def __init__(self, path: Path = STATM) -> None:
        self.page = os.sysconf("SC_PAGE_SIZE")
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # not Linux
            self.fd = -1

    def is_known(self) -> bool:
        """Whether this system tells."""
        return self.fd >= 0

    def read(self) -> int:
        """Bytes."""
        _, pages, of_files, *_ = os.pread(self.fd, 256, 0).split()
        return (int(pages) - int(of_files)) * self.page

    def close(self) -> None:
        """Close the file."""
        if self.is_known():
            os.close(self.fd)
            self.fd = -1


class Watch:
    """Tells the limits what this process has grown by since it began to serve.

    That is what it has now, less what it had when access list and state were loaded and nobody was served yet; the
    torrents of that state count as growth with the bytes that are counted for them, so they count once, and a tracker
    that is started again begins without an excess.

    `aside` are functions that give the bytes of what has limits of its own, or none that a stranger reaches: access
    lists (a reload may make two for a while), connections and full scrapes. Were they counted, a few strangers who read
    nothing could have everybody's torrents dropped. All else is growth: above all, what the allocators hold on to.
    """

    def __init__(
        self, limits: Limits, resident: Callable[[], int], aside: Sequence[Callable[[], int]] = ()
    ) -> None:
        self.limits = limits
        self.resident = resident
        self.aside = aside
        self.base = self.now() - limits.totals.bytes

    def now(self) -> int:
        """Bytes that may be the torrents'."""
        return self.resident() - sum([size() for size in self.aside])

    def look(self) -> None:
        """To be called once a second, when all that can be has been given back."""
        try:
            now = self.now()
        except (OSError, ValueError) as error:  # what was known last holds
            log.error("cannot read how much memory is in use: %s", error)
            return
        self.limits.measured(now - self.base)


def left_over(memory: int, resident: int) -> int:
    """The bytes that are left for torrents, connections and answers of all that the process may use (0: not known).

    Off go those that the interpreter has by now, and a reserve; a small machine keeps an eighth, whatever it is.
    """
    return max(memory - resident - RESERVE, memory // 8)


def memory_to_use(root: Path = Path("/")) -> int:
    """Bytes; 0 if nothing tells. `root` is where /proc and /sys are."""
    known = [physical_memory(), *resource_limits(), *group_limits(root)]
    return min((limit for limit in known if limit > 0), default=0)


def physical_memory() -> int:
    """The machine's memory in bytes; 0 if it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def resource_limits() -> list[int]:
    """The limits of this process on its address space and its data (`ulimit -v`, `ulimit -d`)."""
    found = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return [limit for limit in found if limit != resource.RLIM_INFINITY]


def group_limits(root: Path) -> list[int]:
    """The limits of the control groups that this process is in, and of those around them; versions 1 and 2."""
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
    """The limits in a group's file of this name and in those of the groups around it, as far as they can be seen.

    Within a container the path may be one that only the outside knows: then the mount itself is the group.
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
