"""UDP in one of several workers: it asks the owners of torrents, and sends the answers when they come."""

import socket
import struct
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_PROXY_PROTOCOL
from opentracker.protocol.udp import (
    ANNOUNCE,
    INFO_HASH,
    action_of,
    scrape_count,
    write_scrape_head,
)
from opentracker.server.clock import Now
from opentracker.server.udp.responder import UdpResponder
from opentracker.server.udp.sockets import CONTROL_SIZE, UdpBatchSocket, without_interface
from opentracker.server.workers.frames import DATAGRAM
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.requests import UDP_ENTRY, pack_datagram
from opentracker.server.workers.scrapes import SharedScrape
from opentracker.swarm.connection_ids import ConnectionIds
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker

if WANT_PROXY_PROTOCOL:
    from opentracker.protocol.proxied import SIMPLE_SIZE

CMSG_HEAD: Final = 16  # struct cmsghdr: u64 length with this head, i32 level, i32 type


class Return:
    """The way back to the client of a datagram: its socket, its address, and the address that it was sent to.

    `head` is that of a proxy, which the answer needs too; empty: none.
    """

    def __init__(self, handler: "SharedUdpSocket", name: bytes, control: bytes) -> None:
        self.handler = handler
        self.name = name
        self.control = control
        self.head = b""

    def take(self, answer: bytes) -> None:
        """Send the answer that the owner of the torrent has given; empty: none."""
        if answer:
            self.send(answer)

    def send(self, answer: bytes) -> None:
        """Send an answer."""
        answer = self.head + answer
        counters = self.handler.answers.counters
        counters.udp_sent += len(answer)
        try:
            self.handler.sock.sendmsg([answer], self.beside(), 0, self.address())
        except OSError:
            counters.udp_unsent += 1

    def address(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The client's address as a socket takes it."""
        name = self.name
        port = int.from_bytes(name[2:4], "big")
        if not self.handler.is_v6:
            return socket.inet_ntop(socket.AF_INET, name[4:8]), port
        flow, scope = int.from_bytes(name[4:8], "big"), int.from_bytes(name[24:28], "little")
        return socket.inet_ntop(socket.AF_INET6, name[8:24]), port, flow, scope

    def beside(self) -> list[tuple[int, int, bytes]]:
        """The control message for the answer, if there is one."""
        if not self.control:
            return []
        length, level, kind = struct.unpack_from("@Qii", self.control)
        return without_interface([(level, kind, self.control[CMSG_HEAD:length])])


class ScrapeReturn(Return):
    """The way back of a scrape; `packet` is the datagram."""

    def __init__(self, way: Return, packet: bytes) -> None:
        super().__init__(way.handler, way.name, way.control)
        self.head = way.head
        self.packet = packet

    def take_scrape(self, scrape: SharedScrape) -> None:
        """Send the answer to a scrape."""
        out = BytesWriter()
        write_scrape_head(out, self.packet)
        out.write(b"".join([entry[:UDP_ENTRY] for entry in scrape.entries]))
        self.send(out.getvalue())


class SharedUdpResponder(UdpResponder):
    """Answers datagrams. The kernel steers requests to this worker; a scrape may be of torrents of others as well."""

    def __init__(self, tracker: Tracker, ids: ConnectionIds, counters: Counters, mesh: Mesh) -> None:
        super().__init__(tracker, ids, counters)
        self.mesh = mesh
        self.handler: SharedUdpSocket | None = None  # the socket whose batch is being answered
        if WANT_PROXY_PROTOCOL:
            self.proxied: bytes | None = None  # the datagram of a proxy that is being answered

    def way_back(self, packet: bytes) -> Return | None:
        """The way back of a datagram of the batch that is being answered, found by its buffer."""
        head = b""
        if WANT_PROXY_PROTOCOL and self.proxied is not None:
            packet = self.proxied
            head = packet[:SIMPLE_SIZE]
        handler = self.handler
        if handler is not None:
            for index, buffer in enumerate(handler.packets):
                if buffer is packet:
                    way = handler.way_back(index)
                    way.head = head
                    return way
        return None

    def answer_proxied(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> bool:
        """See UdpResponder."""
        if WANT_PROXY_PROTOCOL and self.proxied is None:
            self.proxied = packet
            try:
                return super().answer_proxied(packet, size, address, minute, out)
            finally:
                self.proxied = None
        return False

    def scrape(self, packet: bytes, size: i64, out: BytesWriter) -> None:
        """See UdpResponder."""
        count = scrape_count(size)
        if self.mesh.ownership.owns_all(packet, INFO_HASH, count):
            super().scrape(packet, size, out)
            return
        info_hashes = [packet[16 + 20 * i : 36 + 20 * i] for i in range(count)]
        way = self.way_back(packet)
        assert way is not None
        scrape = SharedScrape(self.tracker, self.mesh, info_hashes)
        if not scrape.begin(ScrapeReturn(way, packet[:16]).take_scrape):
            write_scrape_head(out, packet)
            out.write(b"".join([entry[:UDP_ENTRY] for entry in scrape.entries]))

    def answer_own(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> None:
        """Answer a datagram that another worker has handed on."""
        super().answer(packet, size, address, minute, out)


class StrayUdpResponder(SharedUdpResponder):
    """Answers datagrams that the kernel does not steer: announces of other workers' torrents are handed on."""

    def answer(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> None:
        """See UdpResponder."""
        if action_of(packet, size) == ANNOUNCE and self.ids.accepts(packet, address):
            owner = self.mesh.ownership.owner_at(packet, INFO_HASH)
            if owner != self.mesh.ownership.own:
                self.hand_on(packet, size, address, owner)
                return
        self.answer_own(packet, size, address, minute, out)

    def hand_on(self, packet: bytes, size: i64, address: bytes, owner: i64) -> None:
        """Have the owner of its torrent answer a datagram."""
        way = self.way_back(packet)
        assert way is not None
        self.mesh.ask(owner, DATAGRAM, pack_datagram(address, packet[: int(size)]), way.take)


class SharedUdpSocket(UdpBatchSocket):
    """A UDP socket of one of several workers."""

    def __init__(self, sock: socket.socket, answers: SharedUdpResponder, now: Now) -> None:
        super().__init__(sock, answers, now)
        self.shared = answers

    def answer(self, count: i64) -> None:
        """See UdpBatchSocket."""
        self.shared.handler = self
        super().answer(count)

    def way_back(self, index: i64) -> Return:
        """The way back of a datagram of this batch, in copies: the kernel writes into the buffers again."""
        name = self.names[index]
        control = b""
        if self.is_wildcard:
            control = bytes(self.control[index * CONTROL_SIZE : (index + 1) * CONTROL_SIZE])
        return Return(self, name[:8] + name[8:], control)
