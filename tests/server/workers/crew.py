"""Several workers in this process, whose loops the test turns in turn, and clients beside them."""

import gzip
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote_from_bytes

from opentracker._features import (
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_AUTH_KEYS,
    WANT_BOGON_FILTER,
    WANT_RESTRICT_STATS,
)
from opentracker.config.settings import Bind, Settings
from opentracker.server import wiring
from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.workers.channel import Channel, pair
from opentracker.server.workers.frames import Frame
from opentracker.server.workers.service import make_seats
from opentracker.server.workers.sockets import open_groups, passed_groups
from opentracker.server.workers.worker import Worker
from opentracker.swarm.ownership import Ownership
from opentracker.swarm.policy.permissions import MAY_STAT
from tests.server.live import HOME, PATIENCE, SECRET, connect_packet, endpoint, family_of, packed, sections

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.policy.admission import Admission
    from opentracker.swarm.tracker import admit_by
if WANT_AUTH_KEYS:
    from opentracker.features.keys.feature import KeysFeature
if WANT_BOGON_FILTER:
    from opentracker.swarm.policy.visibility import Visibility

GZIP: Final = b"\x1f\x8b"  # of the answers of builds that compress in any case
KEYS: Final = (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1)


class Crew:
    """Workers that serve TCP and UDP on a free port each; `steered` or with one UDP socket for all.

    `prepare` changes the settings of each worker, `make` makes it.
    """

    def __init__(
        self,
        many: int,
        *,
        steered: bool = True,
        home: str = HOME,
        prepare: Callable[[Settings], None] = lambda _: None,
        make: type[Worker] = Worker,
    ) -> None:
        binds = [Bind(False, packed(home), 0), *[Bind(True, packed(home), 0)] * steered]
        self.groups = open_groups(binds, many, KEYS)
        if not steered:
            sock = socket.socket(family_of(home), socket.SOCK_DGRAM)
            sock.bind((home, 0))
            sock.setblocking(False)
            self.groups += passed_groups([sock], many)
        self.tcp, self.udp = [endpoint(group.sockets[0]) for group in self.groups]
        self.controls = [pair() for _ in range(many)]
        seats = make_seats(many, KEYS, time.monotonic(), self.groups)
        self.workers = []
        for seat, (_, its) in zip(seats, self.controls, strict=True):
            settings = Settings(sections=sections(), workers=many)
            if WANT_RESTRICT_STATS:
                settings.permissions.bless(packed(HOME), 8 * len(packed(HOME)), MAY_STAT)
            prepare(settings)
            features = [feature(settings) for feature in wiring.FEATURES]
            for feature in features:
                if WANT_AUTH_KEYS and isinstance(feature, KeysFeature):
                    feature.secret = SECRET  # as workers that are forks have the same
                feature.load()
            worker = make(seat, its, settings, features)
            for feature in features:
                feature.begin(worker)
            worker.loop.sleep = no_nap
            if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
                admit_by(worker.tracker, Admission())
            if WANT_BOGON_FILTER:  # tests' clients are on loopback
                worker.tracker.visibility = Visibility()
            self.workers.append(worker)
        self.frames: list[list[Frame]] = [[] for _ in range(many)]
        self.loop = Loop(Now(time.monotonic))  # of the supervisor
        self.channels = [
            Channel(ours, self.loop, taker(to), lambda _: None)
            for (ours, _), to in zip(self.controls, self.frames, strict=True)
        ]
        self.ownership = Ownership(0, many, KEYS)

    def owned_by(self, worker: int, many: int = 1) -> list[bytes]:
        """Random info_hashes that a worker owns."""
        found: list[bytes] = []
        while len(found) < many:
            info_hash = os.urandom(20)
            if self.ownership.owner_at(info_hash, 0) == worker:
                found.append(info_hash)
        return found

    def iterate(self, but: Sequence[int] = ()) -> None:
        """Let each worker do what there is to do, all but some."""
        for number, worker in enumerate(self.workers):
            if number not in but:
                worker.loop.iterate(0.0)
        self.loop.iterate(0.0)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the workers do things until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}"
            self.iterate()

    def client(self, to: tuple[str, int] | None = None) -> socket.socket:
        """A UDP client."""
        client = socket.socket(family_of(self.udp[0]), socket.SOCK_DGRAM)
        client.connect(to or self.udp)
        client.setblocking(False)
        return client

    def connect(self, to: tuple[str, int] | None = None) -> tuple[socket.socket, bytes]:
        """A UDP client, and its connection id."""
        client = self.client(to)
        return client, self.exchange(client, connect_packet())[8:16]

    def exchange(self, client: socket.socket, packet: bytes) -> bytes:
        """The answer to a datagram."""
        client.send(packet)
        answers: list[bytes] = []

        def has_answer() -> bool:
            try:
                answers.append(client.recv(4096))
            except BlockingIOError:
                return False
            return True

        self.until(has_answer, "a datagram")
        return answers[0]

    def fetch(self, target: str, *, head: bytes = b"GET", whole: bool = False) -> bytes:
        """The body of the answer to a request, or the whole answer."""
        with socket.create_connection(self.tcp) as client:
            client.setblocking(False)
            client.sendall(head + b" " + target.encode("ascii") + b" HTTP/1.0\r\n\r\n")
            answer = self.read(client)
        body = answer.partition(b"\r\n\r\n")[2]
        return answer if whole else gzip.decompress(body) if body.startswith(GZIP) else body

    def read(self, client: socket.socket) -> bytes:
        """All bytes of a connection up to its end."""
        parts: list[bytes] = []

        def is_over() -> bool:
            try:
                parts.append(client.recv(65536))
            except BlockingIOError:
                return False
            return parts[-1] == b""

        self.until(is_over, "the end of a connection")
        return b"".join(parts)

    def announce(self, info_hash: bytes, port: int, more: str = "") -> bytes:
        """The body of the answer to an announce over HTTP."""
        return self.fetch(f"/announce?info_hash={quote_from_bytes(info_hash)}&port={port}{more}")

    def close(self) -> None:
        """Close the workers."""
        for worker in self.workers:
            worker.close()
        for channel in self.channels:
            channel.close()
        self.loop.close()
        for group in self.groups:
            group.close()


def taker(to: list[Frame]) -> Callable[[Channel, Frame], None]:
    """A function that keeps frames."""
    return lambda _, frame: to.append(frame)


def no_nap(seconds: float) -> None:
    """In place of the naps of loops."""
