"""The cleaner: it removes expired peers and torrents, shard by shard, in small slices."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, WANT_MAX_PEER
from opentracker.swarm.ages import OLDEST
from opentracker.swarm.store.door import Evictor
from opentracker.swarm.tracker import Tracker

# Minutes that may pass without a cleaning: after more, the stamp of an expired peer could be taken for a new one.
STEP: Final = max(1, OLDEST - OT_PEER_TIMEOUT - 2 * OT_CLEAN_CYCLE - 1)


class Cleaner:
    """Visits all torrents of a tracker, one shard after the other."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.next_shard: i64 = 0
        self.minute: i64 = 0  # the latest minute given to `see`

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
        """Begin a minute, before anything is answered in it.

        After hours in which the process was stopped, stamps of dead peers would look new. So `see` removes all expired
        peers at once then, in steps of STEP minutes, in which no stamp is ambiguous.
        """
        if minute - self.minute > STEP:
            end = min(minute, self.minute + OT_PEER_TIMEOUT + 1)
            while self.minute < end:
                self.minute = min(end, self.minute + STEP)
                for shard in range(self.tracker.store.shards):
                    for _ in self.clean(shard, self.minute):
                        pass
        self.minute = minute
