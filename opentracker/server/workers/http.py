"""HTTP in one of several workers: it asks the owners of torrents, and its connections wait for the answers.

The owner of a torrent writes the whole answer to an announce, which the connection sends as it is.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import WANT_COMPILED
from opentracker.errors import TrackerFailure
from opentracker.protocol.bencode import write_failure, write_scrape
from opentracker.protocol.http import Request, write_ok
from opentracker.protocol.messages import Announce
from opentracker.protocol.pages import Pieces
from opentracker.protocol.query import parse_scrape
from opentracker.server.http.responder import HttpResponder
from opentracker.server.waiting import Waiting
from opentracker.server.workers.frames import ANNOUNCE
from opentracker.server.workers.mesh import Awaited, Mesh
from opentracker.server.workers.requests import (
    HEAD_ONLY,
    KEEP_ALIVE,
    counts_at,
    pack_announce,
    partial_seeds_in,
)
from opentracker.server.workers.scrapes import SharedScrape
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.tracker import Tracker


class Nobody(Waiting):
    """Takes an answer that no connection waits for yet."""

    __slots__ = ()

    def answered(self, answer: bytes) -> None:
        """See Waiting."""


NOBODY: Final = Nobody()


def write_answer(body: bytes, form: i64) -> bytes:
    """The whole answer with this body; `form` are KEEP_ALIVE and HEAD_ONLY."""
    return write_ok(body, form & KEEP_ALIVE != 0, form & HEAD_ONLY != 0)


class AwaitedScrape(Awaited):
    """The answer to a scrape of torrents of other workers."""

    __slots__ = ("form",)

    def __init__(self, form: i64) -> None:
        super().__init__(NOBODY)
        self.form: i64 = form

    def take(self, scrape: SharedScrape) -> None:
        """Take the counts."""
        self.waiting.answered(write_answer(body_of(scrape), self.form))


def body_of(scrape: SharedScrape) -> bytes:
    """The body for a scrape whose counts are complete."""
    entries = dict(zip(scrape.info_hashes, scrape.entries, strict=True))
    return write_scrape(
        {info_hash: counts_at(entry, 0) for info_hash, entry in entries.items()},
        {info_hash: partial_seeds_in(entry) for info_hash, entry in entries.items()},
    )


class SharedHttpResponder(HttpResponder):
    """Answers HTTP requests from the trackers of all workers."""

    def __init__(self, tracker: Tracker, counters: Counters, redirect_url: bytes, mesh: Mesh) -> None:
        super().__init__(tracker, counters, redirect_url)
        self.mesh = mesh
        self.form: i64 = 0  # of the answer to the current request
        self.awaited = Awaited(NOBODY)  # the answer that is put off
        self.packed = BytesWriter()
        if WANT_COMPILED:
            self.own_answer = BytesWriter()

    def put_off(self, awaited: Awaited) -> None:
        """Put the answer to the current request off."""
        self.awaited = awaited
        self.is_put_off = True

    def put_off_to(self, connection: Waiting) -> None:
        """See HttpResponder."""
        self.awaited.waiting = connection
        self.is_put_off = False

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """See HttpResponder; empty if the answer comes later."""
        self.is_put_off = False
        self.form = (KEEP_ALIVE if request.keep_alive else 0) | (
            HEAD_ONLY if request.method == b"HEAD" else 0
        )
        answer = super().answer(request, address, minute)
        return b"" if self.is_put_off else answer

    def answer_query(self, query: bytes, keep_alive: bool, address: bytes, minute: int) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        self.is_put_off = False
        self.form = KEEP_ALIVE if keep_alive else 0
        answer = super().answer_query(query, keep_alive, address, minute)
        return b"" if self.is_put_off else answer

    def carry_out(self, a: Announce, minute: int) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        if self.asks_owner(a, self.form):
            return b""
        return super().carry_out(a, minute)

    def carry_out_plain(self, a: Announce, keep_alive: bool, minute: i64, out: BytesWriter) -> None:
        """See HttpResponder; appends nothing if the answer comes later."""
        if WANT_COMPILED and not self.asks_owner(a, KEEP_ALIVE if keep_alive else 0):
            super().carry_out_plain(a, keep_alive, minute, out)

    def asks_owner(self, a: Announce, form: i64) -> bool:
        """Send an announce to the owner of its torrent, unless this worker owns it."""
        ownership = self.mesh.ownership
        owner = ownership.owner_at(a.info_hash, 0)
        if owner == ownership.own:
            return False
        packed = self.packed
        packed.truncate(0)
        pack_announce(packed, a, form)
        self.put_off(self.mesh.ask_for(NOBODY, owner, ANNOUNCE, packed.getvalue()))
        return True

    def answer_own(self, a: Announce, form: i64, minute: i64) -> bytes:
        """The whole answer to an announce that another worker asks for."""
        try:
            if WANT_COMPILED and form & HEAD_ONLY == 0:
                out = self.own_answer
                out.truncate(0)
                super().carry_out_plain(a, form & KEEP_ALIVE != 0, minute, out)
                return out.getvalue()
            body = super().carry_out(a, minute)
        except TrackerFailure as failure:
            self.counters.tcp_failures += 1
            body = write_failure(failure.reason, self.tracker.interval())
        return write_answer(body, form)

    def scrape(self, request: Request) -> bytes:
        """See HttpResponder; empty if the answer comes later."""
        scrape = SharedScrape(self.tracker, self.mesh, parse_scrape(request.query or b""))
        self.counters.tcp_scrapes += 1
        awaited = AwaitedScrape(self.form)
        if not scrape.begin(awaited.take):
            return body_of(scrape)
        self.put_off(awaited)
        return b""
