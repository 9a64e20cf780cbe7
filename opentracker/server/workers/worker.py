"""A worker: the tracker as it is in one process, with a share of the torrents and a way to the others."""

import logging
import marshal
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentracker._features import OT_CONNECTION_ID_EPOCH, WANT_PROXY_PROTOCOL, WANT_UPGRADE
from opentracker.config.settings import Settings
from opentracker.features.feature import Feature
from opentracker.server import wiring
from opentracker.server.core import Core
from opentracker.server.loop import Handler
from opentracker.server.system.log_output import lost_lines, set_up
from opentracker.server.udp.responder import UdpResponder
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.frames import (
    END,
    PULSE,
    READY,
    RELOAD,
    RELOADED,
    REPORT,
    STOP,
    TELL,
    Frame,
)
from opentracker.server.workers.http import SharedHttpResponder
from opentracker.server.workers.ids import MARGIN, SharedIds
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.owner import Owner
from opentracker.server.workers.parts import unpack_reading
from opentracker.server.workers.sharing import share
from opentracker.server.workers.streams import Streams
from opentracker.server.workers.udp import SharedUdpResponder, SharedUdpSocket, StrayUdpResponder
from opentracker.swarm.counting.core_gauges import LOST_LINES
from opentracker.swarm.counting.metric import Gauge
from opentracker.swarm.ownership import Ownership
from opentracker.swarm.surveys.snapshot import StatsSnapshot

if WANT_PROXY_PROTOCOL:
    from opentracker.features.proxy import PROXY_PROTOCOL, ProxySettings
if WANT_UPGRADE:
    from opentracker.server.upgrade import crew_worker

log = logging.getLogger("opentracker")

PULSE_SECONDS: Final = 1.0
SWEEP_SECONDS: Final = 5.0
SUCCESSOR: Final = b"successor"  # the hearer of a worker's number: it is the successor of one that has died
LOOK_SECONDS: Final = 0.5  # between two looks whether a reload is done
WORKER_BUSY: Final = Gauge(
    "opentracker_worker_busy_seconds_total",
    "Time in iterations of a worker's loop, without the waits for sockets.",
)


@dataclass
class Seat:
    """The place of a worker, which a successor takes over; `channels` are its ends of those to the other workers."""

    number: int
    workers: int
    keys: Sequence[int]
    secret: bytes
    seed: int
    origin: float  # of the clock of all workers
    sockets: list[socket.socket]
    unsteered: list[socket.socket]  # the UDP sockets among them whose datagrams the kernel does not steer
    channels: dict[int, socket.socket]
    # For upgrades: the end by which this worker gives its torrents, and the one by which it takes those of another one.
    giving: socket.socket | None = None
    taking: socket.socket | None = None


