"""The upgrade of a tracker of one process: its two ends."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

from librt.strings import BytesWriter

from opentracker.config.settings import Left, Settings
from opentracker.errors import StartError
from opentracker.server import wiring
from opentracker.server.core import Core
from opentracker.server.system.systemd import Notifier
from opentracker.server.upgrade.bequest import OWN, PASSED, TORRENTS, Identity, Named, of_features
from opentracker.server.upgrade.departure import Departure, drop_refused
from opentracker.server.upgrade.succession import Succession
from opentracker.server.upgrade.taking import PieceReader, Taking
from opentracker.server.upgrade.upgrade import Giver, Upgrade
from opentracker.server.workers.channel import pair
from opentracker.server.workers.frames import READY, write_frame
from opentracker.server.workers.streams import Streams
from opentracker.server.workers.telling import Kept

log = logging.getLogger("opentracker")


class AloneGiver(Giver):
    """Hands over a tracker of one process; `passed` are the sockets of the service manager among its sockets."""

    def __init__(
        self, core: Core, settings: Settings, identity: Identity, passed: Sequence[socket.socket]
    ) -> None:
        super().__init__(identity, 1, settings.left)
        self.core = core
        self.passed = passed
        self.other_end: socket.socket | None = None  # of the channel for the torrents

    def join(self, upgrade: Upgrade) -> None:
        """See Giver."""
        self.departure = Departure(
            self.core,
            Streams(self.core.loop),
            lambda: upgrade.near(0),
            lambda: upgrade.quiet(0),
            self.stop,
        )

    def named(self) -> Sequence[Named]:
        """See Giver."""
        ours, self.other_end = pair()
        self.departure.listen(ours)
        named: list[Named] = [(f"{TORRENTS} 0", self.other_end.fileno())]
        for number, sock in enumerate(self.core.sockets):
            if sock in self.left.others:
                continue
            kind = f"{PASSED} {number}" if sock in self.passed else f"{OWN} {number} 0"
            named.append((kind, sock.fileno()))
        return named + of_features(self.left)

    def shut(self) -> None:
        """See Giver."""
        self.departure.shut()

    def finish(self) -> None:
        """See Giver."""
        self.departure.finish()

    def reopen(self) -> None:
        """See Giver."""
        self.departure.reopen()
        self.close_channel()

    def retire(self) -> None:
        """See Giver."""
        work = self.core.loop.work  # such as a write of the state
        for steps in work:
            if isinstance(steps, Generator):
                steps.close()
        work.clear()
        self.departure.retire()

    def stop(self) -> None:
        """End the process."""
        self.close_channel()
        self.core.loop.stopping = True

    def close_channel(self) -> None:
        """Close both ends of the channel for the torrents."""
        if self.departure.channel is not None:
            self.departure.channel.close()
            self.departure.channel = None
        if self.other_end is not None:
            self.other_end.close()
            self.other_end = None


class Alone:
    """A tracker of one process, in the line of upgrades."""

    def __init__(self, succession: Succession, manager: Notifier) -> None:
        self.succession = succession
        self.manager = manager
        self.upgrade: Upgrade | None = None

    def start(self, confine: wiring.Confine, make: type[wiring.Server]) -> wiring.Server:
        """Start the server, and take the torrents of the tracker before. Raises StartError and UsageError."""
        line = self.succession
        identity = line.identity
        server = wiring.start(line.settings, confine, line.passed, make, identity.secret, identity.seed)
        line.close_unused()
        if line.launcher is not None:
            server.kept = Kept()
            if server.reloads:
                server.reloads.insert(0, server.kept.forget)
        if line.bequest is not None:
            try:
                take_torrents(server, line.bequest.torrents[0])
                drop_refused(server)
            except BaseException:
                server.close()
                raise
        return server

    def join(self, server: wiring.Server) -> dict[int, Callable[[], None]]:
        """The actions of signals."""
        line = self.succession
        if line.launcher is None:
            return {}
        identity = replace(line.identity, origin=server.now.start)
        giver = AloneGiver(server, line.settings, identity, line.passed)
        self.upgrade = Upgrade(line.launcher, server.loop, giver, self.manager)
        return {int(signal.SIGUSR2): self.upgrade.start}

    def begin(self) -> None:
        """Tell the tracker before that this one serves now. Raises StartError."""
        if self.succession.bequest is not None:
            tell_ready(self.succession.bequest.channel, self.succession.settings.left)

    def is_over(self) -> bool:
        """Whether the tracker has been handed over."""
        return self.upgrade is not None and self.upgrade.is_over


def take_torrents(core: Core, channel: socket.socket) -> None:
    """Take the torrents that come by a channel. Raises StartError."""
    number = int.from_bytes(os.urandom(3), "big")
    torrents = Taking(core.tracker, core.now, core.hearers).take_all(PieceReader(channel, number))
    log.info("upgrade: %d torrents, with peers, are taken over", torrents)


def tell_ready(channel: socket.socket, left: Left) -> None:
    """Tell the running tracker that this one serves from now on, and which named sockets. Raises StartError."""
    out = BytesWriter()
    write_frame(out, READY, 0, "\n".join(left.taken).encode())
    try:
        channel.send(out.getvalue())
    except OSError as error:
        raise StartError(f"the running tracker is gone: {error.strerror}") from error
