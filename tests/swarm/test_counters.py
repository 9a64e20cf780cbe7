from opentracker.swarm.counters import NAMES, Counters


def test_every_counter_begins_at_zero() -> None:
    counters = Counters()
    assert [getattr(counters, name) for name in NAMES] == [0] * len(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_rows_can_be_summed() -> None:
    """What several workers counted is one row again; none of them shares anything."""
    first, second, total = Counters(), Counters(), Counters()
    for number, name in enumerate(NAMES):
        setattr(first, name, number)
        setattr(second, name, 2**40)
        setattr(total, name, getattr(first, name) + getattr(second, name))
    assert [getattr(total, name) for name in NAMES] == [number + 2**40 for number in range(len(NAMES))]
    assert [getattr(first, name) for name in NAMES] == list(range(len(NAMES)))