class Worker(wiring.Server):
    """A server with its share of the torrents; `control` is its end of the channel to the supervisor."""

    def __init__(
        self, seat: Seat, control: socket.socket, settings: Settings, features: Sequence[Feature[Core]]
    ) -> None:
        self.seat = seat
        self.ownership = Ownership(seat.number, seat.workers, seat.keys)
        self.mesh = Mesh(self.ownership, int.from_bytes(os.urandom(4), "big"))
        self.has_proxy_heads = has_proxy_heads(settings)
        super().__init__(settings, seat.sockets, seat.secret, seat.seed, features=features)
        self.loop.share_out(seat.workers)
        self.streams_out = Streams(self.loop)
        owner = Owner(self.shared_http, self.shared_udp, self.streams_out, self.now, self.hearers)
        self.mesh.join(self.loop, owner.serve)
        for number, end in seat.channels.items():
            self.mesh.channels[number] = Channel(end, self.loop, self.mesh.take, never)
        self.control = Channel(control, self.loop, self.obey, self.orphaned)
        self.hearers[SUCCESSOR] = lambda message: self.mesh.succeeded(int(message))
        self.mesh.successions.append(lambda worker: self.streams_out.lost(self.mesh.channels[worker]))
        self.orders: dict[int, Callable[[Frame], None]] = {
            RELOAD: self.reload,
            END: self.begin_end,
            STOP: self.stop,
            REPORT: self.take_report,
            TELL: lambda frame: owner.hear(self.control, frame),
        }
        if WANT_UPGRADE:
            self.departure = crew_worker.join(self, self.streams_out, self.mesh, self.control, self.orders)
            if seat.giving is not None:
                self.departure.listen(seat.giving)
        self.report: tuple[str, list[Any]] = ("", [])  # complaint and readings of the supervisor
        self.reloading: list[object] | None = None  # the long work of a reload
        self.has_to_stop = False
        self.complaints.append(lambda: self.report[0])
        self.sources.append(self.tell_load)
        self.renewals.append(lambda new: set_up(new.log_level, new.log_format))
        self.loop.every(SWEEP_SECONDS, self.mesh.sweep)
        self.loop.every(PULSE_SECONDS, self.tell_pulse)
        self.loop.every(LOOK_SECONDS, self.look)
        share(self, self.mesh, self.streams_out, self.add_report)

    # ---- See Core -------------------------------------------------------------------------------------------

    def take_part(self) -> None:
        """See Core: all workers have the same time."""
        self.tracker.ownership = self.ownership
        self.now.start = self.seat.origin
        self.now.read()

    def new_ids(self, secret: bytes) -> SharedIds:
        """See Core."""
        self.shared_ids = SharedIds(secret)
        return self.shared_ids

    def rotate_ids(self) -> None:
        """See Core."""
        super().rotate_ids()
        left = OT_CONNECTION_ID_EPOCH - self.now.seconds % OT_CONNECTION_ID_EPOCH
        self.shared_ids.is_ending = left <= MARGIN

    def new_http_answers(self, redirect_url: bytes) -> SharedHttpResponder:
        """See Core."""
        self.shared_http = SharedHttpResponder(self.tracker, self.counters, redirect_url, self.mesh)
        return self.shared_http

    def new_udp_responder(self) -> SharedUdpResponder:
        """See Core."""
        self.strays = StrayUdpResponder(self.tracker, self.ids, self.counters, self.mesh)
        self.shared_udp = SharedUdpResponder(self.tracker, self.ids, self.counters, self.mesh)
        return self.shared_udp

    def udp_responders(self) -> list[UdpResponder]:
        """See Core."""
        return [self.shared_udp, self.strays]

    def new_udp_handler(self, sock: socket.socket) -> Handler:
        """See Core."""
        # The kernel finds no info_hash behind the head of a proxy.
        is_astray = sock in self.seat.unsteered or self.has_proxy_heads
        answers = self.strays if is_astray else self.shared_udp
        return SharedUdpSocket(sock, answers, self.now)

    # ---- Statistics ------------------------------------------------------------------------------------------

    def tell_load(self, snapshot: StatsSnapshot) -> None:
        """Add the load of this worker to its snapshot."""
        snapshot.tell(WORKER_BUSY, self.loop.busy, f'worker="{self.seat.number}"')
        snapshot.tell(LOST_LINES, lost_lines())

    def add_report(self, snapshot: StatsSnapshot) -> None:
        """Add the values of the supervisor to a merged snapshot."""
        for packed in self.report[1]:
            reading = unpack_reading(packed)
            snapshot.tell(reading.gauge, reading.value, reading.labels)

    # ---- Other workers -------------------------------------------------------------------------------------------

    def succeed(self) -> None:
        """Tell the others that this worker has taken the place of one that has died; called before all else.

        By the channels that it shares with the one before it: so each of the others knows which frames are whose.
        """
        for worker in self.mesh.others():
            self.mesh.send(worker, TELL, 0, b"%b %d" % (SUCCESSOR, self.seat.number))

    # ---- The supervisor ------------------------------------------------------------------------------------------

    def tell_ready(self) -> None:
        """Tell the supervisor that this worker serves from now on."""
        self.control.put(READY, 0, b"")
        self.control.flush()

    def tell_pulse(self) -> None:
        """Tell the supervisor that this worker is well."""
        announces = self.counters.tcp_announces + self.counters.udp_announces
        self.control.put(PULSE, 0, b"%d %d" % (self.tracker.store.totals.torrents, announces))

    def obey(self, channel: Channel, frame: Frame) -> None:
        """Carry out a frame of the supervisor."""
        order = self.orders.get(int(frame.kind))
        if order is None:
            self.streams_out.take(channel, frame)
        else:
            order(frame)

    def orphaned(self, channel: Channel) -> None:
        """End, since the supervisor is gone."""
        log.critical("the supervisor is gone: worker %d ends", self.seat.number)
        self.loop.stopping = self.has_to_stop = True

    def reload(self, frame: Frame) -> None:
        """Read config and lists again."""
        before = list(self.loop.work)
        for action in self.reloads:
            action()
        begun = [work for work in self.loop.work if not any(work is old for old in before)]
        self.reloading = (self.reloading or []) + begun
        self.look()

    def look(self) -> None:
        """Tell the supervisor of a reload that is done."""
        work = self.loop.work
        if self.reloading is not None and not any(each is new for each in work for new in self.reloading):
            self.reloading = None
            self.control.put(RELOADED, 0, "; ".join(self.worries()).encode())

    def take_report(self, frame: Frame) -> None:
        """Keep the state of the supervisor for health and statistics."""
        self.report = marshal.loads(frame.payload)  # noqa: S302 - of this program

    def begin_end(self, frame: Frame) -> None:
        """Serve no more clients."""
        self.loop.stopping = True

    def stop(self, frame: Frame) -> None:
        """Exit."""
        self.loop.stopping = self.has_to_stop = True

    def serve_supervisor(self) -> None:
        """After the last client: give the supervisor what it asks for, until it is done."""
        loop = self.loop
        for farewell in self.farewells:
            farewell()
        for fd in set(loop.selector.watched) - {self.control.sock.fileno()}:
            loop.unwatch(fd)
        loop.flushes.clear()  # other workers read no more either
        self.control.flush()
        self.http.close()
        loop.timers.clear()
        loop.stopping = self.has_to_stop
        loop.run()

    def close(self) -> None:
        """See Core. The channel to the supervisor is closed last, since the supervisor waits for the exit then."""
        self.control.flush()
        super().close()
        for channel in (*self.mesh.channels.values(), self.control):
            channel.sock.close()


def has_proxy_heads(settings: Settings) -> bool:
    """Whether datagrams of proxies begin with heads."""
    return WANT_PROXY_PROTOCOL and settings.of(ProxySettings).header == PROXY_PROTOCOL


def never(channel: Channel) -> None:
    """A channel between workers does not end: the supervisor holds both of its ends."""
