"""UDP sockets: batches of datagrams in, their answers out.

`UdpBatchSocket` moves up to 64 datagrams with one system call, in buffers that are made once. The kernel writes the
datagrams, their source addresses and, on wildcard sockets, their destination addresses; the answers use the same
address buffers. `UdpSocket` moves one datagram at a time, for machines without these system calls.
"""

import ctypes
import errno
import logging
import socket
from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i64_le
from mypy_extensions import i64

from opentracker._features import WANT_COMPILED
from opentracker.protocol.addresses import format_ip, unmap
from opentracker.server.clock import Now
from opentracker.server.loop import Handler
from opentracker.server.sockets import ask_destinations, is_wildcard
from opentracker.server.system.libc import (
    HEADER_SIZE,
    IOVEC_SIZE,
    LENGTH_AT,
    MSG_DONTWAIT,
    NAME_SIZE,
    Mmsg,
    SendBuffer,
    address_of,
    pack_header,
    pack_iovec,
    pointer_to,
    receive_buffer,
)
from opentracker.server.udp.responder import UdpResponder

log = logging.getLogger("opentracker")

BATCH: Final = 64
ROUNDS: Final = 4  # batches, some 2 ms, before other sockets are served
# Seconds after which no further batch is begun. Sending is the kernel's work, and at times it takes four times as long.
BUDGET: Final = 0.0015
LARGEST: Final = 2048  # bytes read of a datagram; 74 scraped hashes take 1496
ANSWERS: Final = BATCH * 1500  # bytes; no answer is larger than an Ethernet frame carries
CONTROL_SIZE: Final = 64  # room for one packet-info message
PKTINFO4_SIZE: Final = 32  # struct cmsghdr and in_pktinfo, padded
PKTINFO6_SIZE: Final = 40
INTERFACE4_AT: Final = 16  # in a packet-info message, behind the struct cmsghdr; a u32
ADDRESS6_AT: Final = 16
INTERFACE6_AT: Final = 32
LINK_LOCAL: Final = 0xFE  # first byte of fe80::/10: such an address needs its interface
NO_INTERFACES: Final = bytes(BATCH)

SOCKADDR_IN: Final = 16  # sizes; the port is at 2, an IPv4 address at 4, an IPv6 address at 8
SOCKADDR_IN6: Final = 28


