"""The memory limits of the machine and its control groups, in files as Linux writes them, and of this process."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from opentracker.server.system.memory import (
    STATM,
    Resident,
    Watch,
    group_limits,
    memory_to_use,
    physical_memory,
    resource_limits,
)
from opentracker.swarm.policy.limits import LASTING, Limits
from tests.server.process import PATIENCE

MIB: Final = 1 << 20
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
linux = pytest.mark.skipif(not STATM.exists(), reason="Linux alone tells what a process has")


def machine(root: Path, groups: str, **files: str) -> Path:
    """A root with /proc/self/cgroup and some files under /sys/fs/cgroup; `__` in a name stands for a slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("max", "memory.max")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_control_groups_nothing_limits(tmp_path: Path) -> None:
    assert group_limits(tmp_path) == []
    assert memory_to_use(tmp_path) == min([physical_memory(), *resource_limits()])


def test_version_2_with_limits_at_every_height(tmp_path: Path) -> None:
    root = machine(
        tmp_path,
        "0::/system.slice/opentracker.service\n",
        system__max="1\n",  # of a group that is not ours
        **{"system.slice__opentracker.service__max": "max\n", "system.slice__max": "1000000\n"},
        max="3000000\n",
    )
    assert group_limits(root) == [1_000_000, 3_000_000]
    assert memory_to_use(root) == 1_000_000


