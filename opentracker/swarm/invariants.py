"""Invariants of the store, checked torrent by torrent: for tests, and for `opentracker.debug`.

A check goes shard by shard and yields often, since the tracker serves meanwhile; values that it compares are all read
between two yields. It raises InvariantError, which names the torrent and its fault.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT
from opentracker.errors import InvariantError
from opentracker.swarm.tracker import Tracker

# Minutes: the first cleaning after the timeout removes a peer, and one cleaning may be due and another under way.
OLDEST: Final = OT_PEER_TIMEOUT + 3 * OT_CLEAN_CYCLE + 1
ANY_AGE: Final = 255  # in place of OLDEST, if there was no cleaning for some time


class Checker:
    """Looks at all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.next_shard: i64 = 0

    def check_next(self, minute: i64, oldest: i64) -> Iterator[None]:
        """Check one shard as of `minute`; yields after every torrent, and within large ones.

        `oldest` is the highest age of a peer, in minutes: OLDEST, or ANY_AGE.
        """
        store = self.tracker.store
        if self.next_shard == 0:
            there = sum([store.count(shard) for shard in range(store.shards)])
            if there != store.totals.torrents:
                raise InvariantError(f"{store.totals.torrents} torrents counted, {there} there")
        shard = self.next_shard
        self.next_shard = (shard + 1) % store.shards
        yield from store.check(shard, minute, oldest)
