"""Woodpeckers: networks whose peers renew much sooner than they are asked to, `mode=woodpeckers`."""

from collections.abc import Iterator
from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Statistics
from opentracker.protocol.messages import EVENT_COMPLETED, Announce
from opentracker.swarm.counting.network_count import AddressCount
from opentracker.swarm.policy.watching import Watcher

SOON: Final = 20  # minutes, as the C tracker's


class Woodpeckers(Watcher):
    """Counts renewals within 20 minutes, by network; what a peer says when it has completed is none."""

    def __init__(self) -> None:
        self.seen = AddressCount()

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if 0 <= a.age < SOON and a.event != EVENT_COMPLETED:
            self.seen.add(a.peer[:-2])

    def halve(self) -> Iterator[None]:
        """Let bygones fade, once in a clean cycle; in small steps."""
        for count in self.seen.counts.values():
            yield from count.halve()


class WoodpeckerFeature(Feature[Host]):
    """`mode=woodpeckers`."""

    def join(self, host: Host) -> None:
        """Watch the tracker, and let its statistics rank the networks."""
        woodpeckers = Woodpeckers()
        host.tracker.watchers.append(woodpeckers)
        host.part(Statistics).sources.rank("woodpeckers", woodpeckers.seen.counts)
        host.every(OT_CLEAN_CYCLE * 60, lambda: host.start_work(woodpeckers.halve()))
