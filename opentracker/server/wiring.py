"""Where a tracker is put together from its rooms, and the only place that knows which features there are."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from hashlib import blake2b
from io import FileIO

from librt.random import Random

from opentracker import build_info
from opentracker._features import (
    OT_CLEAN_CYCLE,
    OT_CLIENT_TIMEOUT_CHECKINTERVAL,
    OT_CONNECTION_ID_EPOCH,
    WANT_ACCESSLIST_BLACK,
    WANT_ACCESSLIST_WHITE,
    WANT_BOGON_FILTER,
    WANT_DYNAMIC_ACCESSLIST,
    WANT_FULLLOG_NETWORKS,
    WANT_FULLSCRAPE,
    WANT_IP_FROM_PROXY,
    WANT_MAX_PEER,
    WANT_SYNC_LIVE,
    WANT_SYNC_SCRAPE,
    WANT_SYSLOGS,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import StartError
from opentracker.features import statistics_modes
from opentracker.features.statistics import Sources, Statistics
from opentracker.protocol.addresses import DEFAULT_PORT
from opentracker.server.accepting import acceptor_for
from opentracker.server.clock import Now
from opentracker.server.http import PAUSE, HttpServer, Listener
from opentracker.server.http_answers import HttpAnswers
from opentracker.server.libc import HeapTrim, has_mmsg
from opentracker.server.loop import READ, Loop
from opentracker.server.settings import Bind, Settings
from opentracker.server.sockets import (
    RECEIVE_BUFFER,
    describe,
    dropped,
    has_ipv6,
    open_tcp,
    open_udp,
    receive_buffer_of,
)
from opentracker.server.udp import UdpPlain, UdpRing
from opentracker.server.udp_answers import UdpAnswers
from opentracker.swarm.connection_ids import SECRET_SIZE, ConnectionIds
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.figures import Figures
from opentracker.swarm.tracker import SHARDS, Tracker

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features import accesslist
if WANT_BOGON_FILTER:
    from opentracker.features.bogons import BogonFilter
if WANT_MAX_PEER:
    from opentracker.server import connections, memory
if WANT_SYNC_LIVE:
    from opentracker.server import livesync
if WANT_SYNC_SCRAPE:
    from opentracker.features.sync_scrape import ScrapeSync
if WANT_SYSLOGS:
    from opentracker.features.syslogs import CompletedLog
    from opentracker.server.syslogs import SystemLog
if WANT_FULLSCRAPE:
    from opentracker.features.fullscrape import FullScrape
    from opentracker.features.state import State, open_state
    from opentracker.features.state_file import StateFile
if WANT_DYNAMIC_ACCESSLIST:
    from opentracker.features.dynamic_accesslist import Changes
    from opentracker.server.dynamic_accesslist import Fifos, check_fifos
if WANT_IP_FROM_PROXY:
    from opentracker.features import proxy

log = logging.getLogger("opentracker")

ANY4 = bytes(4)
ANY6 = bytes(16)


def planned_binds(settings: Settings) -> list[Bind]:
    """The sockets to open, every one with its address: those asked for, or TCP and UDP 6969.

    A wildcard stands for each family that the build and the machine have.
    """
    asked = settings.binds or [Bind(udp, settings.last_address, DEFAULT_PORT) for udp in (False, True)]
    binds = []
    for bind in asked:
        for address in wildcards() if bind.address is None else [bind.address]:
            binds.append(Bind(bind.udp, address, bind.port))
    return binds


def wildcards() -> list[bytes]:
    """The addresses that stand for all addresses."""
    if WANT_V6:
        return [ANY6]
    if not WANT_V4_ONLY:
        if has_ipv6():
            return [ANY4, ANY6]
        log.warning("this machine has no IPv6: serving IPv4 alone")
    return [ANY4]


def open_sockets(binds: list[Bind]) -> list[socket.socket]:
    """Open them all, or none. Raises StartError, which names the one that could not be opened.

    An IPv6 wildcard takes IPv4 too in a dual-stack build, unless the IPv4 wildcard is bound to the same port as well.
    """
    sockets: list[socket.socket] = []
    try:
        for bind in binds:
            assert bind.address is not None
            only_v6 = WANT_V6 or bind.address != ANY6 or Bind(bind.udp, ANY4, bind.port) in binds
            open_socket = open_udp if bind.udp else open_tcp
            sockets.append(open_socket(bind.address, bind.port, only_v6))
    except StartError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def check(settings: Settings, confine: Callable[[Settings], None]) -> None:
    """Read what a start would read, from where it would; see `start`. Raises StartError and UsageError."""
    if WANT_SYNC_LIVE:
        livesync.check(settings.sync_binds, settings.sync_peers)
    if WANT_FULLSCRAPE and settings.state_to_load is not None:
        open_state(settings.state_to_load).close()
    confine(settings)
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        accesslist.load(settings.accesslist)
    if WANT_DYNAMIC_ACCESSLIST:
        check_fifos(settings)


def tracker_id_of(seed: int) -> int:
    """A random u32 by which trackers of a cluster tell each other apart; nothing secret follows from it."""
    digest = blake2b(seed.to_bytes(8, "big"), digest_size=4, person=b"tracker id").digest()
    return int.from_bytes(digest, "big")


def each(todo: list[Callable[[], None]]) -> Callable[[], None]:
    """One function that calls them all."""

    def call() -> None:
        for do in todo:
            do()

    return call


class Server:
    """A tracker with its sockets, in this process.

    The secret (32 bytes) and the seed come from the operating system; `clock` gives seconds and never goes back;
    `state` is an open state file to begin with.
    """

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        secret: bytes,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
        state: FileIO | None = None,
    ) -> None:
        self.tracker = Tracker(Random(seed))
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            torrents = accesslist.load(settings.accesslist)
        if WANT_BOGON_FILTER:
            self.tracker.visibility = BogonFilter(settings.refused_ports, settings.listed_networks)
        if WANT_MAX_PEER:
            self.tracker.limits = memory.limits_of(settings)
        self.now = Now(clock)
        self.loop = Loop(self.now)
        self.counters = self.tracker.counters
        self.ids = ConnectionIds(secret)
        self.tracker_id = tracker_id_of(seed)
        self.cleaner = Cleaner(self.tracker)
        self.udp = UdpAnswers(self.tracker, self.ids, self.counters)
        self.http_answers = self.new_http_answers(settings.redirect_url.encode("ascii"))
        if WANT_IP_FROM_PROXY:
            self.http_answers.client_of = proxy.Proxies(settings.permissions).client
        self.http = HttpServer(self.loop, self.http_answers)
        if WANT_MAX_PEER:
            self.http.gate = connections.gate_of(settings)
        self.reloads: list[Callable[[], None]] = []  # what is to be done at SIGHUP
        self.dumps: list[Callable[[], None]] = []  # at SIGUSR1
        self.endings: list[Callable[[], None]] = []  # at a clean end, while everything is still there
        self.closings: list[Callable[[], None]] = []  # at any end, after the sockets are closed
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            keep_list(self, settings, torrents)
        self.statistics = Statistics(
            Sources(self.tracker, self.uptime, build_info.one_line(), self.tracker_id, self.complete),
            settings.permissions,
        )
        watching = statistics_modes.join(
            self.statistics, self.loop.every, self.loop.start, self.http_answers.pages
        )
        if WANT_FULLLOG_NETWORKS:
            self.http_answers.watchers += watching
        self.http_answers.pages[b"/" + settings.stats_path.encode("ascii")] = self.statistics
        if WANT_FULLSCRAPE:
            add_full_scrapes(self, settings, state)
        self.sockets = sockets
        self.listeners: list[Listener] = []
        for sock in sockets:
            self.attach(sock)
        if WANT_SYNC_LIVE:
            self.member = livesync.Member(self.tracker, settings.permissions, self.tracker_id, self.loop)
            self.endings.append(self.member.end)
        if WANT_SYNC_SCRAPE:
            self.member.sync.extension = ScrapeSync(self.tracker, self.tracker_id)
        self.turn_ids()
        self.loop.every(1.0, self.turn_ids)
        self.loop.every(1.0, HeapTrim())
        self.loop.every(OT_CLEAN_CYCLE * 60 / SHARDS, self.clean)
        self.loop.every(OT_CLIENT_TIMEOUT_CHECKINTERVAL, self.http.sweep)
        self.loop.every(PAUSE, self.resume)
        self.loop.every(OT_CLIENT_TIMEOUT_CHECKINTERVAL, self.count_drops)

    def attach(self, sock: socket.socket) -> None:
        """Serve a socket."""
        if sock.type == socket.SOCK_STREAM:
            self.listeners.append(Listener(acceptor_for(sock), self.http))
        else:
            self.loop.watch(sock.fileno(), self.new_udp_handler(sock), READ)

    def new_http_answers(self, redirect_url: bytes) -> HttpAnswers:
        """What answers HTTP requests; `opentracker.debug` has others."""
        return HttpAnswers(self.tracker, self.counters, redirect_url)

    def new_udp_handler(self, sock: socket.socket) -> UdpRing | UdpPlain:
        """What serves a UDP socket; `opentracker.debug` has others."""
        return (UdpRing if has_mmsg() else UdpPlain)(sock, self.udp, self.now)

    def uptime(self) -> float:
        """Seconds since the start, as of this turn."""
        return self.now.seconds

    def complete(self, figures: Figures) -> None:
        """Add to a statistic what only the loop and the sockets know."""
        self.count_drops()
        figures.counters["udp_dropped"] = self.counters.udp_dropped
        figures.longest_turn = self.loop.longest_turn
        figures.connections = len(self.http.connections)
        figures.udp_sockets = sum(sock.type == socket.SOCK_DGRAM for sock in self.sockets)
        figures.tcp_sockets = len(self.sockets) - figures.udp_sockets
        figures.work = len(self.loop.work)

    def turn_ids(self) -> None:
        """Begin a new epoch of connection ids, if it is time to."""
        self.ids.turn(int(self.now.seconds) // OT_CONNECTION_ID_EPOCH)

    def clean(self) -> None:
        """Clean the next shard."""
        self.loop.start(self.cleaner.clean_next(self.now.minute))

    def count_drops(self) -> None:
        """Take over what the kernel has counted: datagrams that found the receive buffer full."""
        self.counters.udp_dropped = sum(
            dropped(sock) for sock in self.sockets if sock.type == socket.SOCK_DGRAM
        )

    def sockets_in_words(self) -> list[str]:
        """A line for each socket, and one where a receive buffer is smaller than was asked for."""
        lines = [f"listening on {describe(sock)}" for sock in self.sockets]
        granted = [receive_buffer_of(sock) for sock in self.sockets if sock.type == socket.SOCK_DGRAM]
        if granted and min(granted) < RECEIVE_BUFFER:
            asked = RECEIVE_BUFFER // 1024
            lines.append(
                f"UDP receive buffers of {min(granted) // 1024} KiB were granted, {asked} KiB asked for"
            )
        return lines

    def losses_in_words(self) -> str:
        """What may have kept clients waiting, for the end of a log."""
        self.count_drops()
        drops, longest = self.counters.udp_dropped, self.loop.longest_turn * 1000
        return f"the kernel dropped {drops} datagrams; the longest turn of the loop took {longest:.1f} ms"

    def signal_actions(self) -> dict[int, Callable[[], None]]:
        """What to do at which signal; none where no feature has anything to do."""
        actions = {signal.SIGHUP: self.reloads, signal.SIGUSR1: self.dumps}
        return {int(number): each(todo) for number, todo in actions.items() if todo}

    def resume(self) -> None:
        """Let listeners that ran out of descriptors try again."""
        for listener in self.listeners:
            listener.resume()

    def close(self) -> None:
        """Close everything."""
        self.http.close()
        self.loop.close()  # before the sockets: not all of them are watched, a listener may have paused
        for sock in self.sockets:
            sock.close()
        for close in self.closings:
            close()


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    def keep_list(server: Server, settings: Settings, torrents: accesslist.AccessList) -> None:
        """Let an access list decide, a signal replace it, and what is written into FIFOs change it."""
        keeper = accesslist.Keeper(server.tracker, torrents, server.loop.start)
        server.reloads.append(lambda: keeper.reload(settings.accesslist))
        if WANT_DYNAMIC_ACCESSLIST:
            fifos = Fifos(settings)
            fifos.watch(server.loop, partial(Changes, keeper))
            server.closings.append(fifos.close)


if WANT_FULLSCRAPE:

    def add_full_scrapes(server: Server, settings: Settings, opened: FileIO | None) -> None:
        """Let a server answer with full scrapes, and keep its state; `opened` is the one that it begins with."""
        permissions, restricted = settings.permissions, settings.restricts_fullscrapes
        state = State(server.tracker, lambda: server.now.minute, time.time)
        page = FullScrape(server.tracker, server.counters, permissions, restricted, state, server.uptime)
        server.http_answers.pages[b"/scrape"] = page
        server.statistics.streams["tpbs"] = page.answer_as
        server.statistics.streams["statedump"] = page.dump_as
        if opened is not None:
            state.load(opened, str(settings.state_to_load))
        if settings.state_file is not None:
            file = StateFile(settings.state_file, state.pieces)
            server.dumps.append(lambda: server.loop.start(file.begin()))
            server.endings.append(file.write)


def start(
    settings: Settings,
    confine: Callable[[Settings], None],
    passed: Sequence[socket.socket] = (),
    make: type[Server] = Server,
) -> Server:
    """Open the sockets, confine this process and put a server behind them. Raises StartError and UsageError.

    `passed` are sockets that are open already; with some, those that nobody asked for are not opened.

    `confine` is `privileges.confine`, of which there is no way back; a test has reason to do less to itself. Whatever a
    tracker has to open or to read outside of its directory comes before it, all else after it.
    """
    if WANT_MAX_PEER:
        memory.measure(settings)
    if WANT_SYNC_LIVE:
        livesync.check(settings.sync_binds, settings.sync_peers)
    with ExitStack() as opened:  # closed again if the start fails
        for sock in passed:
            opened.enter_context(sock)
        own = open_sockets(planned_binds(settings)) if settings.binds or not passed else []
        for sock in own:
            opened.enter_context(sock)
        sockets = [*passed, *own]
        if WANT_SYSLOGS:
            system_log = SystemLog(settings.system_log)
            opened.callback(system_log.close)
        if WANT_SYNC_LIVE:
            cluster = livesync.open_cluster(settings.sync_binds, settings.sync_peers)
            opened.callback(cluster.close)
        state = None
        if WANT_FULLSCRAPE and settings.state_to_load is not None:
            state = open_state(settings.state_to_load)
            opened.callback(state.close)
        confine(settings)
        seed = int.from_bytes(os.urandom(7), "big")
        server = make(settings, sockets, os.urandom(SECRET_SIZE), seed, state=state)
        if WANT_SYSLOGS:
            server.tracker.watchers.append(CompletedLog(system_log.write, time.time))
            server.closings.append(system_log.close)
        if WANT_SYNC_LIVE:
            server.member.join(cluster)
            server.closings.append(cluster.close)
        opened.pop_all()
    return server
