import ctypes
import errno
import resource
import socket
from pathlib import Path

import pytest
from librt.strings import BytesWriter

from opentracker.server.system.libc import (
    HEADER_SIZE,
    IOVEC_SIZE,
    LENGTH_AT,
    HeapTrim,
    Mmsg,
    SendBuffer,
    address_of,
    buffer_of,
    has_mmsg,
    pack_header,
    pack_iovec,
    pointer_to,
)

pytestmark = pytest.mark.skipif(
    not has_mmsg(), reason="this machine's C library has no recvmmsg in a known layout"
)


def test_sizes_of_the_structures() -> None:
    assert len(pack_header(1, 2, 3, 4, 5)) == HEADER_SIZE
    assert len(pack_iovec(1, 2)) == IOVEC_SIZE


def test_an_address_is_where_the_buffer_is() -> None:
    buffer = bytearray(b"abc")
    at = address_of(buffer)
    assert ctypes.string_at(at, 3) == b"abc"
    buffer[1:2] = b"x"
    assert ctypes.string_at(at, 3) == b"axc"


@pytest.mark.parametrize("size", [300, 1024, 96_000])
def test_what_is_written_lies_where_a_send_buffer_says(size: int) -> None:
    buffer = SendBuffer(size)
    for text in (b"first", bytes(range(256)) * (size // 256) + bytes(size % 256), b"last"):
        buffer.writer.truncate(0)
        buffer.writer.write(text)
        buffer.settle()
        assert ctypes.string_at(buffer.address, len(text)) == text


def test_another_layout_of_writers_is_noticed() -> None:
    """Its length is not where it is looked for: 300 bytes are asked about, 299 are there."""
    writer = BytesWriter()
    writer.write(bytes(299))
    assert buffer_of(writer, 300) == 0


def test_where_writers_have_another_layout_what_is_written_is_copied() -> None:
    buffer = SendBuffer(1024, lambda writer, size: 0)
    buffer.writer.write(b"copied")
    buffer.settle()
    assert ctypes.string_at(buffer.address, 6) == b"copied"


def test_two_datagrams_there_and_back() -> None:
    """The layouts are right: what is sent by one array of headers is received by another."""
    mmsg = Mmsg()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        texts = bytearray(b"onethree")
        vectors = bytearray(pack_iovec(address_of(texts), 3) + pack_iovec(address_of(texts) + 3, 5))
        headers = bytearray(
            pack_header(0, 0, address_of(vectors), 0, 0)
            + pack_header(0, 0, address_of(vectors) + IOVEC_SIZE, 0, 0)
        )
        assert mmsg.send(here.fileno(), pointer_to(address_of(headers)), 2, 0) == 2

        room = bytearray(20)
        room_vectors = bytearray(pack_iovec(address_of(room), 10) + pack_iovec(address_of(room) + 10, 10))
        received = bytearray(
            pack_header(0, 0, address_of(room_vectors), 0, 0)
            + pack_header(0, 0, address_of(room_vectors) + IOVEC_SIZE, 0, 0)
        )
        assert (
            mmsg.receive(there.fileno(), pointer_to(address_of(received)), 2, socket.MSG_DONTWAIT, None) == 2
        )
        assert bytes(room) == b"one" + bytes(7) + b"three" + bytes(5)
        sizes = [received[at + LENGTH_AT] for at in (0, HEADER_SIZE)]
        assert sizes == [3, 5]


def test_a_call_that_fails_tells_why() -> None:
    mmsg = Mmsg()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with here, there:
        room = bytearray(10)
        vector = bytearray(pack_iovec(address_of(room), 10))
        headers = bytearray(pack_header(0, 0, address_of(vector), 0, 0))
        assert (
            mmsg.receive(here.fileno(), pointer_to(address_of(headers)), 1, socket.MSG_DONTWAIT, None) == -1
        )
        assert mmsg.error() == errno.EAGAIN
    assert mmsg.send(-1, pointer_to(address_of(headers)), 1, 0) == -1
    assert mmsg.error() == errno.EBADF


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library cannot trim its heap"
)
def test_trimming_gives_freed_memory_back() -> None:
    """Freeing memory under the top of the heap does not return it to the system."""
    blocks = [b"x" * 100_000 for _ in range(200)]
    top = bytes(100_000)
    full = resident()
    del blocks
    HeapTrim()()
    assert resident() < full - 10_000_000
    assert len(top) == 100_000


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no options for its heap"
)
def test_a_large_block_is_given_back_when_it_is_freed() -> None:
    """Without an option the first large block that is freed makes the C library keep the next ones in its heap."""
    HeapTrim()
    above: list[bytes] = []
    for _ in range(2):
        block = b"x" * 8_000_000
        above += [b"x" * 100_000 for _ in range(20)]
        full = resident()
        del block
        assert resident() < full - 4_000_000
    assert len(above) == 40


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