def test_version_2_in_a_container_that_does_not_see_its_path(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/../../docker/0123\n", max="2000000\n")
    assert group_limits(root) == [2_000_000]


def test_version_1(tmp_path: Path) -> None:
    groups = "5:cpu,cpuacct:/a\n4:blkio,memory:/a/b\n0::/ignored\n"
    root = machine(tmp_path, groups)
    memory = root / "sys/fs/cgroup/memory"
    (memory / "a/b").mkdir(parents=True)
    (memory / "a/b/memory.limit_in_bytes").write_text("5000000\n")
    (memory / "memory.limit_in_bytes").write_text("9223372036854771712\n")  # its way to say: none
    assert group_limits(root) == [5_000_000]


@pytest.mark.parametrize("text", ["", "-1\n", "many\n", "1e9\n", "١\n"])
def test_what_is_no_number_limits_nothing(text: str, tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/\nnonsense\n\n", max=text)
    assert group_limits(root) == []


def test_a_limit_on_the_address_space_counts(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    low = physical_memory() // 2
    resource.setrlimit(resource.RLIMIT_DATA, (low, before[1]))
    try:
        assert memory_to_use(tmp_path) == low
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


# ---- What is used ------------------------------------------------------------------------------------------


def test_what_a_process_has_itself_is_read_again_and_again(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("9000 3000 500 5 0 7 0\n")
    resident = Resident(statm)
    assert resident.is_known()
    assert resident.read() == 2500 * PAGE
    statm.write_text("9000000 3000000 500 5 0 7 0\n")
    assert resident.read() == 2_999_500 * PAGE
    resident.close()
    assert not resident.is_known()


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    resident = Resident(tmp_path / "statm")
    assert not resident.is_known()
    resident.close()


@linux
def test_this_process_grows_by_what_it_allocates() -> None:
    resident = Resident()
    before = resident.read()
    ballast = b"x" * (50 * MIB)
    assert 45 * MIB < resident.read() - before < 55 * MIB
    del ballast
    assert resident.read() - before < 5 * MIB
    resident.close()


class Process:
    """The memory of a process that a test makes up: 40 MiB before anything is loaded."""

    def __init__(self) -> None:
        self.limits = Limits(memory=100 * MIB)
        self.resident = 40 * MIB
        self.listed = 0
        self.is_readable = True

    def watch(self) -> Watch:
        """Begin to serve."""
        return Watch(self.limits, self.read, [lambda: self.listed])

    def read(self) -> int:
        """The memory of the process."""
        if not self.is_readable:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return self.resident


def test_r03_growth_beyond_what_is_counted_is_an_excess() -> None:
    process = Process()
    watch = process.watch()
    watch.look()
    assert process.limits.excess == 0
    process.limits.totals.bytes += 10 * MIB
    process.resident += 30 * MIB
    watch.look()
    assert process.limits.excess == 20 * MIB
    process.resident -= 25 * MIB  # what torrents keep is less than is counted for them
    watch.look()
    assert process.limits.excess == 0


def test_where_memory_cannot_be_read_the_latest_figure_holds(caplog: pytest.LogCaptureFixture) -> None:
    process = Process()
    watch = process.watch()
    process.resident += 100 * MIB
    watch.look()
    process.is_readable = False
    watch.look()
    assert process.limits.excess == 100 * MIB
    assert "cannot read how much memory is in use: [Errno 12]" in caplog.text


def test_a_state_that_is_loaded_counts_once() -> None:
    """And once only, whatever it takes beyond what is counted: a start is not to refuse what an end has written."""
    process = Process()
    process.limits.totals.bytes += 80 * MIB
    process.resident += 120 * MIB
    watch = process.watch()
    for _ in range(LASTING):
        watch.look()
    assert not process.limits.near_limit
    process.limits.totals.bytes -= 80 * MIB  # all of it expires
    process.resident -= 120 * MIB
    watch.look()
    assert process.limits.excess == 0
    process.resident += 120 * MIB + 100 * MIB
    watch.look()
    assert process.limits.near_limit


def test_access_lists_do_not_count_whenever_they_are_loaded() -> None:
    process = Process()
    process.listed = 300 * MIB
    process.resident += 300 * MIB
    watch = process.watch()
    process.listed += 900 * MIB  # a larger one is being read
    process.resident += 900 * MIB
    watch.look()
    assert process.limits.excess == 0
    for _ in range(3):  # and has replaced the first, which is freed in slices
        process.listed -= 100 * MIB
        process.resident -= 100 * MIB
        watch.look()
        assert process.limits.excess == 0


# Torrents grow side by side, and of each pool of memory one is left behind at each size. A clean process, since what
# other tests have freed would be used first.
HOLES: Final = """
from librt.random import Random
from opentracker.protocol.messages import Announce
from opentracker.server.system.memory import Resident, Watch
from opentracker.swarm.policy.limits import Limits
from opentracker.swarm.tracker import Tracker, limit_by

tracker = Tracker(Random(1))
limits = Limits(memory=4 << 20)
limit_by(tracker, limits)
a = Announce(both_families=False)
a.numwant = 0
growing = [number.to_bytes(20, "big") for number in range(1000)]
resident = Resident()
watch = Watch(limits, resident.read)
base = resident.read()
for peers in range(1, 63):
    for a.info_hash in growing:
        a.peer, a.stored = b"\\x0b\\0\\0\\1" + (1000 + peers).to_bytes(2, "big"), True
        tracker.announce(a, 0)
    if peers % 2 == 0:
        del growing[:: 16384 // (8 * peers + 48)]
    watch.look()
print(limits.totals.bytes, resident.read() - base, tracker.counters.refused_memory)
"""


def run_holes() -> tuple[int, int, int]:
    """Bytes that are counted, bytes that the process has grown by, peers that were refused."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", HOLES], check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    counted, grown, refused = map(int, done.stdout.split())
    return counted, grown, refused


@linux
@pytest.mark.needs(WANT_COMPILED=True)
def test_r03_words_leave_no_holes() -> None:
    counted, grown, refused = run_holes()
    assert refused == 0
    assert grown < counted + MIB


@linux
@pytest.mark.needs(WANT_COMPILED=False)
def test_r03_memory_with_holes_is_limited_by_what_it_takes() -> None:
    counted, grown, refused = run_holes()
    assert counted < MIB, "far from the limit"
    assert refused > 1000
    assert 3.5 * MIB < grown < 4.5 * MIB, "it was let grow to its limit, and no further"
