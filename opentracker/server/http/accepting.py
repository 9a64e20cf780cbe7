"""Accepting connections as bare, non-blocking descriptors with packed addresses.

`FastAcceptor` does so with one call of `accept4`; `PlainAcceptor` uses Python's sockets, for machines without `accept4`
in the C library. A socket object for a connection of one request would cost a tenth of that request.
"""

import ctypes
import errno
import socket
import sys
from typing import Final

from opentracker.protocol.addresses import unmap
from opentracker.server.system.libc import NAME_SIZE, pointer_to, receive_buffer

ROUNDS: Final = 64  # connections accepted before other sockets are served
TCP_INFO_SIZE: Final = 28  # bytes of Linux's struct tcp_info up to tcpi_unacked, inclusive
UNACKED_AT: Final = 24  # tcpi_unacked, a u32: for a listening socket the length of its queue
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Accepts from one listening socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.address = b""  # of the last accepted client: 4 or 16 bytes
        self.exhausted = False  # whether the last failure was a lack of descriptors or memory

    def waiting(self) -> int:
        """The number of connections to accept now; if it is too high, `accept` returns -1."""
        return ROUNDS

    def accept(self) -> int:
        """Accept a connection and return its descriptor; -1 if there is none."""
        raise NotImplementedError


class PlainAcceptor(Acceptor):
    """Accepts through Python's sockets."""

    def accept(self) -> int:
        """See Acceptor."""
        try:
            connection, source = self.sock.accept()
        except OSError as error:  # BlockingIOError: none; ECONNABORTED: closed by the client already
            self.exhausted = error.errno in EXHAUSTED
            return -1
        connection.setblocking(False)
        self.address = unmap(socket.inet_pton(self.sock.family, source[0].partition("%")[0]))
        return connection.detach()


class FastAcceptor(Acceptor):
    """Accepts with one system call."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.fd = sock.fileno()
        self.call = ctypes.PyDLL(None, use_errno=True).accept4  # see libc.Mmsg
        self.is_v6 = sock.family == socket.AF_INET6
        self.name, name_at = receive_buffer(NAME_SIZE)
        self.name_pointer = pointer_to(name_at)
        self.size_pointer = ctypes.byref(ctypes.c_uint32(NAME_SIZE))
        self.flags = int(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def waiting(self) -> int:
        """See Acceptor. This call costs a tenth of an accept that finds no connection."""
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
        return min(int.from_bytes(info[UNACKED_AT:], sys.byteorder), ROUNDS)

    def accept(self) -> int:
        """See Acceptor."""
        fd: int = self.call(self.fd, self.name_pointer, self.size_pointer, self.flags)
        if fd < 0:
            self.exhausted = ctypes.get_errno() in EXHAUSTED
        elif self.is_v6:
            self.address = unmap(self.name[8:24])
        else:
            self.address = self.name[4:8]
        return fd


def acceptor_for(sock: socket.socket) -> Acceptor:
    """The fastest acceptor this machine has."""
    if sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "accept4"):
        return FastAcceptor(sock)
    return PlainAcceptor(sock)
