"""Woodpeckers: networks whose peers renew much sooner than their interval, `mode=woodpeckers`."""

from collections.abc import Iterator
from typing import ClassVar, Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Statistics
from opentracker.protocol.messages import EVENT_COMPLETED, Announce
from opentracker.swarm.counting.network_count import AddressCount
from opentracker.swarm.policy.watching import Watcher

SOON: Final = 20  # minutes, as in the C tracker


class Woodpeckers(Watcher):
    """Counts renewals within SOON minutes, by network; an announce with `completed` is not a renewal."""

    def __init__(self) -> None:
        self.seen = AddressCount()

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if 0 <= a.age < SOON and a.event != EVENT_COMPLETED:
            self.seen.add(a.peer[:-2])

    def halve(self) -> Iterator[None]:
        """Halve all counts, so that old ones fade; called once in a clean cycle, in small steps."""
        for count in self.seen.counts.values():
            yield from count.halve()


class WoodpeckerFeature(Feature[Host]):
    """`mode=woodpeckers`."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Watch announces, and add the mode with the ranked networks."""
        woodpeckers = Woodpeckers()
        host.tracker.watchers.append(woodpeckers)
        host.part(Statistics).sources.rank("woodpeckers", woodpeckers.seen.counts)
        host.every(OT_CLEAN_CYCLE * 60, lambda: host.start_work(woodpeckers.halve()))
