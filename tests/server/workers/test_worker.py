"""A worker and its supervisor: orders and answers."""

import marshal

from opentracker.server.workers.frames import END, PULSE, READY, RELOAD, RELOADED, REPORT, STOP
from opentracker.server.workers.worker import PULSE_SECONDS
from tests.server.workers.crew import Crew


def kinds(crew: Crew, worker: int) -> list[int]:
    """The kinds of frames that a worker has sent, but pulses."""
    return [int(frame.kind) for frame in crew.frames[worker] if frame.kind != PULSE]


def test_a_worker_tells_that_it_serves_and_lives(crew: Crew) -> None:
    for number, worker in enumerate(crew.workers):
        worker.tell_ready()
        worker.tell_pulse()
        # A pulse of the worker's own may come first.
        crew.until(lambda its=number: kinds(crew, its) == [READY], "the word of a worker that serves")  # type: ignore[misc]
        crew.until(lambda its=crew.frames[number]: any(each.kind == PULSE for each in its), "a pulse")  # type: ignore[misc]
        (pulse,) = [frame for frame in crew.frames[number] if frame.kind == PULSE][:1]
        assert pulse.payload == b"0 0"
    assert PULSE_SECONDS > 0


def test_a_reload_is_answered_when_it_is_done(two: Crew) -> None:
    done: list[int] = []

    def work() -> None:
        two.workers[1].loop.start(iter([None] * 5))
        done.append(1)

    two.workers[1].reloads.append(work)
    two.channels[1].put(RELOAD, 0, b"")
    two.until(lambda: bool(done), "the reload")
    two.workers[1].look()
    assert kinds(two, 1) == []
    two.until(lambda: not two.workers[1].loop.has_work(), "the end of the work")
    two.workers[1].look()
    two.until(lambda: kinds(two, 1) == [RELOADED], "the answer")


def test_the_complaint_of_the_supervisor_is_every_workers(two: Crew) -> None:
    two.channels[0].put(REPORT, 0, marshal.dumps(("the disk is full", [])))
    two.until(lambda: two.workers[0].worries() == ["the disk is full"], "the complaint")
    two.channels[0].put(REPORT, 0, marshal.dumps(("", [])))
    two.until(lambda: two.workers[0].worries() == [], "its end")


def test_the_end_has_two_steps(two: Crew) -> None:
    worker = two.workers[0]
    two.channels[0].put(END, 0, b"")
    two.until(lambda: worker.loop.stopping, "the end of serving")
    assert not worker.has_to_stop
    two.channels[0].put(STOP, 0, b"")
    two.channels[0].flush()
    worker.serve_supervisor()
    assert worker.has_to_stop
    assert worker.http.connections == {}


def test_what_a_farewell_tells_other_workers_is_no_fault_at_the_end(two: Crew) -> None:
    """They have ended to read as well, and the sockets between them have room for a part of it."""
    worker = two.workers[0]

    def farewell() -> None:
        for _ in range(2000):
            worker.mesh.tell(1, b"of the end", bytes(1000))

    worker.farewells.append(farewell)
    two.channels[0].put(STOP, 0, b"")
    two.channels[0].flush()
    worker.serve_supervisor()
    assert (worker.has_to_stop, worker.loop.faults) == (True, 0)


def test_a_worker_without_a_supervisor_ends(two: Crew) -> None:
    two.channels[1].close()
    two.until(lambda: two.workers[1].has_to_stop, "the end")
    assert two.workers[1].loop.stopping
    del two.channels[1]
