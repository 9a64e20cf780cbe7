"""Crews of workers for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.server.conftest import open_descriptors
from tests.server.workers.crew import Crew


@pytest.fixture(params=[1, 2, 3])
def crew(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """One to three workers; they must give all their descriptors back."""
    before = open_descriptors()
    workers = Crew(request.param)
    yield workers
    workers.close()
    assert open_descriptors() == before


@pytest.fixture
def two() -> Iterator[Crew]:
    """Two workers."""
    workers = Crew(2)
    yield workers
    workers.close()
