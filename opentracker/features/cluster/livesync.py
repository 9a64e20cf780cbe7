"""Live sync: this tracker sends its clients' announces to the other trackers of a cluster, and stores their peers.

It sends every new peer, a peer that renews after more than OT_CLIENT_SYNC_RENEW_BOUNDARY minutes (0: every renewal), a
first `completed` and every `stopped`. Records wait in a buffer for each family until the packet is full, or until 15 s
have passed since the family's last packet. Peers that came by live sync are never sent on, so no record circulates.
"""

from collections.abc import Callable, Iterator
from typing import Final

from mypy_extensions import i64, mypyc_attr

from opentracker._features import OT_CLIENT_SYNC_RENEW_BOUNDARY, OT_PEER_TIMEOUT, WANT_V4_ONLY, WANT_V6
from opentracker.errors import TrackerFailure
from opentracker.features.cluster.counting import COUNTERS
from opentracker.features.cluster.members import Members
from opentracker.protocol.livesync import (
    HEADER_SIZE,
    LARGEST,
    MALFORMED,
    PEERS4,
    PEERS6,
    flags_of,
    kind_of,
    parse_record,
    record_count,
    record_size,
    tracker_id_of,
    write_head,
    write_record,
)
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from opentracker.swarm.policy.watching import Watcher
from opentracker.swarm.store.peers import STRIDE4
from opentracker.swarm.tracker import Tracker

FLUSH_SECONDS: Final = 15.0  # the C tracker's


def nobody(packet: bytes) -> int:
    """Send nothing: there is no cluster."""
    return 0


@mypyc_attr(allow_interpreted_subclasses=True)  # tests have subclasses
class Extension:
    """Handles the packets of a cluster that hold no peers; this one ignores them, ScrapeSync is the real one."""

    def __init__(self) -> None:
        self.send: Callable[[bytes], int] = nobody

    def tick(self, seconds: float, minute: i64) -> Iterator[None] | None:
        """Send packets that are due; called about every second. Returns long work, if there is any."""
        return None

    def received(self, kind: i64, packet: bytes) -> None:
        """Handle a packet of another tracker of the cluster."""


class Buffer:
    """The records of one family that wait for a packet."""

    def __init__(self, head: bytes, record_size: i64) -> None:
        self.head = head
        self.fits: i64 = (LARGEST - HEADER_SIZE) // record_size  # records a packet
        self.records: list[bytes] = []
        self.sent_at = -FLUSH_SECONDS  # seconds of the loop's clock

    def take(self, seconds: float) -> bytes:
        """Make a packet of all records, and empty the buffer."""
        packet = self.head + b"".join(self.records)
        self.records = []
        self.sent_at = seconds
        return packet


class LiveSync(Watcher):
    """Both directions of live sync, without a socket: packets leave by `send`, and arrive by `received`.

    `send` returns the number of members of the cluster that it could not send to.
    `tracker_id` is any number of 32 bits that no other tracker of the cluster has.
    """

    def __init__(self, tracker: Tracker, permissions: Permissions, tracker_id: int) -> None:
        self.tracker = tracker
        self.counts = {row.name: tracker.counters.count_of(row) for row in COUNTERS}
        self.permissions = permissions
        self.own_id = tracker_id.to_bytes(4, "big")
        self.buffer4 = Buffer(write_head(tracker_id, PEERS4), record_size(PEERS4))
        self.buffer6 = Buffer(write_head(tracker_id, PEERS6), record_size(PEERS6))
        self.seconds = 0.0  # as of the latest tick
        self.send: Callable[[bytes], int] = nobody
        self.extension = Extension()
        # Takes the peers of a packet, records of a size, at a minute; several workers share them out.
        self.place: Callable[[bytes, int, int], None] = self.take_in
        self.members = Members()
        self.told = Announce(both_families=False)

    def announced(self, a: Announce, minute: i64) -> None:
        """See Watcher."""
        if not a.stored:
            return
        if a.age >= 0 and not a.has_completed and a.event != EVENT_STOPPED:
            if OT_CLIENT_SYNC_RENEW_BOUNDARY > 0 and a.age <= OT_CLIENT_SYNC_RENEW_BOUNDARY:
                return
        buffer = self.buffer4 if len(a.peer) == STRIDE4 else self.buffer6
        buffer.records.append(write_record(a.info_hash, a.peer, flags_of(a), 0))
        self.counts["sync_peers_sent"].value += 1
        if len(buffer.records) == buffer.fits:
            self.flush_buffer(buffer)

    def tick(self, seconds: float) -> None:
        """Send buffers that have waited long enough; called about every second."""
        self.seconds = seconds
        for buffer in (self.buffer4, self.buffer6):
            if buffer.records and seconds - buffer.sent_at >= FLUSH_SECONDS:
                self.flush_buffer(buffer)

    def flush(self) -> None:
        """Send all buffers, since the tracker ends."""
        for buffer in (self.buffer4, self.buffer6):
            if buffer.records:
                self.flush_buffer(buffer)

    def flush_buffer(self, buffer: Buffer) -> None:
        """Send the records of one family."""
        self.counts["sync_packets_sent"].value += 1
        self.counts["sync_unsent"].value += self.send(buffer.take(self.seconds))

    def received(self, packet: bytes, address: bytes, minute: i64) -> None:
        """Handle a packet from `address` (4 or 16 bytes); bad packets are counted and dropped."""
        counts = self.counts
        if self.permissions.rights(address) & MAY_LIVESYNC == 0:
            counts["sync_unblessed"].value += 1
            counts["sync_packets_dropped"].value += 1
            return
        heard = self.members.of(address)
        kind = kind_of(packet)
        if kind == MALFORMED:
            heard.malformed += 1
            counts["sync_malformed"].value += 1
            counts["sync_packets_dropped"].value += 1
            return
        if tracker_id_of(packet) == self.own_id:
            return
        counts["sync_packets_received"].value += 1
        heard.packets += 1
        heard.bytes += len(packet)
        heard.last = self.seconds
        if kind <= PEERS6:
            heard.records += record_count(packet, record_size(kind))
            self.place(packet, record_size(kind), minute)
        else:
            self.extension.received(kind, packet)

    def take_in(self, packet: bytes, size: i64, minute: i64) -> None:
        """Store and remove the peers of a packet."""
        a = self.told
        stored: i64 = 0
        count = record_count(packet, size)
        at: i64 = HEADER_SIZE
        for _ in range(count):
            parse_record(packet, at, size, a)
            at += size
            if not a.stored:
                continue
            if WANT_V6 and len(a.peer) == STRIDE4:
                continue
            if WANT_V4_ONLY and len(a.peer) != STRIDE4:
                continue
            if a.sync_age > OT_PEER_TIMEOUT:
                a.sync_age = OT_PEER_TIMEOUT
            try:
                self.tracker.announce(a, minute)
            except TrackerFailure:
                continue
            stored += 1
        self.counts["sync_peers_received"].value += stored
        self.counts["sync_peers_dropped"].value += count - stored
