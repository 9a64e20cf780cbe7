"""A tracker in this process whose loop the test turns, and clients that send and receive between the turns.

Nothing here waits for time to pass: the tracker's clock is the test's own, and a client that awaits bytes lets the
tracker turn until they are there. PATIENCE bounds a test that fails, no other.
"""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from opentracker._features import (
    OT_CLEAN_CYCLE,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_BOGON_FILTER,
    WANT_SYNC_LIVE,
    WANT_V6,
)
from opentracker.config.settings import Sections, Settings
from opentracker.features.feature import Feature
from opentracker.server.core import Core
from opentracker.server.http.accepting import FastAcceptor, PlainAcceptor
from opentracker.server.http.listener import Listener
from opentracker.server.loop import READ
from opentracker.server.sockets import open_tcp, open_udp
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from opentracker.server.wiring import Server

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.feature import AccessListSettings
    from opentracker.swarm.policy.admission import Admission
    from opentracker.swarm.tracker import admit_by
if WANT_BOGON_FILTER:
    from opentracker.swarm.policy.visibility import Visibility
if WANT_SYNC_LIVE:
    from opentracker.features.cluster.settings import SyncSettings

PATIENCE: Final = 20.0  # seconds
HOME: Final = "::1" if WANT_V6 else "127.0.0.1"  # an address of the family that every build has
SECRET: Final = bytes(range(32))
SEED: Final = 1

Endpoint = tuple[str, int]


def sections(*given: object) -> Sections:
    """Sections of settings, and a cluster of its own: a build with live sync starts in one or not at all."""
    if WANT_SYNC_LIVE:
        return Sections(*given, SyncSettings([(packed(HOME), 0, "")]))
    return Sections(*given)


class Clock:
    """Seconds that pass when a test says so; `tick` of them whenever somebody looks."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0
        self.tick = 0.0

    def __call__(self) -> float:
        self.seconds += self.tick
        return self.seconds


def no_nap(seconds: float) -> None:
    """In place of the loop's naps between turns: thousands of turns are quicker without."""


class Live:
    """A tracker without sockets, until it is told to listen.

    `fast` chooses between the two ways there are to serve a socket: with the C library's batches, or plainly. In a
    build with access lists every torrent is allowed, unless `settings` name a list; in one with a filter of addresses
    every address is listed, unless it is to be `filtered`.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        fast: bool = True,
        secret: bytes = SECRET,
        filtered: bool = False,
        features: Sequence[Feature[Core]] | None = None,
        make: type[Server] = Server,
    ) -> None:
        self.clock = Clock()
        self.fast = fast
        self.server = make(settings or Settings(), [], secret, SEED, self.clock, features)
        self.server.loop.sleep = no_nap
        self.counters = self.server.counters
        self.clients: list[UdpClient | TcpClient] = []
        if WANT_BOGON_FILTER and not filtered:  # tests' clients are on loopback
            self.server.tracker.visibility = Visibility()
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            if settings is None or settings.of(AccessListSettings).path is None:
                admit_by(self.server.tracker, Admission())

    def listen_udp(self, host: str = HOME, *, only_v6: bool = True) -> Endpoint:
        """Serve a UDP socket on a free port of this address."""
        sock = open_udp(packed(host), 0, only_v6)
        handler = (UdpBatchSocket if self.fast else UdpSocket)(sock, self.server.udp, self.server.now)
        self.server.loop.watch(sock.fileno(), handler, READ)
        self.server.sockets.append(sock)
        return endpoint(sock)

    def listen_tcp(self, host: str = HOME, *, only_v6: bool = True) -> Endpoint:
        """Serve a TCP socket on a free port of this address."""
        sock = open_tcp(packed(host), 0, only_v6)
        acceptor = FastAcceptor(sock) if self.fast else PlainAcceptor(sock)
        self.server.listeners.append(Listener(acceptor, self.server.http))
        self.server.sockets.append(sock)
        return endpoint(sock)

    def iterate(self, longest_wait: float = 0.0) -> None:
        """Let the tracker do what there is to do."""
        self.server.loop.iterate(longest_wait)

    def ask(self, to: Endpoint, request: bytes, source: str | None = None) -> "Answer":
        """The answer to an HTTP request over a connection of its own."""
        client = TcpClient(self, to, source)
        try:
            return client.ask(request)
        finally:
            client.close()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the tracker turn until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}"
            self.iterate(0.005)

    @property
    def work(self) -> list[Iterator[None]]:
        """The long work that is under way: the tracker's own, and answers."""
        return [*self.server.loop.work, *self.server.loop.answers]

    def settle(self) -> None:
        """Let the tracker turn until it has done all that it can do now."""
        for _ in range(3):
            self.iterate()

    def advance(self, seconds: float) -> None:
        """Let time pass; what is due then is done."""
        self.clock.seconds += seconds
        self.iterate()

    def clean(self) -> None:
        """Let a clean cycle pass, in which every shard has its turn."""
        shards = self.server.tracker.store.shards
        for _ in range(shards):
            self.advance(OT_CLEAN_CYCLE * 60 / shards + 0.001)
            self.until(lambda: not self.work, "a shard to be cleaned")

    def close(self) -> None:
        """Close the tracker and its clients."""
        for client in self.clients:
            client.close()
        self.server.close()

    def udp(self, to: Endpoint, source: str | None = None) -> "UdpClient":
        """A UDP client, on the address that it sends to or another."""
        client = UdpClient(self, to, source)
        self.clients.append(client)
        return client

    def tcp(self, to: Endpoint, source: str | None = None, receive_buffer: int | None = None) -> "TcpClient":
        """A TCP connection, from the address that it connects to or another."""
        client = TcpClient(self, to, source, receive_buffer)
        self.clients.append(client)
        return client


