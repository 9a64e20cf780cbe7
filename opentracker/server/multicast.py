"""Sockets for multicast: binding to an address or an interface, and joining a group."""

import errno
import socket
import sys
from pathlib import Path
from typing import Final

from opentracker.protocol.livesync import HOPS
from opentracker.server.sockets import prepare_udp

INTERFACES6: Final = Path("/proc/net/if_inet6")  # Linux: a line for each IPv6 address of the machine
# Options of Linux; if off, a socket gets only packets of groups that it has joined itself.
MULTICAST_ALL4: Final = getattr(socket, "IP_MULTICAST_ALL", 49)
MULTICAST_ALL6: Final = getattr(socket, "IPV6_MULTICAST_ALL", 29)


def name_of(address: bytes, port: int, index: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """The address argument of a socket's methods; `index` is that of an IPv6 address's interface, or 0."""
    if len(address) == 4:
        return socket.inet_ntop(socket.AF_INET, address), port
    return socket.inet_ntop(socket.AF_INET6, address), port, 0, index


def bound(address: bytes, port: int, index: int, *, shared: bool = False) -> socket.socket:
    """A non-blocking UDP socket of one family; with `shared`, other sockets may have its port. Raises OSError."""
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
    """Make packets to the group leave by the interface of this address, stay on its network, and not loop back."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def join_group(sock: socket.socket, group: bytes, address: bytes, index: int) -> None:
    """Join a group, on the interface of an IPv4 `address` or on the IPv6 interface `index`. Raises OSError.

    A socket of another tracker may be a member already.
    """
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
        except OSError:  # an old kernel, for IPv6
            pass
    try:
        sock.setsockopt(level, option, request)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise


def interface_index(interface: str, address: bytes) -> int:
    """The index of the interface with this name; without a name, of the interface with the IPv6 address, or 0 (any).

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


def is_own(address: bytes) -> bool:
    """Whether this machine has an address: the config of each member may name all members, itself included."""
    try:
        bound(address, 0, interface_index("", address) if len(address) == 16 else 0).close()
    except OSError:
        return False
    return True
