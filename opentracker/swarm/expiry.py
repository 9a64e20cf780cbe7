"""The cleaner: peers and torrents that nobody has heard of for too long go, shard by shard, in small slices."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, WANT_MAX_PEER
from opentracker.swarm.ages import OLDEST
from opentracker.swarm.store.door import Evictor
from opentracker.swarm.tracker import Tracker

# Minutes that may pass without a cleaning: a peer that was about to go is not taken for one of a minute to come then.
STEP: Final = max(1, OLDEST - OT_PEER_TIMEOUT - 2 * OT_CLEAN_CYCLE - 1)


class Cleaner:
    """Visits all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.next_shard: i64 = 0
        self.minute: i64 = 0  # the last one that was seen

    def clean_next(self, minute: i64) -> Iterator[None]:
        """Clean one shard as of `minute`; yields after every few dozen torrents."""
        shard = self.next_shard
        self.next_shard = (shard + 1) % self.tracker.store.shards
        return self.clean(shard, minute)

    def clean(self, shard: i64, minute: i64) -> Iterator[None]:
        """The steps of cleaning a shard."""
        evictor = Evictor()
        if WANT_MAX_PEER:
            evictor = self.tracker.limits
        return self.tracker.store.clean(shard, minute, evictor)

    def see(self, minute: i64) -> None:
        """Tell which minute it is, before anything is answered in it.

        After a standstill (the process was stopped) of hours, stamps of dead peers would seem to be new. So all that
        has expired meanwhile goes at once, in steps of minutes that leave no doubt about a stamp.
        """
        if minute - self.minute > STEP:
            end = min(minute, self.minute + OT_PEER_TIMEOUT + 1)
            while self.minute < end:
                self.minute = min(end, self.minute + STEP)
                for shard in range(self.tracker.store.shards):
                    for _ in self.clean(shard, self.minute):
                        pass
        self.minute = minute
