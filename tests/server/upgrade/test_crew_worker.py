"""The orders of a supervisor to its workers in an upgrade."""

import pytest

from opentracker.server.upgrade.crew_worker import join
from opentracker.server.upgrade.taking import Taking
from opentracker.server.workers.channel import pair
from opentracker.server.workers.frames import FINISH, GONE, NEAR, QUIET, REOPEN, RETIRE, SHUT
from tests.server.live import HASH_A
from tests.server.upgrade.handing import TurningReader
from tests.server.workers.crew import Crew
from tests.swarm.filled import open_tracker


@pytest.mark.parametrize("fails", [False, True])
def test_a_worker_hands_its_torrents_over(fails: bool) -> None:
    crew = Crew(2)
    worker, end = crew.workers[0], pair()
    worker.departure.listen(end[0])
    (owned,) = crew.owned_by(0)
    crew.announce(owned, 7000)

    def told(kind: int) -> bool:
        return any(frame.kind == kind for frame in crew.frames[0])

    def turn() -> None:
        crew.iterate()
        if told(NEAR) and not told(QUIET):
            crew.channels[0].put(SHUT, 0, b"")
        elif told(QUIET):
            crew.channels[0].put(FINISH, 0, b"")

    taker = open_tracker()
    assert Taking(taker, worker.now).take_all(TurningReader(end[1], 9, turn)) == 1
    assert taker.store.has(owned)
    assert worker.departure.door.is_shut
    crew.channels[0].put(REOPEN if fails else RETIRE, 0, b"")
    crew.until(lambda: told(GONE) or not worker.departure.door.is_shut, "the end")
    assert told(GONE) != fails
    if fails:
        assert b"8:completei" in crew.announce(owned, 7001)
        assert b"8:completei" in crew.announce(HASH_A, 7001)
    assert worker.departure.channel is not None
    worker.departure.channel.close()
    end[1].close()
    crew.close()


def test_the_orders_are_those_of_an_upgrade() -> None:
    crew = Crew(1)
    worker = crew.workers[0]
    orders: dict[int, object] = {}
    join(worker, worker.streams_out, worker.mesh, worker.control, orders)  # type: ignore[arg-type]
    assert set(orders) == {SHUT, FINISH, REOPEN, RETIRE}
    crew.close()
