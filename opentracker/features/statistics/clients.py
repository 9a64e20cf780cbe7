"""Client software, `mode=clients`: new peers by the program that their peer_id names."""

from typing import ClassVar, Final

from mypy_extensions import i64

from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Statistics
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.protocol.peer_ids import name_of
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.policy.watching import Watcher
from opentracker.swarm.surveys.snapshot import StatsSnapshot

NEWCOMERS: Final = Gauge(
    "opentracker_newcomers_total", "Peers that came to a torrent, by the client software in their peer_id."
)


class Clients(Watcher):
    """Counts stored new peers, by client."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if a.age < 0 and a.stored and a.event != EVENT_STOPPED:
            name = name_of(a.peer_id)
            self.counts[name] = self.counts.get(name, 0) + 1

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the counts to a snapshot, in descending order."""
        for name, count in sorted(self.counts.items(), key=lambda item: (-item[1], item[0])):
            snapshot.tell(NEWCOMERS, count, f'client="{name}"')


def shares(snapshot: StatsSnapshot) -> list[tuple[str, int]]:
    """Clients and their numbers of new peers, in descending order."""
    found = [reading for reading in snapshot.readings.values() if reading.gauge.name == NEWCOMERS.name]
    return [(reading.labels.removeprefix('client="')[:-1], int(reading.value)) for reading in found]


class ClientsFeature(Feature[Host]):
    """`mode=clients`."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Watch announces, and add the counts to snapshots."""
        clients = Clients()
        host.tracker.watchers.append(clients)
        host.part(Statistics).sources.own.append(clients.tell)
