"""The limits of a tracker, `limits.*`: on torrents, peers and their memory, and on connections."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from opentracker._features import (
    OT_MAX_CONNECTIONS,
    OT_MAX_CONNECTIONS_PER_ADDRESS,
    OT_MAX_MEMORY,
    OT_MAX_PEERS,
    OT_MAX_PEERS_PER_TORRENT,
    OT_MAX_PORTS_PER_ADDRESS,
    OT_MAX_TORRENTS,
)
from opentracker.config.settings import Settings, Take
from opentracker.config.values import least_share_of, limit, parse_number, share_of
from opentracker.errors import ConfigError
from opentracker.features.feature import Feature
from opentracker.server.core import Core
from opentracker.server.http.slots import SHARE, ConnectionSlots, most_by_default
from opentracker.server.system.libc import HeapTrim
from opentracker.server.system.memory import IN_PROC, NOWHERE, Resident, Watch, left_over, memory_to_use
from opentracker.swarm.counting.core_metrics import OF_LIMITS
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.limits import Limits
from opentracker.swarm.policy.permissions import Permissions
from opentracker.swarm.tracker import limit_by

log = logging.getLogger("opentracker")

MOST_MEMORY: Final = 1 << 50  # bytes
UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass
class LimitSettings:
    """Limits; 0 is none."""

    torrents: int = OT_MAX_TORRENTS
    peers: int = OT_MAX_PEERS
    peers_per_torrent: int = OT_MAX_PEERS_PER_TORRENT
    ports_per_address: int = OT_MAX_PORTS_PER_ADDRESS
    memory: int | None = None  # bytes; None: `memory_share` percent of the usable memory
    memory_share: int = OT_MAX_MEMORY
    connections: int = OT_MAX_CONNECTIONS  # 0: as many as descriptors and memory allow
    connections_per_address: int = OT_MAX_CONNECTIONS_PER_ADDRESS
    usable_memory: int = 0  # bytes that the process may use, without the interpreter's; 0: not known

    def measure(self, resident: int, workers: int = 1) -> None:
        """Compute the usable memory and the limit on it in bytes, while /proc and /sys are still visible."""
        self.usable_memory = workers * left_over(memory_to_use() // workers, resident)
        if self.memory is None:
            self.memory = self.usable_memory * self.memory_share // 100

    def warn(self) -> None:
        """Log a warning if the configured limits exceed the usable memory."""
        for_torrents, slots = self.memory or 0, 2 * self.usable_memory // SHARE
        if 0 < self.usable_memory < for_torrents + slots:
            log.warning(
                "limits.memory of %d MiB, and %d MiB for connections and full scrapes, are more than the "
                "%d MiB there are",
                *(size >> 20 for size in (for_torrents, slots, self.usable_memory)),
            )

    def limits(self) -> Limits:
        """The limits on torrents; without `measure` or a configured number, memory is not limited."""
        return Limits(
            self.torrents, self.peers, self.peers_per_torrent, self.ports_per_address, self.memory or 0
        )

    def slots(self, permissions: Permissions) -> ConnectionSlots:
        """The slots of connections."""
        most = self.connections or most_by_default(self.usable_memory)
        return ConnectionSlots(most, self.connections_per_address, permissions)


def memory(settings: Settings, value: str) -> None:
    """`limits.memory`: bytes, or with K, M, G or T units of 1024, or with % a share of the usable memory."""
    asked = settings.of(LimitSettings)
    what = "bytes as in 512M (K, M, G, T), a share as in 40%, or 0 for no limit"
    if value.endswith("%"):
        share = parse_number(value[:-1], what)
        if share > 100:
            raise ValueError(f"expected {what}")
        asked.memory, asked.memory_share = None, share
        return
    unit = value[-1:].upper() if value[-1:].isalpha() else ""
    if unit not in UNITS:
        raise ValueError(f"expected {what}")
    size = parse_number(value[: len(value) - len(unit)], what) * UNITS[unit]
    if size > MOST_MEMORY:
        raise ValueError(f"expected {what}, and at most {MOST_MEMORY >> 40}T")
    asked.memory = size


# All but the limit on ports, since a large swarm is laid out for it when it is created.
RENEWED: Final = frozenset(
    {"limits.torrents", "limits.peers", "limits.peers_per_torrent", "limits.memory"}
    | {"limits.connections", "limits.connections_per_address"}
)


class LimitsFeature(Feature[Core]):
    """The limits, as a feature: a tracker refuses new peers at a limit, and drops torrents when memory is short."""

    in_workers: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, Take]] = {
        "limits.torrents": limit(LimitSettings, "torrents"),
        "limits.peers": limit(LimitSettings, "peers"),
        "limits.peers_per_torrent": limit(LimitSettings, "peers_per_torrent"),
        "limits.ports_per_address": limit(LimitSettings, "ports_per_address"),
        "limits.memory": memory,
        "limits.connections": limit(LimitSettings, "connections"),
        "limits.connections_per_address": limit(LimitSettings, "connections_per_address"),
    }
    counters: ClassVar[tuple[Metric, ...]] = OF_LIMITS
    renewed: ClassVar[frozenset[str]] = RENEWED

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked = settings.of(LimitSettings)
        self.resident: Resident | None = None
        self.limits: list[Limits] = []
        self.gates: list[ConnectionSlots] = []
        self.usable_memory = 0  # bytes that all workers together may use

    def plan(self) -> Iterator[str]:
        """See Feature. The lines have the numbers that a start would compute."""
        self.open()
        self.close()
        if self.asked.memory:
            yield f"would keep torrents and peers in {self.asked.memory >> 20} MiB of memory"
        yield f"would have {self.asked.slots(self.settings.permissions).most} connections at a time"
        for name, most in (("torrents", self.asked.torrents), ("peers", self.asked.peers)):
            if most:
                yield f"would keep {most} {name}"

    def open(self) -> None:
        """Read the system's limits, and open the file with the process's memory use."""
        self.resident = Resident()
        self.asked.measure(self.resident.read() if self.resident.is_known() else 0, self.settings.workers)
        self.usable_memory = self.asked.usable_memory
        self.asked.warn()

    def check(self) -> None:
        """Refuse limits that leave nothing for some of the workers. Raises ConfigError."""
        for name in ("torrents", "peers", "connections"):
            if 0 < getattr(self.asked, name) < self.settings.workers:
                raise ConfigError(
                    f"limits.{name} is less than one for each of {self.settings.workers} workers"
                )

    def inherit(self, proc: int, is_successor: bool) -> None:
        """See Feature."""
        self.close()
        self.resident = Resident(IN_PROC, proc) if proc >= 0 else Resident(NOWHERE)

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature. The limits on one torrent hold for its owner."""
        asked, workers = settings.of(LimitSettings), settings.workers
        asked.usable_memory = self.usable_memory // workers
        if asked.memory is None:
            asked.memory = self.usable_memory * asked.memory_share // 100
        asked.memory //= workers
        asked.torrents = share_of(asked.torrents, worker, workers)
        asked.peers = share_of(asked.peers, worker, workers)
        asked.connections = share_of(asked.connections, worker, workers)
        asked.connections_per_address = least_share_of(asked.connections_per_address, workers)

    def join(self, host: Core) -> None:
        """Set the limits."""
        limits = self.asked.limits()
        limit_by(host.tracker, limits)
        gate = host.http.gate = self.asked.slots(self.settings.permissions)
        self.limits.append(limits)
        self.gates.append(gate)
        host.scarcities.append(gate.is_crowded)
        host.weights.append(gate.weight)
        host.share = self.asked.usable_memory // SHARE

    def renew(self, settings: Settings) -> None:
        """Set other limits. The limit on ports needs a restart."""
        asked = settings.of(LimitSettings)
        if asked.usable_memory == 0:
            asked.usable_memory = self.asked.usable_memory
        if asked.memory is None:
            asked.memory = asked.usable_memory * asked.memory_share // 100
        asked.warn()
        for limits in self.limits:
            limits.renew(asked.torrents, asked.peers, asked.peers_per_torrent, asked.memory)
        slots = asked.slots(settings.permissions)
        for gate in self.gates:
            gate.limit(slots.most, slots.most_of_one)

    def begin(self, host: Core) -> None:
        """Begin to measure the memory use, since all lists and the state are loaded."""
        if self.resident is None or not self.resident.is_known() or not self.asked.memory:
            return
        HeapTrim()()  # as before each look, or memory that loading has freed would be part of the base
        host.each_second.append(Watch(host.tracker.limits, self.resident.read, host.weights).look)

    def close(self) -> None:
        """Close the file with the memory use."""
        if self.resident is not None:
            self.resident.close()
