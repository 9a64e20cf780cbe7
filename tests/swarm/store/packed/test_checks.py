"""The packed store's checks find faults that are made by hand."""

import re

import pytest

from opentracker.errors import InvariantError
from opentracker.swarm.invariants import OLDEST, Checker
from opentracker.swarm.store.large import Swarm
from opentracker.swarm.store.packed.store import PackedStore
from opentracker.swarm.store.peer_table import PeerTable
from opentracker.swarm.store.records import HEADER_SIZE
from tests.swarm.model import FAMILIES, Pair, peer_of

pytestmark = pytest.mark.needs(WANT_COMPILED=False)  # a tracker of a compiled build has the flat store

SIZE = FAMILIES[0]
HASH = b"h" * 20
SMALL_HASH, LARGE_HASH = HASH, b"l" * 20


def look(pair: Pair, oldest: int = OLDEST) -> None:
    checker = Checker(pair.tracker)
    for _ in range(pair.tracker.store.shards):
        for _ in checker.check_next(pair.minute, oldest):
            pass


@pytest.fixture
def pair() -> Pair:
    """A torrent of five peers, and one of a thousand."""
    pair = Pair()
    for seeding in (False, True):
        pair.crowd(SMALL_HASH, [peer_of(n, SIZE) for n in range(2 + seeding, 4 + 2 * seeding)], seeding)
        first = 10_000 * seeding
        pair.crowd(LARGE_HASH, [peer_of(n, SIZE) for n in range(first, first + 500)], seeding)
    return pair


def store_of(pair: Pair) -> PackedStore:
    assert isinstance(pair.tracker.store, PackedStore)
    return pair.tracker.store


def shard_of(pair: Pair, info_hash: bytes) -> dict[bytes, bytes | Swarm]:
    return store_of(pair).dicts[pair.tracker.store.shard_of(info_hash)]


def record_of(pair: Pair) -> bytes:
    record = shard_of(pair, SMALL_HASH)[SMALL_HASH]
    assert isinstance(record, bytes)
    return record


def swarm_of(pair: Pair) -> Swarm:
    swarm = shard_of(pair, LARGE_HASH)[LARGE_HASH]
    assert isinstance(swarm, Swarm)
    return swarm


def test_all_is_well(pair: Pair) -> None:
    look(pair)


def test_it_goes_in_slices(pair: Pair) -> None:
    """A shard with a large swarm takes a step for each of its blocks at least."""
    number = pair.tracker.store.shard_of(LARGE_HASH)
    checker = Checker(pair.tracker)
    checker.next_shard = number
    assert len(list(checker.check_next(0, OLDEST))) > 4


def replaced(record: bytes, at: int, value: int) -> bytes:
    return record[:at] + bytes([value]) + record[at + 1 :]


LEECHERS_AT = 5 if SIZE == 6 else 6


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda record: record[:-1], r"\d+ (IPv4 peers in \d+ bytes|bytes of peers)"),
        (lambda record: record[: HEADER_SIZE - 1], "a record of 6 bytes"),
        (lambda record: replaced(record, LEECHERS_AT, 200), "200 of . IPv. peers are leechers"),
        (lambda record: replaced(record, len(record) - 1, 256 - OLDEST - 1), "not heard of for"),
        (lambda record: replaced(record, len(record) - 6, 0x81), "flags 0x81 of a peer"),
        (
            lambda record: (
                record[:HEADER_SIZE] + record[HEADER_SIZE + SIZE :][:SIZE] + record[HEADER_SIZE + SIZE :]
            ),
            "differ",
        ),
    ],
    ids=["cut", "shorter than its head", "leechers", "stamp", "flags", "twice"],
)
def test_a_broken_record(broken: object, told: str, pair: Pair) -> None:
    shard_of(pair, SMALL_HASH)[SMALL_HASH] = broken(record_of(pair))  # type: ignore[operator]
    with pytest.raises(InvariantError, match=f"torrent {SMALL_HASH.hex()}: .*{told}"):
        look(pair)


def test_a_torrent_in_the_wrong_shard(pair: Pair) -> None:
    right = shard_of(pair, SMALL_HASH)
    wrong = next(shard for shard in store_of(pair).dicts if shard is not right)
    wrong[SMALL_HASH] = right.pop(SMALL_HASH)
    with pytest.raises(InvariantError, match=r"in shard \d+"):
        look(pair)


def test_a_broken_swarm(pair: Pair) -> None:
    swarm = swarm_of(pair)
    family = swarm.v4 if SIZE == 6 else swarm.v6
    leechers, seeders = family.leechers, family.seeders
    assert isinstance(leechers, PeerTable)

    def told() -> str:
        with pytest.raises(InvariantError) as caught:
            look(pair)
        return re.sub(r"[0-9a-f]{12,}", "X", str(caught.value))

    leechers.peers += 1
    assert told() == "torrent X: 501 peers counted, 500 there"
    leechers.peers -= 1

    leechers.mask += 1
    assert "blocks, mask" in told()
    leechers.mask -= 1

    longest, leechers.longest = leechers.longest, 1
    assert "a block of" in told()
    leechers.longest = longest

    blocks = leechers.blocks[:2]
    leechers.blocks[0], leechers.blocks[1] = blocks[1], blocks[0]
    assert re.search(r"peer X in block [01]$", told())
    leechers.blocks[0], leechers.blocks[1] = blocks

    both = leechers.blocks[0][:SIZE]
    seeders.add(both, 0, 0)
    assert told().endswith("peer X both a leecher and a seeder")
    seeders.take(both)
    look(pair)
