"""The relay of a bridge, without sockets: packets of a site to messages for other sites, and back."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Final

from opentracker.protocol.livesync import (
    FROM_SYNC,
    HEADER_SIZE,
    LARGEST,
    PEERS4,
    PEERS6,
    kind_of,
    record_count,
    record_size,
)
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions

# Packets that may wait for NATS, half a million peers; beyond that the oldest are dropped.
QUEUE: Final = 10_000


def count(text: str) -> int:
    """A field of Counts, with its description."""
    found: int = field(default=0, metadata={"help": text})
    return found


@dataclass
class Counts:
    """Packets since the start, and connections to NATS."""

    heard: int = count("packets of the own site that are to be published")
    unblessed: int = count("packets from addresses that no --node-ip names")
    malformed: int = count("malformed packets of the own site")
    published: int = count("packets that NATS has confirmed")
    dropped: int = count("packets for which the queue had no room, or that were left at the end")
    received: int = count("messages of other sites")
    refused: int = count("malformed messages of other sites")
    told: int = count("packets sent to the own site")
    unsent: int = count("packets that could not be sent to a tracker of the own site")
    connections: int = count("connections to NATS that were made")
    lost: int = count("connections to NATS that were lost")

    def describe(self) -> str:
        """All counts in one line."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())


class Bridge:
    """The queue of a site's packets, and both directions of the relay; `clock` gives seconds and never goes back."""

    def __init__(self, permissions: Permissions, clock: Callable[[], float], room: int = QUEUE) -> None:
        self.permissions = permissions
        self.clock = clock
        self.room = room
        self.counts = Counts()
        self.waiting: deque[tuple[float, bytes]] = deque()  # seconds at arrival, packet
        self.flying: list[tuple[float, bytes]] = []  # packets that are published and not confirmed yet

    def hear(self, packet: bytes, address: bytes) -> bool:
        """Queue a packet from `address` of the own site, if it is to be published."""
        if not self.permissions.rights(address) & MAY_LIVESYNC:
            self.counts.unblessed += 1
            return False
        kind = kind_of(packet)
        if kind not in (PEERS4, PEERS6):
            # Scrape sync stays in its site: a tracker asks one other, and every tracker that hears the answer uses it.
            self.counts.malformed += kind < 0
            return False
        fresh = own_records(packet, record_size(kind))
        if len(fresh) == HEADER_SIZE:
            return False
        self.counts.heard += 1
        self.waiting.append((self.clock(), fresh))
        self.make_room()
        return True

    def make_room(self) -> None:
        """Drop the oldest packets beyond the queue's room."""
        while len(self.waiting) > self.room:
            self.waiting.popleft()
            self.counts.dropped += 1

    def next_batch(self, most: int) -> list[bytes]:
        """Take the oldest packets of the queue; the ages of their records grow by the time in the queue."""
        self.flying = [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]
        now = self.clock()
        return [aged(packet, int(now - since) // 60) for since, packet in self.flying]

    def confirm_batch(self) -> None:
        """Count the latest batch as published; called when NATS has confirmed it."""
        self.counts.published += len(self.flying)
        self.flying = []

    def give_back_batch(self) -> None:
        """Put the latest, unconfirmed batch back. A packet that arrives twice does no harm."""
        self.waiting.extendleft(reversed(self.flying))
        self.flying = []
        self.make_room()

    def give_up(self) -> None:
        """Drop the queue, since the bridge ends."""
        self.give_back_batch()
        self.counts.dropped += len(self.waiting)
        self.waiting.clear()

    def take(self, message: bytes) -> bytes | None:
        """The packet for the own site, made of another site's message; None for a malformed message."""
        self.counts.received += 1
        kind = kind_of(message)
        if kind not in (PEERS4, PEERS6) or len(message) > LARGEST:
            self.counts.refused += 1
            return None
        size = record_size(kind)
        packet = bytearray(message[: HEADER_SIZE + record_count(message, size) * size])
        for at in range(HEADER_SIZE + size - 2, len(packet), size):
            packet[at] |= FROM_SYNC
        return bytes(packet)


def own_records(packet: bytes, size: int) -> bytes:
    """A packet without the records that came by sync, and without bytes behind the last whole record."""
    end = HEADER_SIZE + record_count(packet, size) * size
    records = [packet[at : at + size] for at in range(HEADER_SIZE, end, size)]
    return packet[:HEADER_SIZE] + b"".join(record for record in records if not record[size - 2] & FROM_SYNC)


def aged(packet: bytes, minutes: int) -> bytes:
    """A packet with the ages of its records raised by some minutes."""
    if minutes <= 0:
        return packet
    size = record_size(kind_of(packet))
    older = bytearray(packet)
    for at in range(HEADER_SIZE + size - 1, len(older), size):
        older[at] = min(255, older[at] + minutes)
    return bytes(older)
