"""What holds of the store at all times, looked at torrent by torrent: for tests, and for `opentracker.debug`.

A check goes shard by shard and yields often, since a tracker serves meanwhile; whatever it compares it looks at between
two yields. It raises InvariantError, which names the torrent and what is wrong with it.
"""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT
from opentracker.errors import InvariantError
from opentracker.swarm.tracker import Tracker

# Minutes: a peer goes at the first cleaning after its time, and one may be due and another just under way.
OLDEST: Final = OT_PEER_TIMEOUT + 3 * OT_CLEAN_CYCLE + 1
ANY_AGE: Final = 255  # in place of it, where nothing has been cleaned for some time


class Checker:
    """Looks at all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.next_shard: i64 = 0

    def check_next(self, minute: i64, oldest: i64) -> Iterator[None]:
        """Check one shard as of `minute`; yields after every torrent, and within large ones.

        `oldest` is for how many minutes a peer may not have been heard of: OLDEST, or ANY_AGE.
        """
        store = self.tracker.store
        if self.next_shard == 0:
            there = sum([store.count(shard) for shard in range(store.shards)])
            if there != store.totals.torrents:
                raise InvariantError(f"{store.totals.torrents} torrents counted, {there} there")
        shard = self.next_shard
        self.next_shard = (shard + 1) % store.shards
        yield from store.check(shard, minute, oldest)
