"""The process in statistics, read through descriptors that were opened before it was confined."""

import os
import time
from pathlib import Path

import pytest

from opentracker.config.settings import Settings
from opentracker.server.system.process import ProcessFeature
from opentracker.swarm.counting.core_gauges import CPU, MAX_FDS, OPEN_FDS, RESIDENT, START_TIME
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.server.live import Live


def told(feature: ProcessFeature) -> StatsSnapshot:
    """The values that the feature adds to a snapshot of a tracker that it has joined."""
    live = Live()
    feature.join(live.server)
    snapshot = StatsSnapshot("opentracker", 1, 1)
    live.server.complete(snapshot)
    live.close()
    return snapshot


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_what_a_process_tells() -> None:
    feature = ProcessFeature(Settings())
    feature.open()
    with open(os.devnull, "rb"):  # one more than a moment before
        before = len(os.listdir("/proc/self/fd"))
        snapshot = told(feature)
    assert snapshot.reading(CPU) > 0
    assert snapshot.reading(RESIDENT) > 1 << 20
    assert snapshot.reading(RESIDENT) % os.sysconf("SC_PAGE_SIZE") == 0
    assert before <= snapshot.reading(OPEN_FDS) <= before + 20  # the tracker's own
    assert snapshot.reading(MAX_FDS) >= snapshot.reading(OPEN_FDS)
    assert abs(snapshot.reading(START_TIME) - time.time()) < 600
    feature.close()
    feature.close()


def test_a_system_without_proc_tells_the_rest(tmp_path: Path) -> None:
    feature = ProcessFeature(Settings(), tmp_path)
    feature.open()
    snapshot = told(feature)
    assert (OPEN_FDS.name, "") not in snapshot.readings
    assert (RESIDENT.name, "") not in snapshot.readings
    assert snapshot.reading(CPU) > 0
    feature.close()
