"""The sockets of live sync: for each family one that has joined the multicast group, and one that sends.

The sending socket is bound to the configured address, so packets come from that address. It is read as well: in a
cluster without multicast, which names its members (`livesync.cluster.peer`), packets come to it and not to the group.
"""

import logging
import socket
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from opentracker.config.options import Option
from opentracker.config.settings import Left, Settings, Take
from opentracker.errors import StartError
from opentracker.features.cluster.counting import COUNTERS
from opentracker.features.cluster.livesync import LiveSync
from opentracker.features.cluster.settings import KEYS, OPTION, Endpoint, SyncSettings, describe
from opentracker.features.feature import Feature
from opentracker.protocol.addresses import format_ip, unmap
from opentracker.protocol.livesync import GROUP4, GROUP6, LONGEST
from opentracker.server.clock import Now
from opentracker.server.core import Core
from opentracker.server.loop import READ, Handler, Loop
from opentracker.server.multicast import (
    bound,
    interface_index,
    is_own,
    join_group,
    name_of,
    set_group_options,
)
from opentracker.server.sockets import dropped
from opentracker.swarm.counting.metric import Metric
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker

log = logging.getLogger("opentracker")

Target = tuple[socket.socket, tuple[str, int] | tuple[str, int, int, int]]

NAME: Final = "live-sync"  # of the sockets that an upgrade hands over
MEMBERS: Final = b"live-sync-members"  # the hearer of the members' counts
TICK: Final = 1.0  # seconds
PACKETS: Final = 8  # read before other sockets are served: some hundred records, about a millisecond


class Cluster:
    """The sockets, which are all read, and the addresses that packets are sent to."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.targets: list[Target] = []
        self.words: list[str] = []  # for the log

    def send(self, packet: bytes) -> int:
        """Send a packet to all targets; returns the number of failures."""
        unsent = 0
        for sock, name in self.targets:
            try:
                sock.sendto(packet, name)
            except OSError:  # a full buffer, no route: the packet is lost
                unsent += 1
        return unsent

    def close(self) -> None:
        """Close the sockets."""
        for sock in self.sockets:
            sock.close()


class SyncSocket(Handler):
    """One of the sockets, read by the tracker's loop."""

    def __init__(self, sock: socket.socket, sync: LiveSync, now: Now) -> None:
        self.sock = sock
        self.sync = sync
        self.now = now

    def ready(self, events: int) -> None:
        """Handle the packets that have come."""
        for _ in range(PACKETS):
            try:
                packet, address = receive(self.sock)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error for a packet that we have sent
                continue
            self.sync.received(packet, address, self.now.minute)


class Member:
    """This tracker as a member of a cluster: live sync, its timer, and its sockets once they are open; an Inlet."""

    def __init__(
        self, tracker: Tracker, permissions: Permissions, tracker_id: int, loop: Loop, receives: bool = True
    ) -> None:
        self.sync = LiveSync(tracker, permissions, tracker_id)
        self.counters = tracker.counters
        self.loop = loop
        self.receives = receives  # of several workers one does, for all
        self.cluster = Cluster()
        tracker.watchers.append(self.sync)
        loop.every(TICK, self.tick)

    def join(self, cluster: Cluster) -> None:
        """Begin to send and receive through these sockets."""
        self.cluster = cluster
        self.sync.send = cluster.send
        self.sync.extension.send = cluster.send
        if not self.receives:
            return
        for line in cluster.words:
            log.info("%s", line)
        self.open()
        for address in self.sync.permissions.addresses(MAY_LIVESYNC):
            if not is_own(address):
                self.sync.members.expect(address)
        if not self.sync.permissions.given(MAY_LIVESYNC):
            log.warning("no livesync.cluster.node_ip was given: what other trackers send is dropped")

    def open(self) -> None:
        """Read the sockets; see Inlet."""
        if self.receives:
            for sock in self.cluster.sockets:
                self.loop.watch(sock.fileno(), SyncSocket(sock, self.sync, self.loop.now), READ)

    def shut(self) -> None:
        """See Inlet: packets wait in the sockets."""
        if self.receives:
            for sock in self.cluster.sockets:
                self.loop.unwatch(sock.fileno())

    def is_quiet(self) -> bool:
        """See Inlet."""
        return True

    def last_words(self) -> list[bytes]:
        """See Inlet: peers that wait for a packet are sent; the next version goes on to count the members' packets."""
        self.sync.flush()
        return [MEMBERS + b" " + self.sync.members.packed()] if self.receives else []

    def hear(self, message: bytes) -> None:
        """Take the counts of the version before, but for those of addresses that are no members any more."""
        self.sync.members.unpack(
            message, lambda address: self.sync.permissions.rights(address) & MAY_LIVESYNC != 0
        )

    def tick(self) -> None:
        """Send buffers that have waited long enough, and copy the kernel's count of dropped packets."""
        now = self.loop.now
        self.sync.tick(now.seconds)
        work = self.sync.extension.tick(now.seconds, now.minute)
        if work is not None:
            self.loop.start(work)
        if self.receives:
            self.sync.counts["sync_lost"].value = sum([dropped(sock) for sock in self.cluster.sockets])

    def tell(self, snapshot: StatsSnapshot) -> None:
        """Add the gauges of the other members to a snapshot."""
        self.sync.members.tell(snapshot, self.loop.now.seconds)

    def end(self) -> None:
        """Send the buffers, and log the totals, since the tracker ends."""
        self.sync.flush()
        value = self.counters.value
        log.info(
            "live sync: %d peers received in %d packets, %d sent in %d; packets dropped: %d unblessed, %d malformed,"
            " %d by the kernel; %d peers not taken",
            value("sync_peers_received"),
            value("sync_packets_received"),
            value("sync_peers_sent"),
            value("sync_packets_sent"),
            value("sync_unblessed"),
            value("sync_malformed"),
            value("sync_lost"),
            value("sync_peers_dropped"),
        )


