"""The cleaner: peers and torrents that nobody has heard of for too long go, shard by shard, in small slices."""

from collections.abc import Iterator

from mypy_extensions import i64

from opentracker._features import OT_PEER_TIMEOUT, WANT_MAX_PEER
from opentracker.swarm.store.door import Evictor
from opentracker.swarm.tracker import Tracker


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

        After a standstill (the process was stopped) of more than a peer timeout no peer is left, and soon stamps would say of dead ones that they are fresh: so all of them go at once, as of the first
        minute in which they all had expired. They can be told for certain then.
        """
        passed = minute - self.minute
        if passed > OT_PEER_TIMEOUT:
            for shard in range(self.tracker.store.shards):
                for _ in self.clean(shard, self.minute + OT_PEER_TIMEOUT + 1):
                    pass
        self.minute = minute
