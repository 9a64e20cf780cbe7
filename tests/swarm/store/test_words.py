"""A shard of words: places are used again, little is wasted, and the index finds what is there and nothing else."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("opentracker.swarm.store.flat")

from opentracker.swarm.store.flat.heads import set_members
from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import EMPTY, HEAD
from opentracker.swarm.store.flat.members import STEP4
from opentracker.swarm.store.flat.shard import LEAST_INDEX, ROOMS, Rooms, Shard
from opentracker.swarm.store.records import SMALL

KEYED = KeyedHash()
SIZES = Rooms()


def shard() -> Shard:
    return Shard(KEYED, SIZES)


def place_of(s: Shard, number: int) -> int:
    return int(s.find(KEYED.of(number, 1, 2), number, 1, 2))


def create(s: Shard, number: int, need: int = 1) -> None:
    s.create(KEYED.of(number, 1, 2), number, 1, 2, need)


def grow(s: Shard, number: int, need: int) -> None:
    """Give a torrent `need` IPv4 peers."""
    place = place_of(s, number)
    if s.room_at(place) < need:
        place = s.move(KEYED.of(number, 1, 2), place, need)
    s.words[place + 3] &= ~EMPTY
    set_members(s, place, STEP4, need, 0)


def remove(s: Shard, number: int) -> None:
    s.remove(KEYED.of(number, 1, 2), place_of(s, number))


@given(st.lists(st.tuples(st.sampled_from("+++-^"), st.integers(0, 40), st.integers(0, 60)), max_size=120))
def test_what_was_put_in_is_found(steps: list[tuple[str, int, int]]) -> None:
    s = shard()
    there: dict[int, int] = {}
    for step, number, need in steps:
        if step == "+" and number not in there:
            create(s, number, need)
        elif step == "-" and number in there:
            remove(s, number)
            del there[number]
            continue
        elif step == "^" and number in there:
            s.move(KEYED.of(number, 1, 2), place_of(s, number), need)
        else:
            continue
        there[number] = need
    assert s.count == len(there)
    for number in range(41):
        place = place_of(s, number)
        assert (place != 0) is (number in there)
        if place:
            assert s.words[place] == number


def test_what_goes_makes_room_for_others() -> None:
    s = shard()
    for number in range(1000):
        create(s, number, 3)
    room = len(s.words)
    for generation in range(1, 20):
        for number in range(1000):
            remove(s, (generation - 1) * 1000 + number)
            create(s, generation * 1000 + number, 3)
    assert len(s.words) * 100 <= room * 115


def test_waste_stays_under_a_quarter() -> None:
    """All torrents get their first peer, then all their second: each leaves a place that nobody needs any more."""
    s = shard()
    for number in range(2000):
        create(s, number, 1)
    for need in range(2, 30):
        for number in range(2000):
            grow(s, number, need)
        assert len(s.words) * 3 <= s.live * 4


def test_waste_stays_under_a_quarter_where_torrents_grow_to_all_sizes() -> None:
    """Most torrents have a peer or two, few have many; the room that places have beyond their peers counts as well."""
    s = shard()
    chance = random.Random(11)
    needs = dict.fromkeys(range(3000), 1)
    for number in needs:
        create(s, number)
        grow(s, number, 1)
    for _ in range(30_000):
        number = min(int(chance.paretovariate(0.5)) - 1, 2999)
        if needs[number] < SMALL:
            needs[number] += 1
            grow(s, number, needs[number])
    needed = sum(HEAD + need for need in needs.values())
    assert (len(s.words) - needed) * 4 < len(s.words)


def test_an_empty_shard_weighs_nothing() -> None:
    s = shard()
    assert s.weight() == 0
    for number in range(5000):
        create(s, number)
    assert s.weight() >= 5000 * 8 * (HEAD + 1)
    for number in range(5000):
        remove(s, number)
    s.give_back()
    assert s.weight() == 0


def test_a_shard_that_has_lost_most_gives_memory_back() -> None:
    s = shard()
    for number in range(5000):
        create(s, number)
    before = s.weight()
    for number in range(4500):
        remove(s, number)
    s.give_back()
    assert int(s.weight()) < int(before) / 6
    assert all(place_of(s, number) for number in range(4500, 5000))
    assert s.mask + 1 >= LEAST_INDEX


@pytest.mark.parametrize("torrents", [3 << 9, 3 << 13])
def test_probes_are_short_where_the_index_is_as_full_as_it_gets(torrents: int) -> None:
    s = shard()
    chance = random.Random(7)
    for _ in range(torrents):
        first = chance.getrandbits(62)
        s.create(KEYED.of(first, 1, 2), first, 1, 2, 1)
    assert s.count * 4 == (s.mask + 1) * 3
    runs, run = [], 0
    for slot in range(s.mask + 1):
        if s.index[slot]:
            run += 1
        elif run:
            runs.append(run)
            run = 0
    # A search for a missing torrent goes to the end of a run, from any slot in it.
    mean = sum(each * (each + 1) / 2 for each in runs) / (int(s.mask) + 1) + 1
    assert mean < 11
    assert max(runs) < 40 * torrents.bit_length()


def test_rooms_fit() -> None:
    assert ROOMS[-1] == 3 * SMALL
    assert all(SIZES.fitting[need] >= need for need in range(ROOMS[-1] + 1))
    assert max((SIZES.fitting[need] - need) / need for need in range(1, 201)) <= 0.5
