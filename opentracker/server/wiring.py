"""Where a tracker is put together from its rooms, and the only place that knows which features there are."""

import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from io import FileIO

from opentracker import build_info
from opentracker._features import (
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
)
from opentracker.config.settings import Settings
from opentracker.features.statistics import modes
from opentracker.features.statistics.page import Sources, Statistics
from opentracker.server import binding
from opentracker.server.core import Core
from opentracker.swarm.connection_ids import SECRET_SIZE

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist import accesslist
if WANT_BOGON_FILTER:
    from opentracker.features.bogons import BogonFilter
if WANT_MAX_PEER:
    from opentracker.server.http import slots
    from opentracker.server.system import memory
    from opentracker.server.system.libc import HeapTrim
if WANT_SYNC_LIVE:
    from opentracker.server import livesync
if WANT_SYNC_SCRAPE:
    from opentracker.features.cluster.scrape_sync import ScrapeSync
if WANT_SYSLOGS:
    from opentracker.features.completed_log import CompletedLog
    from opentracker.server.system.syslog import SystemLog
if WANT_FULLSCRAPE:
    from opentracker.features.fullscrape.page import FullScrape
    from opentracker.features.state.file import StateFile
    from opentracker.features.state.state import State, open_state
    from opentracker.swarm.policy.slots import Slots
if WANT_DYNAMIC_ACCESSLIST:
    from opentracker.features.accesslist.changes import Changes
    from opentracker.server.fifos import Fifos, check_fifos
if WANT_IP_FROM_PROXY:
    from opentracker.features import proxy

log = logging.getLogger("opentracker")


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


class Server(Core):
    """A tracker with the features of this build; `state` is an open state file to begin with."""

    def __init__(
        self,
        settings: Settings,
        sockets: list[socket.socket],
        secret: bytes,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
        state: FileIO | None = None,
    ) -> None:
        # What may fail comes before anything is opened.
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            torrents = accesslist.load(settings.accesslist)
        if WANT_DYNAMIC_ACCESSLIST:
            fifos = Fifos(settings)
        super().__init__(settings, sockets, secret, seed, clock)
        if WANT_BOGON_FILTER:
            self.tracker.visibility = BogonFilter(settings.refused_ports, settings.listed_networks)
        if WANT_MAX_PEER:
            self.tracker.limit_by(memory.limits_of(settings))
            self.http.gate = slots.gate_of(settings)
            self.http.scarcities.append(self.http.gate.is_crowded)
        if WANT_IP_FROM_PROXY:
            self.http_answers.client_of = proxy.Proxies(settings.permissions).client
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            keeper = self.keeper = keep_list(self, settings, torrents)
        if WANT_DYNAMIC_ACCESSLIST:
            add_fifos(self, fifos, keeper)
        self.statistics = add_statistics(self, settings)
        if WANT_FULLSCRAPE:
            self.full_scrapes = add_full_scrapes(self, settings, state)
        if WANT_SYNC_LIVE:
            self.member = livesync.Member(self.tracker, settings.permissions, self.tracker_id, self.loop)
            self.endings.append(self.member.end)
        if WANT_SYNC_SCRAPE:
            self.member.sync.extension = ScrapeSync(self.tracker, self.tracker_id)


def add_statistics(server: Core, settings: Settings) -> Statistics:
    """Let a server answer with statistics."""
    sources = Sources(
        server.tracker, server.uptime, build_info.one_line(), server.tracker_id, server.complete
    )
    statistics = Statistics(sources, settings.permissions)
    pages = server.http_answers.pages
    watching = modes.join(statistics, server.loop.every, server.loop.start, pages)
    if WANT_FULLLOG_NETWORKS:
        server.http_answers.watchers += watching
    pages[b"/" + settings.stats_path.encode("ascii")] = statistics
    return statistics


if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:

    def keep_list(
        server: Server, settings: Settings, torrents: accesslist.AccessList
    ) -> accesslist.AccessListReloader:
        """Let an access list decide, and a signal replace it."""
        keeper = accesslist.AccessListReloader(server.tracker, torrents, server.loop.start)
        server.reloads.append(lambda: keeper.reload(settings.accesslist))
        return keeper


if WANT_DYNAMIC_ACCESSLIST:

    def add_fifos(server: Server, fifos: Fifos, keeper: accesslist.AccessListReloader) -> None:
        """Let what is written into FIFOs change the access list."""
        fifos.watch(server.loop, partial(Changes, keeper))
        server.closings.append(fifos.close)


if WANT_MAX_PEER:

    def watch_memory(server: Server, resident: memory.Resident) -> None:
        """Let the limits know how much memory is really used. Everything is loaded by now, and nobody served yet."""
        aside: list[Callable[[], int]] = [server.http.gate.weight]
        if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
            aside.append(server.keeper.weight)
        if WANT_FULLSCRAPE:
            aside.append(server.full_scrapes.weight)
        HeapTrim()()  # as before each look, or what loading has left free would not count later
        server.each_second.append(memory.Watch(server.tracker.limits, resident.read, aside).look)


if WANT_FULLSCRAPE:

    def add_full_scrapes(server: Server, settings: Settings, opened: FileIO | None) -> FullScrape:
        """Let a server answer with full scrapes, and keep its state; `opened` is the one that it begins with."""
        permissions, restricted = settings.permissions, settings.restricts_fullscrapes
        state = State(server.tracker, lambda: server.now.minute, time.time)
        slots = Slots(settings.limit_full_scrapes, settings.limit_full_scrapes_per_address, permissions)
        tracker, counters = server.tracker, server.counters
        page = FullScrape(tracker, counters, permissions, restricted, state, server.uptime, slots)
        server.http_answers.pages[b"/scrape"] = page
        server.http.scarcities.append(slots.is_crowded)
        server.statistics.streams["tpbs"] = page.answer_as
        server.statistics.streams["statedump"] = page.dump_as
        if opened is not None:
            state.load(opened, str(settings.state_to_load))
        if settings.state_file is not None:
            file = StateFile(settings.state_file, state.pieces)
            server.dumps.append(lambda: server.loop.start(file.begin()))
            server.endings.append(file.write)
        return page


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
        own = binding.open_sockets(binding.planned_binds(settings)) if settings.binds or not passed else []
        for sock in own:
            opened.enter_context(sock)
        sockets = [*passed, *own]
        if WANT_MAX_PEER:
            resident = memory.Resident()
            opened.callback(resident.close)
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
        if WANT_MAX_PEER:
            server.closings.append(resident.close)
            if settings.limit_memory and resident.is_known():
                watch_memory(server, resident)
        opened.pop_all()
    return server
