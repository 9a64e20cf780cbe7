"""A tracker with its sockets in this process, before any feature joins it (see `wiring`)."""

import logging
import signal
import socket
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Final, TypeVar

from librt.random import Random

from opentracker import build_info
from opentracker._features import (
    OT_CLEAN_CYCLE,
    OT_CLIENT_TIMEOUT_CHECKINTERVAL,
    OT_CONNECTION_ID_EPOCH,
    WANT_UPGRADE,
)
from opentracker.config.settings import Settings
from opentracker.features.feature import Inlet
from opentracker.protocol.pages import Stream
from opentracker.server.clock import Now
from opentracker.server.http.accepting import acceptor_for
from opentracker.server.http.listener import PAUSE, Listener
from opentracker.server.http.responder import HttpResponder
from opentracker.server.http.server import HttpServer
from opentracker.server.loop import READ, Handler, Loop
from opentracker.server.sockets import RECEIVE_BUFFER, describe, dropped, receive_buffer_of
from opentracker.server.system.libc import HeapTrim, has_mmsg
from opentracker.server.turned_away import INTERVAL, TurnedAway
from opentracker.server.udp.responder import UdpResponder
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from opentracker.swarm.connection_ids import ConnectionIds
from opentracker.swarm.counting.core_gauges import (
    BUILD_INFO,
    BUSY,
    FAULTS,
    ITERATIONS,
    LONGEST_ITERATION,
    OPEN_CONNECTIONS,
    SOCKETS,
    TASKS,
)
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from opentracker.swarm.tracker import Tracker

if WANT_UPGRADE:
    from opentracker.server.workers.telling import Kept

log = logging.getLogger("opentracker")

NO_UPGRADE: Final = "SIGUSR2: there is no upgrade: tracker.upgrade is not yes"

Part = TypeVar("Part")


def tracker_id_of(seed: int) -> int:
    """A random u32 that identifies a tracker in its cluster; it reveals nothing secret."""
    digest = blake2b(seed.to_bytes(8, "big"), digest_size=4, person=b"tracker id").digest()
    return int.from_bytes(digest, "big")


def each(todo: list[Callable[[], None]]) -> Callable[[], None]:
    """A function that calls all functions of a list."""

    def call() -> None:
        for do in todo:
            do()

    return call


