from collections.abc import Iterator

import pytest
from librt.random import Random

from opentracker._features import WANT_ACCESSLIST_WHITE
from opentracker.errors import TrackerFailure
from opentracker.features.accesslist.accesslist import AccessList
from opentracker.protocol.messages import Announce
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.policy.admission import Admission
from opentracker.swarm.purging import SLICE, purge
from opentracker.swarm.store.records import SMALL
from opentracker.swarm.tracker import Tracker, admit_by
from tests.swarm.torrents import info_hashes as info_hashes_of


def info_hashes(number: int) -> list[bytes]:
    return [each.to_bytes(20, "big") for each in range(number)]


def announced(tracker: Tracker, info_hash: bytes, port: int = 6881, minute: int = 0) -> None:
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.stored = info_hash, b"\x01\x02\x03\x04" + port.to_bytes(2, "big"), True
    tracker.announce(a, minute)


def list_that_refuses(refused: list[bytes], others: list[bytes]) -> AccessList:
    return AccessList(others if WANT_ACCESSLIST_WHITE else refused)


@pytest.fixture
def tracker() -> Tracker:
    """A tracker with a thousand torrents, of which a list now refuses the odd ones; one of those is large."""
    tracker = Tracker(Random(1))
    admit_by(tracker, Admission())
    for info_hash in info_hashes(1000):
        announced(tracker, info_hash)
    for port in range(1000, 1000 + SMALL + 1):
        announced(tracker, info_hashes(2)[1], port)
    every = info_hashes(1000)
    admit_by(tracker, list_that_refuses(every[1::2], every[::2]))
    return tracker


def finish(work: Iterator[None]) -> int:
    return sum(1 for _ in work)


def test_a10_refused_torrents_go_and_the_others_stay(tracker: Tracker) -> None:
    assert tracker.has_doubtful
    slices = finish(purge(tracker))
    assert slices == 1000 // SLICE
    assert info_hashes_of(tracker) == set(info_hashes(1000)[::2])
    assert not tracker.has_doubtful


def test_a_purge_gives_way_to_a_newer_list(tracker: Tracker) -> None:
    work = purge(tracker)
    next(work)
    every = info_hashes(1000)
    admit_by(tracker, list_that_refuses(every[::2], every[1::2]))
    finish(work)
    assert tracker.has_doubtful
    with pytest.raises(TrackerFailure):
        announced(tracker, every[0])
    finish(purge(tracker))
    assert info_hashes_of(tracker) <= set(every[1::2])
    assert not tracker.has_doubtful


def test_torrents_that_come_during_a_purge(tracker: Tracker) -> None:
    for _ in purge(tracker):
        with pytest.raises(TrackerFailure):
            announced(tracker, info_hashes(4)[3])
        announced(tracker, info_hashes(3)[2], 7000)
    assert info_hashes_of(tracker) == set(info_hashes(1000)[::2])


def test_the_cleaner_at_work_during_a_purge(tracker: Tracker) -> None:
    """Whichever of the two comes to a torrent first, it is gone once and nothing comes back."""
    cleaner = Cleaner(tracker)
    purging = purge(tracker)
    for _ in range(tracker.store.shards):
        cleaning = cleaner.clean_next(46)
        next(purging, None)
        finish(cleaning)
    finish(purging)
    assert info_hashes_of(tracker) == set()


def test_a_large_torrent_is_taken_away_while_the_cleaner_looks_at_it(tracker: Tracker) -> None:
    """It is about to become a small one, and must not come back as that."""
    large = info_hashes(2)[1]
    for port in range(20_000, 60_000, 2):
        tracker.has_doubtful = False
        announced(tracker, large, port)
    cleaner = Cleaner(tracker)
    for _ in range(tracker.store.shard_of(large)):
        finish(cleaner.clean_next(0))
    cleaning = cleaner.clean_next(46)
    next(cleaning)
    assert tracker.store.has(large)
    tracker.remove(large)
    finish(cleaning)
    assert large not in info_hashes_of(tracker)
