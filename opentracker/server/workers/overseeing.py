"""The part of the supervisor that features may use: its loop, and a way to all workers."""

import errno
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from opentracker.config.settings import Settings
from opentracker.features.feature import Inlet
from opentracker.protocol.pages import Pieces
from opentracker.server.clock import Now
from opentracker.server.loop import Loop
from opentracker.server.workers.mesh import Mesh, StreamLost
from opentracker.server.workers.sharing import answers, gathered
from opentracker.server.workers.telling import Telling
from opentracker.swarm.ownership import Ownership
from opentracker.swarm.surveys.snapshot import StatsSnapshot

Part = TypeVar("Part")


class Overseeing:
    """An Overseer of features, see features.feature; the lists are theirs to add to."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = Now(time.monotonic)
        if settings.left.takes_over:
            self.now.go_on_from(settings.left.origin)
        self.loop = Loop(self.now)
        # It owns no torrent, and asks no owner.
        self.mesh = Mesh(Ownership(-1, settings.workers, (1, 1, 1, 1, 1)), 0)
        self.telling = Telling(self.mesh)
        self.reloads: list[Callable[[], None]] = []
        self.dumps: list[Callable[[], None]] = []
        self.complaints: list[Callable[[], str]] = []
        self.sources: list[Callable[[StatsSnapshot], None]] = []
        self.listening: list[str] = []
        self.beginnings: list[Callable[[], None]] = []
        self.endings: list[Callable[[], Iterator[None]]] = []
        self.inlets: list[Inlet] = []
        self.hearers: dict[bytes, Callable[[bytes], None]] = {}
        self.losses: list[Callable[[], None]] = []  # called when a worker has died
        # Called in a new worker, which closes what is not its own.
        self.leavings: list[Callable[[], None]] = []

    def minute(self) -> int:
        """The time of all workers."""
        return int(self.now.minute)

    def every(self, interval: float, action: Callable[[], None]) -> None:
        """Call `action` every `interval` seconds."""
        self.loop.every(interval, action)

    def start_work(self, work: Iterator[None]) -> None:
        """Start long work."""
        self.loop.start(work)

    def gather(self, name: bytes) -> Pieces:
        """The pieces of a stream of all workers. Raises OSError if one of them dies."""
        pieces = gathered(self.mesh, name)
        try:
            yield from pieces
        except StreamLost as error:
            raise OSError(errno.EPIPE, str(error)) from error
        finally:
            pieces.close()

    def part(self, kind: type[Part]) -> Part:
        """The loop, which is the only part."""
        assert isinstance(self.loop, kind)
        return self.loop

    def tell(self, name: bytes, message: bytes) -> None:
        """See Telling."""
        self.telling.tell(name, message)

    def keep(self, name: bytes, message: bytes) -> None:
        """See Telling."""
        self.telling.keep(name, message)

    def ask(self, name: bytes, question: bytes, done: Callable[[list[bytes]], None]) -> None:
        """Call `done` with the answers of all workers."""
        self.loop.start(answers(self.mesh, name, question, done))
