"""The C library's calls that Python's `socket` lacks, and the layouts they need: many datagrams in one system call.

The layouts are those of Linux on 64-bit little-endian machines. Elsewhere, and where the C library lacks the calls,
`has_mmsg` says no and the UDP server uses plain `recvmsg` and `sendmsg`.
"""

import ctypes
import socket
import struct
import sys
from typing import Final

HEADER_SIZE: Final = 64  # struct mmsghdr: a msghdr of 56 bytes, u32 length, 4 bytes of padding
LENGTH_AT: Final = 56
IOVEC_SIZE: Final = 16
NAME_SIZE: Final = 28  # struct sockaddr_in6, the larger of the two


def has_mmsg() -> bool:
    """Whether this machine has the calls, in the layouts that are known here."""
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return False
    libc = ctypes.CDLL(None)
    return hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg")


def address_of(buffer: bytearray) -> int:
    """Where a buffer lies in memory, as long as it is not resized: the caller sees to that."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def receive_buffer(size: int) -> tuple[bytes, int]:
    """A buffer for the kernel to write into, and where it lies.

    It is a bytes object, since a slice of one is one new object; of a bytearray it is a bytearray to be copied again,
    twice the cost. Nothing else may refer to it, and only slices, which are copies, may leave its owner.
    """
    buffer = bytes(size)
    address = ctypes.cast(ctypes.c_char_p(buffer), ctypes.c_void_p).value
    assert address is not None
    return buffer, address


def pack_header(name: int, name_size: int, iovec: int, control: int, control_size: int) -> bytes:
    """A struct mmsghdr for one datagram; the first, third and fourth are addresses in memory."""
    return struct.pack("@QIxxxxQQQQIIII", name, name_size, iovec, 1, control, control_size, 0, 0, 0, 0)


def pack_iovec(base: int, size: int) -> bytes:
    """A struct iovec."""
    return struct.pack("@QQ", base, size)


class Mmsg:
    """`recvmmsg` and `sendmmsg`: each gives the number of datagrams, or -1 with the reason in `error()`."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.receive = libc.recvmmsg
        self.receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self.receive.restype = ctypes.c_int
        self.send = libc.sendmmsg
        self.send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
        self.send.restype = ctypes.c_int

    def error(self) -> int:
        """The errno of the call that has just failed."""
        return ctypes.get_errno()


class HalfClose:
    """`shutdown` of the sending half of a bare descriptor: what was written leaves, then a FIN."""

    def __init__(self) -> None:
        self.call = ctypes.CDLL(None).shutdown
        self.call.argtypes = (ctypes.c_int, ctypes.c_int)
        self.call.restype = ctypes.c_int

    def __call__(self, fd: int) -> None:
        """Half-close; a connection that is gone already is no error."""
        self.call(fd, socket.SHUT_WR)


class HeapTrim:
    """Gives the system the pages that the C library's heap has free; nothing where it has no such call.

    Tables that grow leave holes behind, 3 bytes a torrent. Done once a second there is little to give each time: 0.1 to
    0.25 ms at a million torrents.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self.call = libc.malloc_trim if hasattr(libc, "malloc_trim") else None

    def __call__(self) -> None:
        """Give back what is free."""
        if self.call is not None:
            self.call(0)
