"""Connection ids in the moment in which one worker has begun an epoch and another has not."""

import pytest

from opentracker._features import OT_CONNECTION_ID_EPOCH
from opentracker.server.workers.ids import MARGIN, SharedIds
from tests.server.workers.crew import Crew
from tests.swarm.ids import id_for

SECRET = bytes(range(32))
ADDRESS = b"\x7f\0\0\1"


@pytest.mark.parametrize("address", [ADDRESS, bytes(15) + b"\1"])
def test_an_id_of_the_next_epoch_is_good_at_the_end_of_one(address: bytes) -> None:
    early, late = SharedIds(SECRET), SharedIds(SECRET)
    early.rotate(8)
    late.rotate(7)
    connection_id = id_for(early, address) + bytes(8)
    assert not late.accepts(connection_id, address)
    late.is_ending = True
    assert late.accepts(connection_id, address)
    assert not late.accepts(bytes(16), address)
    assert not late.accepts(connection_id, ADDRESS[::-1])


def test_a_worker_knows_the_end_of_an_epoch(two: Crew) -> None:
    worker = two.workers[0]
    found = []
    for left in (OT_CONNECTION_ID_EPOCH, MARGIN + 1, MARGIN, 0.5):
        worker.now.seconds = 10 * OT_CONNECTION_ID_EPOCH - left
        worker.rotate_ids()
        found.append(worker.shared_ids.is_ending)
    assert found == [False, False, True, True]
