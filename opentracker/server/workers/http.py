"""HTTP in one of several workers: it asks the owners of torrents, and its connections wait for the answers."""

from collections.abc import Callable

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_COMPILED
from opentracker.protocol.bencode import write_failure, write_scrape
from opentracker.protocol.http import Request, write_ok
from opentracker.protocol.messages import Announce
from opentracker.protocol.pages import Pieces
from opentracker.protocol.query import parse_scrape
from opentracker.server.http.responder import HttpResponder
from opentracker.server.workers.frames import ANNOUNCE, FAILURE, Frame
from opentracker.server.workers.mesh import Mesh
from opentracker.server.workers.requests import counts_at, pack_announce
from opentracker.server.workers.scrapes import SharedScrape
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker


class Later:
    """The answer to a request that another worker has to carry out; `take` is the connection's that waits for it."""

    __slots__ = ("answers", "head_only", "keep_alive", "take")

    def __init__(self, answers: "SharedHttpResponder") -> None:
        self.answers = answers
        self.take: Callable[[bytes], None] | None = None
        self.keep_alive = False
        self.head_only = False

    def take_announce(self, frame: Frame) -> None:
        """Take the answer to an announce: its body, or the reason of a failure."""
        body = frame.payload
        if frame.kind == FAILURE:
            self.answers.counters.tcp_failures += 1
            body = write_failure(body, self.answers.tracker.interval())
        self.give(body)

    def take_scrape(self, scrape: SharedScrape) -> None:
        """Take the counts of a scrape."""
        self.give(body_of(scrape))

    def give(self, body: bytes) -> None:
        """Give the connection its answer."""
        if self.take is not None:
            self.take(write_ok(body, self.keep_alive, self.head_only))


def body_of(scrape: SharedScrape) -> bytes:
    """The body for a scrape whose counts are complete."""
    return write_scrape(
        {
            info_hash: counts_at(entry, 0)
            for info_hash, entry in zip(scrape.info_hashes, scrape.entries, strict=True)
        }
    )


class SharedHttpResponder(HttpResponder):
    """Answers HTTP requests from the trackers of all workers."""

    def __init__(self, tracker: Tracker, counters: Counters, redirect_url: bytes, mesh: Mesh) -> None:
        super().__init__(tracker, counters, redirect_url)
        self.mesh = mesh
        self.later: Later | None = None  # of the request that is being answered

    def awaits(self, take: Callable[[bytes], None]) -> bool:
        """See HttpResponder."""
        later, self.later = self.later, None
        if later is None:
            return False
        later.take = take
        return True

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """See HttpResponder; empty if the answer comes later."""
        self.later = None
        answer = super().answer(request, address, minute)
        is_later = self.put_off(request.keep_alive, request.method == b"HEAD")
        return b"" if is_later else answer

    def answer_query(self, query: bytes, keep_alive: bool, address: bytes, minute: int) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        self.later = None
        answer = super().answer_query(query, keep_alive, address, minute)
        return b"" if self.put_off(keep_alive, False) else answer

    def put_off(self, keep_alive: bool, head_only: bool) -> bool:
        """Whether the answer comes later, with such a head."""
        later = self.later
        if later is None:
            return False
        later.keep_alive = keep_alive
        later.head_only = head_only
        return True

    def answer_plain(
        self,
        data: bytes,
        start: i64,
        size: i64,
        address: bytes,
        may_stay: bool,
        minute: i64,
        out: BytesWriter,
    ) -> bool:
        """See HttpResponder; an announce of another worker's torrent is left to a connection."""
        if WANT_COMPILED:
            if not self.plain.read(data, start, size, self.request):
                return False
            if not self.mesh.ownership.owns(self.request.info_hash):
                return False
            return super().answer_plain(data, start, size, address, may_stay, minute, out)
        return False

    def carry_out(self, a: Announce, minute: int) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        ownership = self.mesh.ownership
        owner = ownership.owner_at(a.info_hash, 0)
        if owner == ownership.own:
            return super().carry_out(a, minute)
        later = self.later = Later(self)
        self.mesh.ask(owner, ANNOUNCE, pack_announce(a), later.take_announce)
        return b""

    def scrape(self, request: Request) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        scrape = SharedScrape(self.tracker, self.mesh, parse_scrape(request.query or b""))
        self.counters.tcp_scrapes += 1
        later = Later(self)
        if not scrape.begin(later.take_scrape):
            return body_of(scrape)
        self.later = later
        return b""
