"""The part of the supervisor that features use, without a worker."""

from collections.abc import Iterator

import pytest

from opentracker.config.settings import Settings
from opentracker.server.loop import Loop
from opentracker.server.workers.overseeing import Overseeing


@pytest.fixture
def overseer() -> Iterator[Overseeing]:
    made = Overseeing(Settings(workers=2))
    yield made
    made.loop.close()


def test_long_work_and_timers_run_in_its_loop(overseer: Overseeing) -> None:
    done = []

    def work() -> Iterator[None]:
        yield
        done.append("work")

    overseer.start_work(work())
    overseer.every(0.0, lambda: done.append("timer"))
    while len(set(done)) < 2:
        overseer.loop.iterate(0.1)
    assert overseer.part(Loop) is overseer.loop


def test_a_question_without_workers_has_no_answers(overseer: Overseeing) -> None:
    heard: list[list[bytes]] = []
    overseer.ask(b"name", b"question", heard.append)
    while not heard:
        overseer.loop.iterate(0.1)
    assert heard == [[]]
    assert b"".join(overseer.gather(b"name")) == b""
