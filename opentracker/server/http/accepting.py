"""Accepting connections as bare descriptors that do not block, with packed addresses.

`FastAcceptor` asks the kernel for just that with one `accept4`; `PlainAcceptor` goes through Python's sockets, for
machines whose C library has no such call. Building a socket object for a connection that lives for one request would
cost a tenth of that request.
"""

import ctypes
import errno
import socket
import sys
from typing import Final

from opentracker.protocol.addresses import unmap
from opentracker.server.system.libc import NAME_SIZE, pointer_to, receive_buffer

ROUNDS: Final = 64  # connections before other sockets have their turn
TCP_INFO_SIZE: Final = 28  # of Linux's struct tcp_info, up to and with tcpi_unacked,
UNACKED_AT: Final = 24  # a u32, which for a listening socket is the length of its queue
EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Accepts from one listening socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.address = b""  # of the last client: 4 or 16 bytes
        self.exhausted = False  # whether the last failure was a lack of descriptors or memory

    def waiting(self) -> int:
        """How many connections can be accepted now; a guess that is too high ends with an accept that gives -1."""
        return ROUNDS

    def accept(self) -> int:
        """The descriptor of a new connection; -1 if there is none to be had now."""
        raise NotImplementedError


class PlainAcceptor(Acceptor):
    """Accepts through Python's sockets."""

    def accept(self) -> int:
        """See Acceptor."""
        try:
            connection, source = self.sock.accept()
        except OSError as error:  # BlockingIOError: none; ECONNABORTED: it is gone already
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
        """See Acceptor. Asking costs a tenth of an accept that finds nobody."""
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
