from collections.abc import Iterator

import pytest

from opentracker.server.libc import has_mmsg
from tests.server.live import Live


@pytest.fixture(params=["fast", "plain"])
def live(request: pytest.FixtureRequest) -> Iterator[Live]:
    """A tracker, once with the C library's batches and once without."""
    fast = request.param == "fast"
    if fast and not has_mmsg():
        pytest.skip("this machine's C library has no recvmmsg in a known layout")
    tracker = Live(fast=fast)
    yield tracker
    tracker.close()