class UdpClient:
    """A client's UDP socket."""

    def __init__(self, live: Live, to: Endpoint, source: str | None) -> None:
        self.live = live
        self.to = to
        self.sock = socket.socket(family_of(to[0]), socket.SOCK_DGRAM)
        self.sock.bind((to[0] if source is None else source, 0))
        self.sock.setblocking(False)

    def send(self, packet: bytes) -> None:
        """Send one datagram."""
        self.sock.sendto(packet, self.to)

    def receive(self) -> bytes:
        """The next datagram, which has to come from the very address that was asked."""
        answers: list[bytes] = []

        def poll() -> bool:
            try:
                packet, source = self.sock.recvfrom(65536)
            except BlockingIOError:
                return False
            assert source[:2] == self.to
            answers.append(packet)
            return True

        self.live.until(poll, "a datagram")
        return answers[0]

    def ask(self, packet: bytes) -> bytes:
        """Send one datagram and receive one."""
        self.send(packet)
        return self.receive()

    def is_silent_about(self, *packets: bytes) -> bool:
        """Whether these datagrams get no answer: the next to come is that to a connect sent after them."""
        for packet in packets:
            self.send(packet)
        answer = self.ask(connect_packet(b"\xde\xad\xbe\xef"))
        return len(answer) == 16 and answer[4:8] == b"\xde\xad\xbe\xef"

    def connect(self) -> bytes:
        """A fresh connection id."""
        answer = self.ask(connect_packet())
        assert len(answer) == 16
        assert answer[:8] == bytes(4) + TRANSACTION
        return answer[8:]

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class TcpClient:
    """A client's TCP connection."""

    def __init__(
        self, live: Live, to: Endpoint, source: str | None = None, receive_buffer: int | None = None
    ) -> None:
        self.live = live
        self.sock = socket.socket(family_of(to[0]), socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(PATIENCE)  # the kernel completes connections; the tracker need not turn for it
        if source is not None:
            self.sock.bind((source, 0))
        self.sock.connect(to)
        self.sock.setblocking(False)
        self.received = b""
        self.ended = False  # no more will come
        self.was_reset = False

    def send(self, data: bytes) -> None:
        """Send it all, the tracker turning while the sockets are full; what a closed tracker refuses is dropped."""
        rest = memoryview(data)

        def some() -> bool:
            nonlocal rest
            try:
                rest = rest[self.sock.send(rest) :]
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True
            return len(rest) == 0

        self.live.until(some, "room to send")

    def poll(self) -> None:
        """Take what has come."""
        while not self.ended:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return
            except ConnectionResetError:
                self.was_reset = self.ended = True
                return
            self.received += data
            self.ended = not data

    def has_ended(self) -> bool:
        """Whether the tracker has closed, everything before that being received."""
        self.poll()
        return self.ended

    def read_to_end(self) -> bytes:
        """Everything until the tracker closes, which it has to do in the orderly way."""
        self.live.until(self.has_ended, "the end of a connection")
        assert not self.was_reset, f"reset after {self.received!r}"
        return self.received

    def read(self, size: int) -> bytes:
        """The next `size` bytes."""

        def enough() -> bool:
            self.poll()
            assert not self.ended or len(self.received) >= size, f"ended after {self.received!r}"
            return len(self.received) >= size

        self.live.until(enough, f"{size} bytes")
        data, self.received = self.received[:size], self.received[size:]
        return data

    def read_answer(self, *, head_only: bool = False) -> "Answer":
        """The next answer: a head, and as much of a body as it says. One that says `close` has to be the last."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        answer = Answer(head)
        if answer.headers.get("Transfer-Encoding") == "chunked":
            answer.body = b"" if head_only else self.read_chunks()
        else:
            answer.body = self.read(0 if head_only else int(answer.headers["Content-Length"]))
        if answer.headers["Connection"] == "close":
            assert self.read_to_end() == b""
        return answer

    def read_chunks(self) -> bytes:
        """The content of a chunked body, to its last chunk."""
        content = b""
        while True:
            size = b""
            while not size.endswith(b"\r\n"):
                size += self.read(1)
            length = int(size, 16)
            chunk = self.read(length + 2)
            assert chunk.endswith(b"\r\n")
            content += chunk[:length]
            if length == 0:
                return content

    def ask(self, request: bytes) -> "Answer":
        """Send a request and read its answer."""
        self.send(request)
        return self.read_answer(head_only=request.startswith(b"HEAD"))

    def finish(self) -> None:
        """Close our half: no more will be sent."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:  # the tracker has reset the connection
            pass

    def reset(self) -> None:
        """Close so that the tracker's kernel hears of a reset, not of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()


class Answer:
    """An HTTP answer: its status line, its headers by name, its body."""

    def __init__(self, head: bytes) -> None:
        self.status_line, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        self.headers = dict(pairs)
        assert len(self.headers) == len(lines), "a header there twice"
        self.status = int(self.status_line.split()[1])
        self.body = b""


TRANSACTION: Final = bytes.fromhex("11223344")
HASH_A: Final = b"A" * 20
HASH_B: Final = b"B" * 20
PEER_ID: Final = b"-XX0001-abcdefghijkl"
MISMATCH: Final = bytes.fromhex("00000003") + TRANSACTION + b"Connection ID missmatch.\0"


def connect_packet(transaction: bytes = TRANSACTION) -> bytes:
    """BEP 15's connect request."""
    return bytes.fromhex("0000041727101980 00000000") + transaction


def announce_packet(
    connection_id: bytes,
    *,
    info_hash: bytes = HASH_A,
    left: int = 1,
    event: int = 2,
    ip: bytes = b"\x01\x02\x03\x04",
    num_want: int = -1,
    port: int = 6881,
    transaction: bytes = TRANSACTION,
) -> bytes:
    """BEP 15's announce request."""
    return b"".join(
        [
            connection_id,
            (1).to_bytes(4, "big"),
            transaction,
            info_hash,
            PEER_ID,
            bytes(8),  # downloaded
            left.to_bytes(8, "big"),
            bytes(8),  # uploaded
            event.to_bytes(4, "big"),
            ip,
            bytes(4),  # key
            num_want.to_bytes(4, "big", signed=True),
            port.to_bytes(2, "big"),
        ]
    )


def scrape_packet(connection_id: bytes, *info_hashes: bytes) -> bytes:
    """BEP 15's scrape request."""
    return connection_id + (2).to_bytes(4, "big") + TRANSACTION + b"".join(info_hashes)


def family_of(host: str) -> socket.AddressFamily:
    """The family of an address's text."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def packed(host: str) -> bytes:
    """An address's 4 or 16 bytes."""
    return socket.inet_pton(family_of(host), host)


def endpoint(sock: socket.socket) -> Endpoint:
    """The address and port that a socket is bound to."""
    name = sock.getsockname()
    return name[0], name[1]
