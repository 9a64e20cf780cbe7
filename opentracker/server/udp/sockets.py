"""UDP sockets: batches of datagrams in, their answers out.

`UdpBatchSocket` moves up to 64 datagrams with one system call. The kernel writes them, their source names and, on
wildcard sockets, the addresses they were sent to into buffers made once; the answers are sent with those very names and
addresses. `UdpSocket` does the same one by one, for machines without the calls.
"""

import errno
import socket
from typing import Final

from librt.strings import BytesWriter, read_i32_le, write_i64_le
from mypy_extensions import i64

from opentracker.protocol.addresses import unmap
from opentracker.server.clock import Now
from opentracker.server.loop import Handler
from opentracker.server.sockets import ask_destinations, is_wildcard
from opentracker.server.system.libc import (
    HEADER_SIZE,
    IOVEC_SIZE,
    LENGTH_AT,
    NAME_SIZE,
    Mmsg,
    address_of,
    pack_header,
    pack_iovec,
    receive_buffer,
)
from opentracker.server.udp.responder import UdpResponder

BATCH: Final = 64
ROUNDS: Final = 4  # batches, some 2 ms, before other sockets have their turn
LARGEST: Final = 2048  # bytes of a datagram that are looked at; 74 scraped hashes take 1496
ANSWERS: Final = BATCH * 1500  # bytes; no answer is larger than one Ethernet frame carries
CONTROL_SIZE: Final = 64  # room for one packet-info message
PKTINFO4_SIZE: Final = 32  # struct cmsghdr and in_pktinfo, padded
PKTINFO6_SIZE: Final = 40
INTERFACE4_AT: Final = 16  # in such a message, behind the struct cmsghdr; an u32
ADDRESS6_AT: Final = 16
INTERFACE6_AT: Final = 32
LINK_LOCAL: Final = 0xFE  # first byte of fe80::/10: such an address means nothing without its interface
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
        self.incoming, self.incoming_at = receive_buffer(BATCH * LARGEST)
        self.names = bytearray(BATCH * NAME_SIZE)
        self.control = bytearray(BATCH * CONTROL_SIZE)
        self.outgoing = bytearray(ANSWERS)
        self.in_vectors = bytearray(BATCH * IOVEC_SIZE)
        self.out_vectors = bytearray(BATCH * IOVEC_SIZE)
        self.in_headers = bytearray(BATCH * HEADER_SIZE)
        self.out_headers = bytearray(BATCH * HEADER_SIZE)
        self.outgoing_at: i64 = address_of(self.outgoing)
        self.in_headers_at: i64 = address_of(self.in_headers)
        self.out_headers_at: i64 = address_of(self.out_headers)
        self.fresh_headers = b""
        self.is_wildcard = is_wildcard(sock)
        self.lay_out(self.is_wildcard)

    def lay_out(self, wildcard: bool) -> None:
        """Point the headers at the buffers."""
        control_in = control_out = 0
        if wildcard:
            ask_destinations(self.sock)
            control_in, control_out = CONTROL_SIZE, PKTINFO6_SIZE if self.is_v6 else PKTINFO4_SIZE
        name_size = SOCKADDR_IN6 if self.is_v6 else SOCKADDR_IN
        names, control = address_of(self.names), address_of(self.control)
        in_vectors, out_vectors = address_of(self.in_vectors), address_of(self.out_vectors)
        for i in range(BATCH):
            name, beside, vector = names + i * NAME_SIZE, control + i * CONTROL_SIZE, i * IOVEC_SIZE
            self.in_vectors[vector : vector + IOVEC_SIZE] = pack_iovec(
                self.incoming_at + i * LARGEST, LARGEST
            )
            place = slice(i * HEADER_SIZE, (i + 1) * HEADER_SIZE)
            self.in_headers[place] = pack_header(name, NAME_SIZE, in_vectors + vector, beside, control_in)
            self.out_headers[place] = pack_header(name, name_size, out_vectors + vector, beside, control_out)
        self.fresh_headers = bytes(self.in_headers)

    def ready(self, events: int) -> None:
        """Answer what has come in."""
        for _ in range(ROUNDS):
            count: i64 = self.mmsg.receive(self.fd, self.in_headers_at, BATCH, socket.MSG_DONTWAIT, None)
            if count < 0:
                if self.mmsg.error() not in (errno.EAGAIN, errno.EINTR):
                    self.answers.counters.udp_errors += 1
                return
            self.answer(count)
            if count < BATCH:
                return

    def answer(self, count: i64) -> None:
        """Answer the first `count` datagrams of the buffers."""
        headers = bytes(self.in_headers[: count * HEADER_SIZE])
        names = bytes(self.names[: count * NAME_SIZE])
        self.in_headers[: count * HEADER_SIZE] = self.fresh_headers[
            : count * HEADER_SIZE
        ]  # sizes were overwritten
        minute = self.now.minute
        out = BytesWriter()
        vectors = BytesWriter()
        silent: list[int] = []
        begin: i64 = 0
        answers = self.answers
        incoming = self.incoming
        i: i64 = 0
        while i < count:
            size: int = read_i32_le(headers, i * HEADER_SIZE + LENGTH_AT)
            name = i * NAME_SIZE
            address = unmap(names[name + 8 : name + 24]) if self.is_v6 else names[name + 4 : name + 8]
            at = i * LARGEST
            answers.answer(incoming[at : at + size], address, minute, out)
            end: i64 = len(out)
            if end == begin:
                silent.append(i)
            write_i64_le(vectors, self.outgoing_at + begin)
            write_i64_le(vectors, end - begin)
            begin = end
            i += 1
        self.outgoing[:begin] = out.getvalue()
        self.out_vectors[: count * IOVEC_SIZE] = vectors.getvalue()
        self.answers.counters.udp_datagrams += count
        if self.is_wildcard:
            self.forget_interfaces(count)
        first: i64 = 0
        for gap in silent:
            self.send(first, gap)
            first = gap + 1
        self.send(first, count)

    def forget_interfaces(self, count: i64) -> None:
        """Keep the addresses that were asked, but let routing choose the interfaces that the answers leave by.

        Where two networks share one default route, the way back is not the way of the request.
        """
        control = self.control
        if self.is_v6 and LINK_LOCAL in control[ADDRESS6_AT : count * CONTROL_SIZE : CONTROL_SIZE]:
            for at in range(0, count * CONTROL_SIZE, CONTROL_SIZE):
                if control[at + ADDRESS6_AT] != LINK_LOCAL:
                    control[at + INTERFACE6_AT : at + INTERFACE6_AT + 4] = bytes(4)
            return
        interface = INTERFACE6_AT if self.is_v6 else INTERFACE4_AT
        for at in range(interface, interface + 4):  # all at once: a third of a microsecond a batch
            control[at::CONTROL_SIZE] = NO_INTERFACES

    def send(self, first: i64, end: i64) -> None:
        """Send the answers number `first` to `end` - 1."""
        while first < end:
            sent: i64 = self.mmsg.send(self.fd, self.out_headers_at + first * HEADER_SIZE, end - first, 0)
            if sent < 0:
                # A full buffer, a firewall, source port 0: one answer is lost, as datagrams are.
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
        """Answer what has come in."""
        for _ in range(BATCH * ROUNDS):
            try:
                packet, beside, _, source = self.sock.recvmsg(LARGEST, CONTROL_SIZE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.answers.counters.udp_errors += 1
                return
            self.answers.counters.udp_datagrams += 1
            address = unmap(socket.inet_pton(self.sock.family, source[0].partition("%")[0]))
            answer = self.answer(packet, address)
            if answer:
                try:
                    self.sock.sendmsg([answer], without_interface(beside), 0, source)
                except OSError:
                    self.answers.counters.udp_unsent += 1

    def answer(self, packet: bytes, address: bytes) -> bytes:
        """The answer to a datagram from `address`; empty: none."""
        out = BytesWriter()
        self.answers.answer(packet, address, self.now.minute, out)
        return out.getvalue()


def without_interface(beside: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Packet-info messages with the address that was asked alone; see UdpRing.forget_interfaces."""
    kept = []
    for level, kind, data in beside:
        if level != socket.IPPROTO_IPV6:
            data = bytes(4) + data[4:]
        elif data[0] != LINK_LOCAL:
            data = data[:16] + bytes(4)
        kept.append((level, kind, data))
    return kept
