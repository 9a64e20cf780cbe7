"""What the machine and its control groups say, from files as Linux writes them; and what settings make of it."""

import resource
from pathlib import Path

import pytest

from opentracker._features import OT_MAX_MEMORY, OT_MAX_PEERS, OT_MAX_TORRENTS
from opentracker.server import wiring
from opentracker.server.memory import (
    group_limits,
    limits_of,
    measure,
    memory_to_use,
    physical_memory,
    resource_limits,
)
from opentracker.server.settings import Bind, Settings
from opentracker.swarm.limits import UNLIMITED
from tests.server.live import HOME, SYNC_BINDS, packed


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


def test_by_default_the_tracker_keeps_to_a_share_of_it() -> None:
    settings = Settings()
    measure(settings)
    limits = limits_of(settings)
    share = memory_to_use() * OT_MAX_MEMORY // 100
    assert limits.most_bytes == (share or UNLIMITED)
    assert limits.most_torrents == (OT_MAX_TORRENTS or UNLIMITED)
    assert limits.most_peers == (OT_MAX_PEERS or UNLIMITED)


def test_a_share_of_ones_own() -> None:
    settings = Settings(limit_memory_share=10)
    measure(settings)
    assert settings.limit_memory == memory_to_use() // 10


def test_settings_win() -> None:
    settings = Settings(
        limit_torrents=1,
        limit_peers=2,
        limit_peers_per_torrent=3,
        limit_ports_per_address=4,
        limit_memory=5,
    )
    measure(settings)
    limits = limits_of(settings)
    assert (limits.most_torrents, limits.most_peers, limits.peers_per_torrent) == (1, 2, 3)
    assert (limits.ports_per_address, limits.most_bytes) == (4, 5)


@pytest.mark.parametrize("settings", [Settings(limit_memory=0), Settings(limit_memory_share=0)])
def test_no_limit(settings: Settings) -> None:
    measure(settings)
    assert limits_of(settings).most_bytes == UNLIMITED


@pytest.mark.needs(WANT_ACCESSLIST_BLACK=False, WANT_ACCESSLIST_WHITE=False)
def test_memory_is_measured_before_the_root_directory_hides_it() -> None:
    seen = []
    server = wiring.start(
        Settings([Bind(True, packed(HOME), 0)], sync_binds=SYNC_BINDS),
        lambda settings: seen.append(settings.limit_memory),
    )
    assert seen == [memory_to_use() * OT_MAX_MEMORY // 100]
    assert server.tracker.limits.most_bytes == (seen[0] or UNLIMITED)
    server.close()
