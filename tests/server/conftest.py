import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.server.system.libc import has_mmsg
from tests.server.live import Live

DESCRIPTORS = Path("/proc/self/fd")


@pytest.fixture(params=["fast", "plain"])
def live(request: pytest.FixtureRequest) -> Iterator[Live]:
    """A tracker, once with the C library's batches and once without; it must give all its descriptors back."""
    fast = request.param == "fast"
    if fast and not has_mmsg():
        pytest.skip("this machine's C library has no recvmmsg in a known layout")
    before = open_descriptors()
    tracker = Live(fast=fast)
    yield tracker
    tracker.close()
    assert open_descriptors() == before


def open_descriptors() -> int:
    """How many descriptors this process has open; 0 on machines that do not tell."""
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0


@pytest.fixture
def many_descriptors() -> Iterator[int]:
    """As many descriptors as this process can get, for one test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard if hard != resource.RLIM_INFINITY else 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
