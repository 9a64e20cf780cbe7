from opentracker.features.cluster.counting import COUNTERS
from opentracker.swarm.counting.metric import SYNC


def test_rows() -> None:
    assert all(row.group == SYNC and row.name.startswith("sync_") for row in COUNTERS)
    assert len({(row.family.name, row.labels) for row in COUNTERS}) == len(COUNTERS)
    assert all(row.family.name.startswith("opentracker_sync_") for row in COUNTERS)
