"""The sockets of live sync: of each family one that has joined the multicast group, and one that sends.

The second is bound to the configured address, so packets leave from it, and what is sent to it is read as well: a
cluster on a network without multicast names its members (`livesync.cluster.peer`), and no group is needed.
"""

import logging
import socket
import sys
from pathlib import Path
from typing import Final

from opentracker.errors import StartError
from opentracker.features.cluster.livesync import LiveSync
from opentracker.protocol.addresses import format_endpoint, format_ip, unmap
from opentracker.protocol.livesync import GROUP4, GROUP6, HOPS, LONGEST
from opentracker.server.clock import Now
from opentracker.server.loop import READ, Handler, Loop
from opentracker.server.sockets import dropped, prepare_udp
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from opentracker.swarm.tracker import Tracker

log = logging.getLogger("opentracker")

Endpoint = tuple[bytes, int, str]  # packed address, port, interface or empty
Target = tuple[socket.socket, tuple[str, int] | tuple[str, int, int, int]]

TICK: Final = 1.0  # seconds
PACKETS: Final = 8  # read before other sockets have their turn: some hundred records, about a millisecond
INTERFACES6: Final = Path("/proc/net/if_inet6")  # Linux: a line for each IPv6 address of the machine
MULTICAST_ALL4: Final = getattr(
    socket, "IP_MULTICAST_ALL", 49
)  # Linux's; off, a socket gets only what it has
MULTICAST_ALL6: Final = getattr(socket, "IPV6_MULTICAST_ALL", 29)  # joined itself


class Cluster:
    """The sockets, all of which are read, and the addresses that packets are sent to."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        self.targets: list[Target] = []
        self.words: list[str] = []  # for the log

    def send(self, packet: bytes) -> int:
        """Send a packet to all; gives how many it could not be sent to."""
        unsent = 0
        for sock, name in self.targets:
            try:
                sock.sendto(packet, name)
            except OSError:  # a full buffer, no route: it is lost, as datagrams are
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
        """Take in what has come."""
        for _ in range(PACKETS):
            try:
                packet, address = receive(self.sock)
            except BlockingIOError:
                return
            except OSError:  # of a packet that we have sent: nobody is there
                continue
            self.sync.received(packet, address, self.now.minute)


class Member:
    """This tracker as a member of a cluster: live sync, its timer, and its sockets once they are open."""

    def __init__(self, tracker: Tracker, permissions: Permissions, tracker_id: int, loop: Loop) -> None:
        self.sync = LiveSync(tracker, permissions, tracker_id)
        self.loop = loop
        self.cluster = Cluster()
        tracker.watchers.append(self.sync)
        loop.every(TICK, self.tick)

    def join(self, cluster: Cluster) -> None:
        """Work through these sockets."""
        self.cluster = cluster
        for line in cluster.words:
            log.info("%s", line)
        self.sync.send = cluster.send
        self.sync.extension.send = cluster.send
        for sock in cluster.sockets:
            self.loop.watch(sock.fileno(), SyncSocket(sock, self.sync, self.loop.now), READ)
        for address in self.sync.permissions.addresses(MAY_LIVESYNC):
            if not is_own(address):
                self.sync.members.expect(address)
        if not self.sync.permissions.given(MAY_LIVESYNC):
            log.warning("no livesync.cluster.node_ip was given: what other trackers send is dropped")

    def tick(self) -> None:
        """Send what has waited long enough, and take over what the kernel has counted."""
        now = self.loop.now
        self.sync.tick(now.seconds)
        work = self.sync.extension.tick(now.seconds, now.minute)
        if work is not None:
            self.loop.start(work)
        self.sync.counters.sync_lost = sum([dropped(sock) for sock in self.cluster.sockets])

    def end(self) -> None:
        """Send what is left, and tell what live sync has done: the tracker ends."""
        self.sync.flush()
        counters = self.sync.counters
        log.info(
            "live sync: %d peers received in %d packets, %d sent in %d; packets dropped: %d unblessed, %d malformed,"
            " %d by the kernel; %d peers not taken",
            counters.sync_peers_received,
            counters.sync_packets_received,
            counters.sync_peers_sent,
            counters.sync_packets_sent,
            counters.sync_unblessed,
            counters.sync_malformed,
            counters.sync_lost,
            counters.sync_peers_dropped,
        )


def receive(sock: socket.socket) -> tuple[bytes, bytes]:
    """The next packet, a byte longer than LONGEST where it was cut off, and the packed address it came from.

    Raises OSError, BlockingIOError where there is none.
    """
    packet, source = sock.recvfrom(LONGEST + 1)
    return packet, unmap(socket.inet_pton(sock.family, source[0].partition("%")[0]))


def is_own(address: bytes) -> bool:
    """Whether this machine has an address: each file of a cluster names all its trackers, the file's own included."""
    try:
        bound(address, 0, interface_index("", address) if len(address) == 16 else 0).close()
    except OSError:
        return False
    return True


