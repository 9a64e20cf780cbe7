"""Figures: everything that statistics are made of, as a part that can be merged with another part and then rendered."""

from opentracker.swarm.counting.counters import NAMES
from opentracker.swarm.counting.network_count import NetworkCount
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import Networks


class StatsSnapshot:
    """What one process knows, or several together.

    `counters` by name; `renewals` are how many peers renewed, by the minutes since each was last heard of; `numwants`
    how often each number of peers was asked for. `census`, `networks` and `ranked` (counts of networks by the mode that
    shows them) are there as far as they were asked for. `uptime` is in seconds, `longest_turn` too; `connections` are
    HTTP ones that could not be answered in one go and are open, `work` is what the loop does in slices just now.
    `memory` is Limits.memory().
    """

    def __init__(self, version: str, tracker_id: int, uptime: int) -> None:
        self.version = version
        self.tracker_id = tracker_id
        self.uptime = uptime
        self.longest_turn = 0.0
        self.connections = 0
        self.tcp_sockets = 0
        self.udp_sockets = 0
        self.work = 0
        self.memory: dict[str, int] = {}
        self.counters: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.renewals: list[int] = []
        self.numwants: list[int] = []
        self.census: Census | None = None
        self.networks: Networks | None = None
        self.ranked: dict[str, dict[int, NetworkCount]] = {}

    def counted(self) -> Census:
        """The census of a statistic that has asked for one."""
        assert self.census is not None
        return self.census

    def per_second(self, count: int) -> int:
        """A rate since the start."""
        return count // max(1, self.uptime)

    def successes(self) -> int:
        """Announces and connects; no scrapes."""
        counters = self.counters
        return counters["tcp_announces"] + counters["udp_announces"] + counters["udp_connects"]

    def merge(self, other: "StatsSnapshot") -> None:
        """Take in another part's figures, of the same surveys."""
        self.uptime = max(self.uptime, other.uptime)
        self.longest_turn = max(self.longest_turn, other.longest_turn)
        self.connections += other.connections
        self.tcp_sockets += other.tcp_sockets
        self.udp_sockets += other.udp_sockets
        self.work += other.work
        for kind, size in other.memory.items():
            self.memory[kind] += size
        for name, value in other.counters.items():
            self.counters[name] += value
        self.renewals = [one + two for one, two in zip(self.renewals, other.renewals, strict=True)]
        self.numwants = [one + two for one, two in zip(self.numwants, other.numwants, strict=True)]
        if self.census is not None:
            self.census.merge(other.counted())
        if self.networks is not None and other.networks is not None:
            self.networks.merge(other.networks)
        for mode, counts in self.ranked.items():
            for size, count in counts.items():
                count.merge(other.ranked[mode][size])
