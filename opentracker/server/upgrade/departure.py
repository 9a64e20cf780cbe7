"""The part of one process in an upgrade: it gives its torrents, lets its clients wait, and goes when they have gone."""

import logging
import socket
from collections.abc import Callable, Generator, Iterator
from typing import Final

from opentracker._features import WANT_ACCESSLIST_BLACK, WANT_ACCESSLIST_WHITE
from opentracker.server.core import Core
from opentracker.server.upgrade.door import MOMENT, Door
from opentracker.server.upgrade.giving import Giving
from opentracker.server.upgrade.taking import STREAM
from opentracker.server.workers.channel import Channel
from opentracker.server.workers.streams import Streams

if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
    from opentracker.swarm.purging import purge

log = logging.getLogger("opentracker")

LINGER: Final = 60.0  # seconds for answers that are being sent
LOOK: Final = 0.2


class Departure:
    """One process that may have to hand over; `near`, `quiet` and `gone` are called once each, as far as it comes.

    `waits` returns whether requests to other workers are without an answer.
    """

    def __init__(
        self,
        core: Core,
        streams: Streams,
        near: Callable[[], None],
        quiet: Callable[[], None],
        gone: Callable[[], None],
        waits: Callable[[], bool] = lambda: False,
    ) -> None:
        self.core = core
        self.streams = streams
        self.door = Door(core)
        self.near = near
        self.quiet = quiet
        self.gone = gone
        self.waits = waits
        self.channel: Channel | None = None
        self.giving: Giving | None = None
        self.latest = 0.0
        self.has_gone = False
        self.is_new = False
        streams.sources[STREAM] = lambda _: self.give()

    def listen(self, end: socket.socket) -> None:
        """Give the torrents to the process at the other end of a channel, when it asks."""
        self.channel = Channel(end, self.core.loop, self.streams.take, ignore)

    def give(self) -> Generator[bytes, None, None]:
        """The torrents in pieces."""
        self.giving = Giving(self.core.tracker, self.core.loop, self.near)
        return self.giving.pieces()

    def shut(self) -> None:
        """Serve no more clients."""
        if not self.door.is_shut:
            self.door.shut()
            self.core.loop.start(self.wait())

    def wait(self) -> Iterator[None]:
        """Wait until no request is under way."""
        yield  # to the end of the iteration, whose sockets may have been read
        latest = self.core.now.seconds + 2 * MOMENT
        while not self.door.is_quiet() or (self.is_waiting() and self.core.now.seconds < latest):
            if not self.door.is_shut:
                return
            self.core.loop.resting = True
            yield
        if self.door.is_shut:
            self.quiet()

    def is_waiting(self) -> bool:
        """Whether something that was read has not had all its effects."""
        return self.waits() or not all(inlet.is_quiet() for inlet in self.core.inlets)

    def finish(self) -> None:
        """Give the last torrents, and all changes that the other process has to know of."""
        messages = list(self.core.kept.payloads) if self.core.kept is not None else []
        for inlet in self.core.inlets:
            messages += inlet.last_words()
        if self.giving is not None:
            self.giving.finish(messages)

    def take_over(self) -> None:
        """Serve nobody before `reopen`: this process has the torrents of another one, which serves still."""
        self.is_new = True
        self.door.shut()

    def reopen(self) -> None:
        """Serve clients, again or for the first time, and give nothing."""
        if self.channel is not None:
            self.streams.lost(self.channel)
        self.giving = None
        if self.door.is_shut:
            self.door.open()
            if self.is_new:
                self.is_new = False
                drop_refused(self.core)

    def retire(self) -> None:
        """Send the answers that are under way, and do nothing else any more; `gone` follows."""
        loop = self.core.loop
        loop.timers.clear()
        self.core.endings.clear()
        self.latest = self.core.now.seconds + LINGER
        loop.every(LOOK, self.look)

    def look(self) -> None:
        """Find out whether the clients have gone; called at intervals from `retire` on."""
        for server in self.core.http_servers:
            server.sweep()
        if not self.has_gone and (self.door.is_empty() or self.core.now.seconds >= self.latest):
            self.has_gone = True
            self.gone()


def drop_refused(core: Core) -> None:
    """Begin to remove the torrents that the access list refuses, since all changes of it are known."""
    if WANT_ACCESSLIST_BLACK or WANT_ACCESSLIST_WHITE:
        core.loop.start(purge(core.tracker))


def ignore(channel: Channel) -> None:
    """Do nothing about the end of a channel: the launcher tells of the end of the process."""
