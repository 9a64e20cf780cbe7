"""Opening and describing the sockets that a tracker listens on."""

import errno
import logging
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

from opentracker._features import WANT_KEEPALIVE
from opentracker.errors import StartError
from opentracker.protocol.addresses import format_endpoint

log = logging.getLogger("opentracker")

# Bytes to request for a UDP socket: a client whose datagram is dropped waits until its next announce.
RECEIVE_BUFFER: Final = 8 * 1024 * 1024
BACKLOG: Final = 4096
# Seconds that the kernel waits for a request before it reports a connection; a limit, not a delay.
DEFER_ACCEPT: Final = 30
# Connections inherit a listener's cork: an answer waits until its connection is half-closed, and answer and FIN leave
# in one segment. That saves a seventh of the time of a connection.
CORKED: Final = not WANT_KEEPALIVE and hasattr(socket, "TCP_CORK")
# Bytes of an answer that the kernel queues beyond those in flight; without the limit a client that does not read would
# cost some megabytes of kernel memory. Connections inherit it.
MOST_QUEUED: Final = 1 << 17
ATTEMPTS: Final = 21  # to bind an IPv6 address that the machine does not have yet
BETWEEN_ATTEMPTS: Final = 0.25  # seconds
IP_PKTINFO: Final = getattr(socket, "IP_PKTINFO", 8)  # Linux's; CPython 3.11 does not name it
SO_RCVBUFFORCE: Final = 33  # Linux: as root, past net.core.rmem_max
SO_MEMINFO: Final = 55  # Linux: nine u32 numbers of a socket; the last one counts drops
SO_MEMINFO_SIZE: Final = 36


def has_ipv6(address: str = "::") -> bool:
    """Whether this machine can bind IPv6 sockets to an address; a machine with IPv6 may lack even ::1."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def bind_patiently(
    sock: socket.socket, host: str, port: int, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Bind a socket; an IPv6 address gets some seconds to become available. Raises OSError.

    A new address can be bound after the machine's duplicate address detection, which takes a second or two.
    """
    for attempt in range(ATTEMPTS):
        try:
            sock.bind((host, port))
            return
        except OSError as error:
            if (
                error.errno != errno.EADDRNOTAVAIL
                or sock.family != socket.AF_INET6
                or attempt == ATTEMPTS - 1
            ):
                raise
        if attempt == 0:
            log.info("waiting for the address %s, which is not there yet", host)
        sleep(BETWEEN_ATTEMPTS)


def _bound(
    kind: socket.SocketKind, name: str, address: bytes, port: int, only_v6: bool, in_group: bool
) -> socket.socket:
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    host = socket.inet_ntop(family, address)
    try:
        sock = socket.socket(family, kind)
    except OSError as error:
        raise StartError(
            f"cannot open a {name} socket for {format_endpoint(address, port)}: {error.strerror}"
        ) from error
    try:
        sock.setblocking(False)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if in_group:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only_v6))
        bind_patiently(sock, host, port)
    except OSError as error:
        sock.close()
        raise StartError(f"cannot bind {name} {format_endpoint(address, port)}: {error.strerror}") from error
    return sock


def open_tcp(address: bytes, port: int, only_v6: bool, in_group: bool = False) -> socket.socket:
    """A listening TCP socket, not blocking; see `binding.open_sockets`. Raises StartError, which names it."""
    sock = _bound(socket.SOCK_STREAM, "TCP", address, port, only_v6, in_group)
    prepare_tcp(sock)
    try:
        sock.listen(BACKLOG)
    except OSError as error:  # a second socket of one address: SO_REUSEADDR has let its bind pass
        sock.close()
        raise StartError(
            f"cannot listen on TCP {format_endpoint(address, port)}: {error.strerror}"
        ) from error
    log.debug("bound TCP %s", format_endpoint(address, sock.getsockname()[1]))
    return sock


def prepare_tcp(sock: socket.socket) -> None:
    """Set the options of a listening TCP socket that make it cheap to serve."""
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_ACCEPT)
    if CORKED:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_QUEUED)


def reset_on_close(fd: int) -> None:
    """Let the close of a bare TCP descriptor reset the connection, so that a cut answer does not look whole."""
    sock = socket.socket(fileno=fd)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:  # the client has reset the connection
        pass
    finally:
        sock.detach()


def answer_at_once(fd: int) -> None:
    """Let a bare TCP descriptor send small writes at once; connections inherit that from a listening socket."""
    sock = socket.socket(fileno=fd)
    try:
        if CORKED:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:  # the client has reset the connection
        pass
    finally:
        sock.detach()


def open_udp(address: bytes, port: int, only_v6: bool, in_group: bool = False) -> socket.socket:
    """A bound UDP socket, not blocking, with a large receive buffer. Raises StartError, which names it."""
    sock = _bound(socket.SOCK_DGRAM, "UDP", address, port, only_v6, in_group)
    prepare_udp(sock)
    log.debug("bound UDP %s", format_endpoint(address, sock.getsockname()[1]))
    return sock


def prepare_udp(sock: socket.socket) -> None:
    """Request a large receive buffer."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:  # not Linux, or not root: as much as an ordinary user gets
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # FreeBSD refuses too large a size, and keeps the old one
                raise


def is_wildcard(sock: socket.socket) -> bool:
    """Whether a socket is bound to all addresses, so that each answer has to name its source address."""
    return endpoint_of(sock)[0].strip(b"\0") == b""


def ask_destinations(sock: socket.socket) -> None:
    """Make a UDP socket report the destination address of each datagram."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def endpoint_of(sock: socket.socket) -> tuple[bytes, int]:
    """The packed address and the port that a socket is bound to."""
    name = sock.getsockname()
    return socket.inet_pton(sock.family, name[0].partition("%")[0]), name[1]


def describe(sock: socket.socket) -> str:
    """`UDP 0.0.0.0:6969`."""
    return f"{'TCP' if sock.type == socket.SOCK_STREAM else 'UDP'} {format_endpoint(*endpoint_of(sock))}"


def receive_buffer_of(sock: socket.socket) -> int:
    """The granted size of a socket's receive buffer in bytes (Linux reports twice as much, with its overhead)."""
    granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return granted // 2 if sys.platform.startswith("linux") else granted


def dropped(sock: socket.socket) -> int:
    """The number of datagrams that the kernel has dropped since the socket was opened; 0 if it does not tell."""
    try:
        counters = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, SO_MEMINFO_SIZE)
    except OSError:
        return 0
    return int.from_bytes(counters[-4:], "little") if len(counters) == SO_MEMINFO_SIZE else 0
