from hypothesis import given
from hypothesis import strategies as st

from opentracker.swarm.counting.ranking import Ranking

counted = st.dictionaries(st.binary(min_size=1, max_size=3), st.integers(0, 9), max_size=40)


@given(counted, st.integers(1, 12))
def test_it_keeps_the_largest(counts: dict[bytes, int], size: int) -> None:
    ranking = Ranking(size)
    for name, count in counts.items():
        ranking.offer(count, name)
    ranked = ranking.first(size)
    assert [count for count, _ in ranked] == sorted(filter(None, counts.values()), reverse=True)[:size]
    assert all(counts[name] == count for count, name in ranked)
    assert len({name for _, name in ranked}) == len(ranked)
    assert ranking.first(2) == ranked[:2]
    assert all(count <= ranking.least for name, count in counts.items() if (count, name) not in ranked)


@given(counted, st.integers(1, 12))
def test_parts_are_merged(counts: dict[bytes, int], size: int) -> None:
    whole, odd, even = Ranking(size), Ranking(size), Ranking(size)
    for number, (name, count) in enumerate(counts.items()):
        whole.offer(count, name)
        (odd if number % 2 else even).offer(count, name)
    odd.merge(even)
    assert [count for count, _ in odd.first(size)] == [count for count, _ in whole.first(size)]


def test_equal_ones_stand_in_the_order_of_their_names() -> None:
    ranking = Ranking(3)
    for name in (b"c", b"a", b"b"):
        ranking.offer(7, name)
    assert ranking.first(3) == [(7, b"a"), (7, b"b"), (7, b"c")]