class Core:
    """The tracker, the loop, and the handlers of the sockets.

    The secret (32 bytes) and the seed come from the operating system; `clock` returns seconds and never goes back.
    Features add their functions to `reloads` and the lists after it. Features without a socket use it as a Host, see
    features.feature.
    """

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        secret: bytes,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tracker = Tracker(Random(seed))
        self.tracker_id = tracker_id_of(seed)
        self.counters = self.tracker.counters
        self.now = Now(clock)
        self.loop = Loop(self.now)
        self.ids = self.new_ids(secret)
        self.cleaner = Cleaner(self.tracker)
        self.now.began = self.cleaner.see
        if WANT_UPGRADE and settings.left.takes_over:
            self.now.go_on_from(settings.left.origin)
        self.take_part()
        self.udp = self.new_udp_responder()
        self.http_answers = self.new_http_answers(settings.redirect_url.encode("ascii"))
        self.http = HttpServer(self.loop, self.http_answers)
        self.http_servers = [self.http]  # a feature may add others
        self.stats_answers = self.http_answers  # others, if statistics have their own address
        self.parts: dict[type[Any], Any] = {}
        self.streams: dict[str, Stream] = {}
        self.scarcities = self.http.scarcities
        self.weights: list[Callable[[], int]] = []
        self.share = 0
        self.hearers: dict[bytes, Callable[[bytes], None]] = {}  # see features.feature.Host
        self.inlets: list[Inlet] = []
        if WANT_UPGRADE:
            self.kept: Kept | None = None  # for the next version; none: there may be no upgrade
        self.reloads: list[Callable[[], None]] = []  # called at SIGHUP
        self.renewals: list[Callable[[Settings], None]] = []  # called with settings that were read again
        self.complaints: list[Callable[[], str]] = []  # each returns a lasting fault, or ""
        self.dumps: list[Callable[[], None]] = []  # called at SIGUSR1
        self.farewells: list[
            Callable[[], None]
        ] = []  # of workers: called before connections are closed at a clean end
        self.endings: list[Callable[[], None]] = []  # called at a clean end, while all parts are still open
        self.closings: list[Callable[[], None]] = []  # called at any end, after the sockets are closed
        self.sources: list[Callable[[StatsSnapshot], None]] = []  # tell the values of gauges
        self.each_second: list[Callable[[], None]] = [self.rotate_ids, HeapTrim()]  # in this order
        self.sockets = sockets
        self.listeners: list[Listener] = []
        for sock in sockets:
            self.attach(sock)
        self.rotate_ids()
        self.loop.every(1.0, each(self.each_second))
        self.loop.every(OT_CLEAN_CYCLE * 60 / self.tracker.store.shards, self.clean)
        self.loop.every(OT_CLIENT_TIMEOUT_CHECKINTERVAL, self.http.sweep)
        self.loop.every(PAUSE, self.resume)
        self.loop.every(OT_CLIENT_TIMEOUT_CHECKINTERVAL, self.count_drops)
        self.loop.every(INTERVAL, TurnedAway(self.counters).look)

    def attach(self, sock: socket.socket) -> None:
        """Have the loop serve a socket."""
        if sock.type == socket.SOCK_STREAM:
            self.listeners.append(Listener(acceptor_for(sock), self.http))
        else:
            self.loop.watch(sock.fileno(), self.new_udp_handler(sock), READ)

    def take_part(self) -> None:
        """Called when tracker and clock are there, before all else; see `server.workers`."""

    def new_ids(self, secret: bytes) -> ConnectionIds:
        """The connection ids."""
        return ConnectionIds(secret)

    def new_udp_handler(self, sock: socket.socket) -> Handler:
        """The handler of a UDP socket."""
        return (UdpBatchSocket if has_mmsg() else UdpSocket)(sock, self.udp, self.now)

    def new_http_answers(self, redirect_url: bytes) -> HttpResponder:
        """The answers to HTTP requests; `opentracker.debug` has another."""
        return HttpResponder(self.tracker, self.counters, redirect_url)

    def new_udp_responder(self) -> UdpResponder:
        """The answers to datagrams; `opentracker.debug` has another."""
        return UdpResponder(self.tracker, self.ids, self.counters)

    def udp_responders(self) -> list[UdpResponder]:
        """All that answer datagrams."""
        return [self.udp]

    # ---- See features.feature.Host -------------------------------------------------------------------------

    def minute(self) -> int:
        """The tracker's time."""
        return self.now.minute

    def uptime(self) -> float:
        """Seconds since the start, as of this iteration of the loop."""
        return self.now.seconds

    def every(self, interval: float, action: Callable[[], None]) -> None:
        """Call `action` every `interval` seconds."""
        self.loop.every(interval, action)

    def start_work(self, work: Iterator[None]) -> None:
        """Start long work, which the loop advances in slices."""
        self.loop.start(work)

    def part(self, kind: type[Part]) -> Part:
        """The part of this class, added by a feature."""
        found: Part = self.parts[kind]
        return found

    def add_part(self, part: object) -> None:
        """Add an object that features that join later find by its class."""
        self.parts[type(part)] = part

    def keep(self, name: bytes, message: bytes) -> None:
        """Give a message to a hearer of the next version, if one takes over before the next reload."""
        if WANT_UPGRADE and self.kept is not None:
            self.kept.keep(name, message)

    def complete(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the loop, of the sockets and of the features' sources to a snapshot."""
        self.count_drops()
        snapshot.counters["udp_dropped"] = self.counters.udp_dropped
        udp_sockets = sum(sock.type == socket.SOCK_DGRAM for sock in self.sockets)
        snapshot.addresses = [describe(sock) for sock in self.sockets]
        snapshot.tell(BUILD_INFO, 1, build_info.labels())
        snapshot.tell(SOCKETS, len(self.sockets) - udp_sockets, 'protocol="tcp"')
        snapshot.tell(SOCKETS, udp_sockets, 'protocol="udp"')
        snapshot.tell(OPEN_CONNECTIONS, len(self.http.connections))
        snapshot.tell(LONGEST_ITERATION, self.loop.longest_turn)
        snapshot.tell(BUSY, self.loop.busy)
        snapshot.tell(FAULTS, self.loop.faults)
        snapshot.tell(TASKS, len(self.loop.work) + len(self.loop.answers))
        snapshot.tell_distribution(ITERATIONS, self.loop.lengths, self.loop.busy)
        for source in self.sources:
            source(snapshot)

    # ---- Timers ----------------------------------------------------------------------------------------------

    def rotate_ids(self) -> None:
        """Begin a new epoch of connection ids, if it is due."""
        self.ids.rotate(int(self.now.seconds) // OT_CONNECTION_ID_EPOCH)

    def clean(self) -> None:
        """Clean the next shard."""
        self.loop.start(self.cleaner.clean_next(self.now.minute))

    def count_drops(self) -> None:
        """Copy the kernel's count of datagrams that were dropped because the receive buffer was full."""
        self.counters.udp_dropped = sum(
            dropped(sock) for sock in self.sockets if sock.type == socket.SOCK_DGRAM
        )

    def sockets_in_words(self) -> list[str]:
        """A line for each socket, and one if a receive buffer is smaller than requested."""
        lines = [f"listening on {describe(sock)}" for sock in self.sockets]
        granted = [receive_buffer_of(sock) for sock in self.sockets if sock.type == socket.SOCK_DGRAM]
        if granted and min(granted) < RECEIVE_BUFFER:
            asked = RECEIVE_BUFFER // 1024
            lines.append(
                f"UDP receive buffers of {min(granted) // 1024} KiB were granted, {asked} KiB asked for"
            )
        return lines

    def losses_in_words(self) -> str:
        """A line for the end of the log on events that may have delayed clients: dropped datagrams, long iterations."""
        self.count_drops()
        drops, longest = self.counters.udp_dropped, self.loop.longest_turn * 1000
        return (
            f"the kernel dropped {drops} datagrams; the longest iteration of the loop took {longest:.1f} ms"
        )

    def signal_actions(self) -> dict[int, Callable[[], None]]:
        """The actions of signals; a signal without an action is answered by a line of the log."""
        return {
            int(signal.SIGHUP): self.asked_for(
                self.reloads, "SIGHUP: there is no config file and no list to be read again"
            ),
            int(signal.SIGUSR1): self.asked_for(
                self.dumps, "SIGUSR1: no state is written: there is no tracker.state_file"
            ),
            int(signal.SIGUSR2): self.asked_for([], NO_UPGRADE),
        }

    def asked_for(self, todo: list[Callable[[], None]], excuse: str) -> Callable[[], None]:
        """A function that calls all of `todo`; if `todo` is empty, it logs `excuse`."""
        return each(todo) if todo else lambda: log.warning("%s", excuse)

    def worries(self) -> list[str]:
        """Current faults that an operator should know of, such as a failed reload."""
        return [complaint for complain in self.complaints if (complaint := complain())]

    def resume(self) -> None:
        """Resume listeners that ran out of descriptors."""
        for listener in self.listeners:
            listener.resume()

    def close(self) -> None:
        """Close everything."""
        for server in self.http_servers:
            server.close()
        self.loop.close()  # before the sockets: the loop unwatches none, since a paused listener is not watched
        for sock in self.sockets:
            sock.close()
        for close in self.closings:
            close()
