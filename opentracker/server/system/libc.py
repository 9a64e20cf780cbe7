"""Calls of the C library that Python's `socket` lacks, and their layouts: many datagrams in one system call.

The layouts are those of Linux on 64-bit little-endian machines. Elsewhere, and if the C library lacks the calls,
`has_mmsg` returns False and the UDP server uses plain `recvmsg` and `sendmsg`.
"""

import ctypes
import struct
import sys
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter

HEADER_SIZE: Final = 64  # struct mmsghdr: a msghdr of 56 bytes, u32 length, 4 bytes of padding
LENGTH_AT: Final = 56
IOVEC_SIZE: Final = 16
MSG_DONTWAIT: Final = 0x40
SHUT_WR: Final = 1
NAME_SIZE: Final = 28  # struct sockaddr_in6, which is larger than sockaddr_in
WORD: Final = 8  # bytes
M_TRIM_THRESHOLD: Final = -1  # of mallopt(3)
M_MMAP_THRESHOLD: Final = -3
LARGE_BLOCK: Final = 2 << 20  # bytes; a shard's words are fewer below 15,000,000 torrents
FREE_TOP: Final = 4 << 20  # bytes at the heap's end that are returned at once
SMALLEST_CAPACITY: Final = 256  # bytes of a BytesWriter's built-in buffer


def has_mmsg() -> bool:
    """Whether this machine has the calls, with the layouts of this module."""
    if not sys.platform.startswith("linux") or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return False
    libc = ctypes.CDLL(None)
    return hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg")


def address_of(buffer: bytearray) -> int:
    """The address of a buffer in memory; it is valid until the buffer is resized."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def receive_buffer(size: int) -> tuple[bytes, int]:
    """A buffer for the kernel to write into, and its address.

    It is a bytes object, since slicing it gives bytes at once; a slice of a bytearray would have to be copied again,
    at twice the cost. No other object may refer to the buffer, and only slices, which are copies, may leave its owner.
    """
    buffer = bytes(size)
    address = ctypes.cast(ctypes.c_char_p(buffer), ctypes.c_void_p).value
    assert address is not None
    return buffer, address


def pointer_to(address: int) -> object:
    """An address as an argument for the calls below: without `argtypes` a bare int would be cut to 32 bits."""
    return ctypes.byref(ctypes.c_char.from_address(address))


def buffer_of(writer: BytesWriter, size: int) -> int:
    """The address of a writer's `size` bytes; 0 if its object does not have the layout of librt's ABI 1.

    The layout, in words of 8 bytes: two of every Python object, the buffer's address, the length, the capacity.
    """
    if struct.calcsize("P") != WORD or type(writer).__basicsize__ < 5 * WORD:
        return 0
    words = (ctypes.c_uint64 * 5).from_address(id(writer))
    _, _, address, length, capacity = words
    if length != size or not size <= capacity <= 2 * size + SMALLEST_CAPACITY:
        return 0
    writer.truncate(size - 1)
    return address if words[3] == size - 1 else 0


class SendBuffer:
    """A writer of up to `size` bytes; after `settle` its bytes are at `address`.

    The writer never grows, and is emptied by `truncate`. So the address is read once, from librt's object. If the
    object has another layout than expected, `settle` makes a copy.
    """

    def __init__(self, size: int, locate: Callable[[BytesWriter, int], int] = buffer_of) -> None:
        self.writer = BytesWriter()
        self.writer.write(bytes(size))
        self.copy = bytearray()
        self.address = locate(self.writer, size)
        if self.address == 0:
            self.copy = bytearray(size)
            self.address = address_of(self.copy)
        self.writer.truncate(0)

    def settle(self) -> None:
        """Make the written bytes available at `address`."""
        if self.copy:
            data = self.writer.getvalue()
            self.copy[: len(data)] = data


def pack_header(name: int, name_size: int, iovec: int, control: int, control_size: int) -> bytes:
    """A struct mmsghdr for one datagram; the first, third and fourth are addresses in memory."""
    return struct.pack("@QIxxxxQQQQIIII", name, name_size, iovec, 1, control, control_size, 0, 0, 0, 0)


def pack_iovec(base: int, size: int) -> bytes:
    """A struct iovec."""
    return struct.pack("@QQ", base, size)


class Mmsg:
    """`recvmmsg` and `sendmmsg`: each returns the number of datagrams, or -1 with the reason in `error()`.

    They have no `argtypes`, since converting the arguments would cost as much as the rest of a call: integers are C
    ints, and addresses are made once by `pointer_to`. PyDLL keeps the interpreter's lock, which delays no thread, since
    the sockets never block.
    """

    def __init__(self) -> None:
        libc = ctypes.PyDLL(None, use_errno=True)
        self.receive = libc.recvmmsg
        self.send = libc.sendmmsg

    def error(self) -> int:
        """The errno of the latest failed call."""
        return ctypes.get_errno()


class HalfClose:
    """`shutdown` of the sending half of a bare descriptor: the written bytes leave, then a FIN."""

    def __init__(self) -> None:
        self.call = ctypes.PyDLL(None).shutdown  # see Mmsg

    def __call__(self, fd: int) -> None:
        """Half-close; a connection that is gone already is no error."""
        self.call(fd, SHUT_WR)


class HeapTrim:
    """Returns free pages of the C library's heap to the system, if the library has `malloc_trim`.

    Growing tables leave holes in the heap, 3 bytes a torrent. Called once a second it has little to return: 0.1 to
    0.25 ms at a million torrents, up to 0.6 while all of them expire.

    Blocks of LARGE_BLOCK bytes and more, such as the rows of full scrapes, are kept out of the heap from then on, so
    that they are returned as soon as they are freed. By itself glibc puts them into the heap once one has been freed.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        self.call = libc.malloc_trim if hasattr(libc, "malloc_trim") else None
        if hasattr(libc, "mallopt"):
            libc.mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
            libc.mallopt(M_TRIM_THRESHOLD, FREE_TOP)

    def __call__(self) -> None:
        """Return the free pages."""
        if self.call is not None:
            self.call(0)