def check(binds: list[Endpoint], peers: list[Endpoint]) -> None:
    """Raise StartError for what cannot work, before anything is opened."""
    if not binds:
        raise StartError(
            "live sync has no address: this build (WANT_SYNC_LIVE) needs livesync.cluster.listen, or -s"
        )
    of_family: dict[int, Endpoint] = {}
    for bind in binds:
        first = of_family.get(len(bind[0]))
        if first is not None:
            raise StartError(
                f"livesync.cluster.listen {describe(bind)}: one address of a family can be used, "
                f"and there is {describe(first)}"
            )
        of_family[len(bind[0])] = bind
    for peer in peers:
        if len(peer[0]) not in of_family:
            raise StartError(
                f"livesync.cluster.peer {describe(peer)}: no livesync.cluster.listen of its family to send from"
            )


def open_cluster(binds: list[Endpoint], peers: list[Endpoint]) -> Cluster:
    """Open the sockets, two for each family. Raises StartError, which names the one that could not be opened.

    With `peers` packets go to them and not to the group, and a network that has no multicast is none the worse.
    """
    check(binds, peers)
    cluster = Cluster()
    try:
        for bind in binds:
            own = [peer for peer in peers if len(peer[0]) == len(bind[0])]
            open_family(cluster, bind, own, not peers)
    except BaseException:
        cluster.close()
        raise
    return cluster


def open_family(cluster: Cluster, bind: Endpoint, peers: list[Endpoint], needs_group: bool) -> None:
    """Open both sockets of a family; packets go to the group if it is needed, else to `peers`."""
    address, port, interface = bind
    is_v4 = len(address) == 4
    group = GROUP4 if is_v4 else GROUP6
    try:
        index = 0 if is_v4 else interface_index(interface, address)
        sender = bound(address, port, index)
        cluster.sockets.append(sender)
        port = sender.getsockname()[1]
        reader = sender
        if address.strip(b"\0"):
            # Only now: two trackers on one address are to hear of it.
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            reader = bound(bytes(len(address)), port, 0, shared=True)
            cluster.sockets.append(reader)
        set_group_options(sender, address, index)
    except OSError as error:
        raise StartError(f"cannot bind live sync to UDP {describe(bind)}: {error.strerror}") from error
    own: Endpoint = (address, port, interface)
    try:
        join(reader, group, address, index)
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


def describe(endpoint: Endpoint) -> str:
    """`1.2.3.4:9696` or `[fe80::1%eth0]:9696`."""
    address, port, interface = endpoint
    return f"[{format_ip(address)}%{interface}]:{port}" if interface else format_endpoint(address, port)


def name_of(address: bytes, port: int, index: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """An address as a socket's calls take it; `index` is that of an IPv6 address's interface, or 0."""
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address), port
    return socket.inet_ntop(socket.AF_INET6, address), port, 0, index


def bound(address: bytes, port: int, index: int, *, shared: bool = False) -> socket.socket:
    """A UDP socket of one family that does not block; `shared` with others of its port. Raises OSError."""
    sock = socket.socket(socket.AF_INET if len(address) == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(name_of(address, port, index if address.startswith(b"\xfe\x80") else 0))
        prepare_udp(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def set_group_options(sock: socket.socket, address: bytes, index: int) -> None:
    """What is sent to the group leaves by the interface of this address, stays on its network, and is not for us."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def join(sock: socket.socket, group: bytes, address: bytes, index: int) -> None:
    """Join a group on the interface of an IPv4 address, or on that with an index. Raises OSError."""
    if sock.family == socket.AF_INET:
        level, option, request = socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + address
        only_joined = MULTICAST_ALL4
    else:
        level, option = socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP
        request = group + index.to_bytes(4, sys.byteorder)
        only_joined = MULTICAST_ALL6
    if sys.platform.startswith("linux"):
        try:
            sock.setsockopt(level, only_joined, 0)
        except OSError:  # IPv6, and an old kernel
            pass
    sock.setsockopt(level, option, request)


def interface_index(interface: str, address: bytes) -> int:
    """The number of the interface with this name, or without one of that which has the IPv6 address; 0: any.

    Raises OSError for a name that no interface has.
    """
    if interface.isdigit():
        return int(interface)
    if interface:
        return socket.if_nametoindex(interface)
    if INTERFACES6.exists():
        for line in INTERFACES6.read_text().splitlines():
            packed, index = line.split()[:2]
            if packed == address.hex():
                return int(index, 16)
    return 0
