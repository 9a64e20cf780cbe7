from collections.abc import Iterator

import pytest

from tests.server.live import Live


@pytest.fixture
def live() -> Iterator[Live]:
    """A tracker in this process."""
    tracker = Live()
    yield tracker
    tracker.close()