class UdpBatchSocket(Handler):
    """A UDP socket that is served in batches."""

    def __init__(self, sock: socket.socket, answers: UdpResponder, now: Now) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.answers = answers
        self.now = now
        self.is_v6 = sock.family == socket.AF_INET6
        self.mmsg = Mmsg()
        # One object for each datagram, so that none has to be sliced from a larger buffer. The headers of objects and
        # of the heap keep them a little more than 2048 bytes apart: at a power of two they would share cache lines.
        received = [receive_buffer(LARGEST) for _ in range(BATCH)]
        names = [receive_buffer(NAME_SIZE) for _ in range(BATCH)]
        self.packets = [buffer for buffer, _ in received]
        self.names = [buffer for buffer, _ in names]
        self.control = bytearray(BATCH * CONTROL_SIZE)
        self.in_vectors = bytearray().join(pack_iovec(address, LARGEST) for _, address in received)
        self.in_headers, in_headers_at = receive_buffer(BATCH * HEADER_SIZE)
        self.in_headers_at: int = in_headers_at
        self.in_headers_pointer = pointer_to(in_headers_at)
        self.out_headers = bytearray(BATCH * HEADER_SIZE)
        out_headers_at = address_of(self.out_headers)
        self.out_header_pointers = [pointer_to(out_headers_at + i * HEADER_SIZE) for i in range(BATCH)]
        self.outgoing = SendBuffer(ANSWERS)
        self.out_vectors = SendBuffer(BATCH * IOVEC_SIZE)
        self.fresh_headers = b""
        self.is_wildcard = is_wildcard(sock)
        if self.is_wildcard:
            ask_destinations(sock)
        self.lay_out([address for _, address in names])

    def lay_out(self, names: list[int]) -> None:
        """Point the headers at the buffers."""
        control_in = control_out = 0
        if self.is_wildcard:
            control_in, control_out = CONTROL_SIZE, PKTINFO6_SIZE if self.is_v6 else PKTINFO4_SIZE
        name_size = SOCKADDR_IN6 if self.is_v6 else SOCKADDR_IN
        control, out_vectors = address_of(self.control), self.out_vectors.address
        in_vectors = address_of(self.in_vectors)
        coming, going = b"", b""
        for i, name in enumerate(names):
            beside, vector = control + i * CONTROL_SIZE, i * IOVEC_SIZE
            coming += pack_header(name, name_size, in_vectors + vector, beside, control_in)
            going += pack_header(name, name_size, out_vectors + vector, beside, control_out)
        self.fresh_headers = coming
        ctypes.memmove(self.in_headers_at, coming, len(coming))
        self.out_headers[:] = going

    def ready(self, events: int) -> None:
        """Answer the datagrams that have come; those beyond the budget wait for the next iteration."""
        end = self.now.seconds + BUDGET
        for _ in range(ROUNDS):
            count: i64 = self.mmsg.receive(self.fd, self.in_headers_pointer, BATCH, MSG_DONTWAIT, None)
            if count < 0:
                if self.mmsg.error() not in (errno.EAGAIN, errno.EINTR):
                    self.answers.counters.udp_errors += 1
                return
            self.answer(count)
            if count < BATCH:
                return
            self.now.read()
            if self.now.seconds >= end:
                return

    def answer(self, count: i64) -> None:
        """Answer the first `count` datagrams of the buffers."""
        headers = self.in_headers
        packets = self.packets
        addresses = self.addresses(count)
        answers = self.answers
        minute = self.now.minute
        out = self.outgoing.writer
        out.truncate(0)
        vectors = self.out_vectors.writer
        vectors.truncate(0)
        outgoing_at: i64 = self.outgoing.address
        silent: list[int] = []
        begin: i64 = 0
        received: i64 = 0
        if WANT_COMPILED:
            answers.bring_near(packets, addresses, count)
        i: i64 = 0
        while i < count:
            size: int = read_i32_le(headers, i * HEADER_SIZE + LENGTH_AT)
            received += size
            address = addresses[i]
            try:
                answers.answer(packets[i], size, address, minute, out)
            except Exception as error:  # a lack of memory, or a fault of ours: answer the others
                out.truncate(begin)
                tell_fault(address, error)
            end: i64 = len(out)
            if end == begin:
                silent.append(i)
            write_i64_le(vectors, outgoing_at + begin)
            write_i64_le(vectors, end - begin)
            begin = end
            i += 1
        self.outgoing.settle()
        self.out_vectors.settle()
        counters = answers.counters
        counters.udp_datagrams += count
        counters.udp_received += received
        counters.udp_sent += begin
        if self.is_wildcard:
            # The kernel has overwritten the sizes.
            ctypes.memmove(self.in_headers_at, self.fresh_headers, count * HEADER_SIZE)
            self.forget_interfaces(count)
        first: i64 = 0
        for gap in silent:
            self.send(first, gap)
            first = gap + 1
        self.send(first, count)

    def addresses(self, count: i64) -> list[bytes]:
        """The source addresses of the first `count` datagrams, 4 or 16 bytes each."""
        names = self.names[:count]
        if self.is_v6:
            return [unmap(name[8:24]) for name in names]
        return [name[4:8] for name in names]

    def forget_interfaces(self, count: i64) -> None:
        """Clear the interfaces of the answers, so that routing chooses them; their source addresses stay.

        If two networks share one default route, an answer may have to leave by another interface than its request's.
        """
        control = self.control
        if self.is_v6 and LINK_LOCAL in control[ADDRESS6_AT : count * CONTROL_SIZE : CONTROL_SIZE]:
            for at in range(0, count * CONTROL_SIZE, CONTROL_SIZE):
                if control[at + ADDRESS6_AT] != LINK_LOCAL:
                    control[at + INTERFACE6_AT : at + INTERFACE6_AT + 4] = bytes(4)
            return
        interface = INTERFACE6_AT if self.is_v6 else INTERFACE4_AT
        # The same byte of all messages at once: a third of a microsecond a batch.
        for at in range(interface, interface + 4):
            control[at::CONTROL_SIZE] = NO_INTERFACES

    def send(self, first: i64, end: i64) -> None:
        """Send the answers number `first` to `end` - 1."""
        while first < end:
            sent: i64 = self.mmsg.send(self.fd, self.out_header_pointers[first], end - first, 0)
            if sent < 0:
                # A full buffer, a firewall, source port 0: one answer is lost.
                self.answers.counters.udp_unsent += 1
                sent = 1
            first += sent


class UdpSocket(Handler):
    """A UDP socket that is served one datagram at a time."""

    def __init__(self, sock: socket.socket, answers: UdpResponder, now: Now) -> None:
        self.sock = sock
        self.answers = answers
        self.now = now
        if is_wildcard(sock):
            ask_destinations(sock)

    def ready(self, events: int) -> None:
        """Answer the datagrams that have come."""
        for _ in range(BATCH * ROUNDS):
            try:
                packet, beside, _, source = self.sock.recvmsg(LARGEST, CONTROL_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.answers.counters.udp_errors += 1
                return
            self.answers.counters.udp_datagrams += 1
            self.answers.counters.udp_received += len(packet)
            address = unmap(socket.inet_pton(self.sock.family, source[0].partition("%")[0]))
            answer = self.answer(packet, address)
            if answer:
                self.answers.counters.udp_sent += len(answer)
                try:
                    self.sock.sendmsg([answer], without_interface(beside), 0, source)
                except OSError:
                    self.answers.counters.udp_unsent += 1

    def answer(self, packet: bytes, address: bytes) -> bytes:
        """The answer to a datagram from `address`; empty: none."""
        out = BytesWriter()
        try:
            self.answers.answer(packet, len(packet), address, self.now.minute, out)
        except Exception as error:  # see UdpBatchSocket.answer
            tell_fault(address, error)
            return b""
        return out.getvalue()


def tell_fault(address: bytes, error: Exception) -> None:
    """Log a datagram that could not be answered."""
    log.error("a datagram of %s is not answered: %r", format_ip(address), error, exc_info=error)


def without_interface(beside: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Packet-info messages with their interfaces cleared; see UdpBatchSocket.forget_interfaces."""
    kept = []
    for level, kind, data in beside:
        if level != socket.IPPROTO_IPV6:
            data = bytes(4) + data[4:]
        elif data[0] != LINK_LOCAL:
            data = data[:16] + bytes(4)
        kept.append((level, kind, data))
    return kept