def receive(sock: socket.socket) -> tuple[bytes, bytes]:
    """The next packet and its packed source address; a truncated packet is a byte longer than LONGEST.

    Raises OSError, and BlockingIOError if there is none.
    """
    packet, source = sock.recvfrom(LONGEST + 1)
    return packet, unmap(socket.inet_pton(sock.family, source[0].partition("%")[0]))


def open_cluster(asked: SyncSettings, left: Left | None = None) -> Cluster:
    """Open the sockets, two for each family. Raises StartError, which names the socket that could not be opened.

    Sockets of the same address that another tracker has left are taken, as members of the group that they are.

    With configured peers, packets go to them and not to the group, so a failure to join the group is no error.
    """
    asked.check()
    cluster = Cluster()
    try:
        for bind in asked.binds:
            own = [peer for peer in asked.peers if len(peer[0]) == len(bind[0])]
            open_family(cluster, bind, own, not asked.peers, left or Left())
    except BaseException:
        cluster.close()
        raise
    return cluster


def open_family(
    cluster: Cluster, bind: Endpoint, peers: list[Endpoint], needs_group: bool, left: Left
) -> None:
    """Open both sockets of a family; packets go to the group if it is needed, else to `peers`."""
    address, port, interface = bind
    group = GROUP4 if len(address) == 4 else GROUP6
    names = [f"{NAME} {number} {describe(bind)}" for number in range(2)]
    taken = [sock for name in names if (sock := left.take(name)) is not None]
    try:
        index = 0 if len(address) == 4 else interface_index(interface, address)
        pair = taken or opened_pair(address, port, index)
        cluster.sockets += pair
        left.own.update(zip(names, pair, strict=False))
        sender, reader = pair[0], pair[-1]
        set_group_options(sender, address, index)
    except OSError as error:
        raise StartError(f"cannot bind live sync to UDP {describe(bind)}: {error.strerror}") from error
    port = sender.getsockname()[1]
    own: Endpoint = (address, port, interface)
    try:
        join_group(reader, group, address, index)
    except OSError as error:
        text = f"cannot join the group {format_ip(group)} for {describe(own)}: {error.strerror}"
        if needs_group:
            raise StartError(text) from error
        log.info("%s", text)
    if needs_group:
        cluster.targets.append((sender, name_of(group, port, index)))
        cluster.words.append(f"live sync on UDP {describe(own)}, group {format_ip(group)}")
        return
    for peer in peers:
        try:
            peer_index = interface_index(peer[2], peer[0]) if peer[2] else 0
        except OSError as error:
            raise StartError(f"livesync.cluster.peer {describe(peer)}: {error.strerror}") from error
        cluster.targets.append((sender, name_of(peer[0], peer[1], peer_index)))
        cluster.words.append(f"live sync on UDP {describe(own)} with {describe(peer)}")


def opened_pair(address: bytes, port: int, index: int) -> list[socket.socket]:
    """A socket of an address and, unless that is the wildcard, one of its port on all addresses. Raises OSError."""
    sender = bound(address, port, index)
    if not address.strip(b"\0"):
        return [sender]
    try:
        # Set after the bind, so that a second tracker on the same address fails to bind.
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return [sender, bound(bytes(len(address)), sender.getsockname()[1], 0, shared=True)]
    except OSError:
        sender.close()
        raise


class LiveSyncFeature(Feature[Core]):
    """This tracker as a member of a cluster.

    Several workers are one member: each sends what its clients announce, and the first receives for all.
    """

    in_workers: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = (OPTION,)
    keys: ClassVar[Mapping[str, Take]] = KEYS
    counters: ClassVar[tuple[Metric, ...]] = COUNTERS
    renewed: ClassVar[frozenset[str]] = frozenset({"livesync.cluster.node_ip"})

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked = settings.of(SyncSettings)
        self.cluster = Cluster()
        self.worker = 0

    def plan(self) -> Iterator[str]:
        """See Feature."""
        for bind in self.asked.binds:
            yield f"would listen for live sync on {describe(bind)}"
        for peer in self.asked.peers:
            yield f"would send live sync to {describe(peer)}"

    def check(self) -> None:
        """See SyncSettings."""
        self.asked.check()

    def open(self) -> None:
        """Open the sockets. Raises StartError."""
        self.cluster = open_cluster(self.asked, self.settings.left)

    def join(self, host: Core) -> None:
        """Add live sync to the watchers and the sources."""
        self.member = Member(
            host.tracker, self.settings.permissions, host.tracker_id, host.loop, self.worker == 0
        )
        host.add_part(self.member)
        host.sources.append(self.member.tell)
        host.add_part(self.member.sync)
        host.inlets.append(self.member)
        host.hearers[MEMBERS] = self.member.hear

    def divide(self, settings: Settings, worker: int) -> None:
        """See Feature."""
        self.worker = worker

    def begin(self, host: Core) -> None:
        """Begin to send and receive."""
        self.member.join(self.cluster)

    def end(self) -> None:
        """Send the buffers."""
        self.member.end()

    def close(self) -> None:
        """Close the sockets."""
        self.cluster.close()
