"""Full scrapes: every torrent with its counts, in the order of the info_hashes, in pieces."""

import logging
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter

from opentracker._features import (
    WANT_COMPRESSION_GZIP,
    WANT_COMPRESSION_GZIP_ALWAYS,
    WANT_COMPRESSION_ZSTD,
    WANT_COMPRESSION_ZSTD_ALWAYS,
    WANT_MODEST_FULLSCRAPES,
)
from opentracker.errors import HttpError
from opentracker.features.fullscrape.texts import Texts
from opentracker.features.state.state import State
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Page, Pieces
from opentracker.protocol.scrape_formats import FORMATS
from opentracker.protocol.streaming import LAST_CHUNK, write_chunk, write_stream_head
from opentracker.swarm.counting.core_metrics import OF_HTTP
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import SERVED, TRAFFIC, Family, Metric
from opentracker.swarm.listing import Reader, SortedTorrents
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE, Permissions
from opentracker.swarm.policy.slots import Slots
from opentracker.swarm.tracker import Tracker

if WANT_COMPRESSION_GZIP or WANT_COMPRESSION_ZSTD:
    from opentracker.protocol.accept_encoding import Encoder, choose
if WANT_COMPRESSION_GZIP:
    from opentracker.features.fullscrape.gzip_encoder import GzipEncoder
if WANT_COMPRESSION_ZSTD:
    from opentracker.features.fullscrape.zstd_encoder import ZstdEncoder
if WANT_MODEST_FULLSCRAPES:
    from opentracker.features.fullscrape.rate_limit import RateLimiter

log = logging.getLogger("opentracker")

CONTENT_TYPE: Final = b"application/octet-stream"
DEFAULT: Final = b"ben"
PIECE: Final = 16 << 10  # least bytes of a piece: some 200 torrents, and a tenth of a millisecond
PLAIN_WEIGHT: Final = 64 << 10  # bytes of memory of a full scrape without compression
KERNEL_WEIGHT: Final = 256 << 10  # bytes that the kernel buffers for a client that does not read
SLICE: Final = 8192  # bytes compressed in one go


COUNTERS: Final = (
    Metric(
        "full_scrapes",
        Family("opentracker_full_scrapes_total", "Full scrapes that were begun."),
        *("", "Full scrapes", SERVED, OF_HTTP),
    ),
    Metric(
        "full_scrape_bytes",
        Family("opentracker_full_scrape_bytes_total", "Bytes sent for full scrapes."),
        *("", "Bytes of full scrapes", TRAFFIC),
    ),
)


class FullScrape(Page):
    """Answers `/scrape` without a query, and the statistics modes `tpbs` and `statedump`.

    With `restricted` it answers only addresses with MAY_FULLSCRAPE, and refuses others.
    """

    def __init__(
        self,
        tracker: Tracker,
        counters: Counters,
        permissions: Permissions,
        restricted: bool,
        state: State,
        seconds: Callable[[], float],
        slots: Slots,
    ) -> None:
        if WANT_MODEST_FULLSCRAPES:
            self.modesty = RateLimiter(seconds)
        self.listing = SortedTorrents(tracker)
        # Replaced in one of several workers, to read the torrents of all of them.
        self.new_reader: Callable[[int], Reader] = self.own_reader
        self.lines = state.lines
        self.scrapes, self.bytes = [counters.count_of(row) for row in COUNTERS]
        self.permissions = permissions
        self.restricted = restricted
        self.slots = slots
        self.held = 0  # bytes of memory of the full scrapes under way
        self.texts = {name: Texts(form) for name, form in FORMATS.items()}

    def takes(self, request: Request) -> bool:
        """See Page: `/scrape?` with anything behind it is an ordinary scrape."""
        return request.query is None

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """See Page."""
        return self.answer_as(b"", request, address, minute)

    def answer_as(self, form: bytes, request: Request, address: bytes, minute: int) -> Pieces:
        """Answer with a full scrape in one of five formats, by name; empty is `ben`. Raises HttpError."""
        name = form or DEFAULT
        if name not in FORMATS:
            raise HttpError(400)
        self.admit(request, address)
        return self.send(self.torrents(name, minute), request, address)

    def dump_as(self, form: bytes, request: Request, address: bytes, minute: int) -> Pieces:
        """Answer with a state dump, which has one format only. Raises HttpError."""
        if form:
            raise HttpError(400)
        self.admit(request, address)
        return self.send(self.lines(), request, address)

    def admit(self, request: Request, address: bytes) -> None:
        """Raise HttpError if an address may not have a full scrape now; else count and log the request."""
        if self.restricted and not self.permissions.rights(address) & MAY_FULLSCRAPE:
            raise HttpError(403)
        if self.slots.is_full() or self.slots.refuses(address):
            raise HttpError(503)
        if WANT_MODEST_FULLSCRAPES:
            self.modesty.ask(address, request.method != b"HEAD")
        self.scrapes.value += 1
        if request.method != b"HEAD":
            log.info("%s - FULL SCRAPE", format_ip(address))

    def send(self, body: Pieces, request: Request, address: bytes) -> Pieces:
        """Make an answer of a body: encoded, framed, counted and with a slot."""
        weight = PLAIN_WEIGHT
        if WANT_COMPRESSION_GZIP or WANT_COMPRESSION_ZSTD:
            encoding = encoding_for(request)
            head = write_stream_head(request, CONTENT_TYPE, encoding, varies())
            if encoding and request.method != b"HEAD":
                body = encoded(body, ENCODERS[encoding]())
                weight = WEIGHTS[encoding]
        else:
            head = write_stream_head(request, CONTENT_TYPE)
        pieces = self.count(framed(head, body, request))
        if request.method != b"HEAD":
            pieces = self.placed(pieces, address, weight)
            next(pieces)
        return pieces

    def count(self, pieces: Pieces) -> Pieces:
        """Pass on pieces, and count the bytes of each once it has been sent."""
        try:
            for piece in pieces:
                yield piece
                self.bytes.value += len(piece)
        finally:
            pieces.close()

    def placed(self, pieces: Pieces, address: bytes, weight: int) -> Pieces:
        """Pass on pieces, with a slot taken until they end or are closed.

        The first step takes the slot, so the caller makes it at once: closing a generator that has not begun runs no
        `finally`.
        """
        self.slots.enter(address)
        self.held += weight
        try:
            yield b""
            yield from pieces
        finally:
            self.slots.leave(address)
            self.held -= weight
            pieces.close()

    def own_reader(self, minute: int) -> Reader:
        """A reader of the torrents of this process."""
        return Reader(self.listing, minute)

    def weight(self) -> int:
        """Approximate bytes of memory of all full scrapes."""
        return self.held + self.listing.weight()

    def torrents(self, name: bytes, minute: int) -> Pieces:
        """The body in one of the formats."""
        form = FORMATS[name]
        texts = self.texts[name]
        reader = self.new_reader(minute)
        # `out` always ends with the bytes before the next torrent; `piece_of` cuts them off.
        out = BytesWriter()
        out.write(form.before)
        try:
            yield form.start
            while (rows := reader.next_rows()) is not None:
                if rows:
                    texts.write(rows, reader, out)
                if len(out) >= PIECE:
                    yield piece_of(out, form.before)
                elif not rows:
                    yield b""
            yield piece_of(out, form.before) + form.end
        finally:
            reader.close()


def heaviest() -> int:
    """The most bytes of memory that a full scrape takes, including the kernel's."""
    weights = [PLAIN_WEIGHT]
    if WANT_COMPRESSION_GZIP or WANT_COMPRESSION_ZSTD:
        weights += WEIGHTS.values()
    return KERNEL_WEIGHT + max(weights)


def piece_of(out: BytesWriter, before: bytes) -> bytes:
    """Take the text out of `out`, all but `before` at its end, which stays."""
    out.truncate(len(out) - len(before))
    piece = out.getvalue()
    out.truncate(0)
    out.write(before)
    return piece


if WANT_COMPRESSION_GZIP or WANT_COMPRESSION_ZSTD:
    ENCODERS: Final[dict[bytes, Callable[[], Encoder]]] = {}  # with both, zstd wins
    # Bytes of memory of a full scrape; most of them are the compressor's.
    WEIGHTS: Final[dict[bytes, int]] = {}
    if WANT_COMPRESSION_ZSTD:
        ENCODERS[b"zstd"] = ZstdEncoder
        WEIGHTS[b"zstd"] = 640 << 10
    if WANT_COMPRESSION_GZIP:
        ENCODERS[b"gzip"] = GzipEncoder
        WEIGHTS[b"gzip"] = 320 << 10

    def encoding_for(request: Request) -> bytes:
        """The Content-Encoding of an answer; empty for none."""
        name = choose(request, tuple(ENCODERS))
        if WANT_COMPRESSION_GZIP_ALWAYS and not name:
            name = b"gzip"
        if WANT_COMPRESSION_ZSTD_ALWAYS:
            name = b"zstd"
        return name

    def varies() -> bool:
        """Whether the encoding depends on the client's Accept-Encoding."""
        always = len(ENCODERS) == 1
        if not WANT_COMPRESSION_GZIP_ALWAYS:
            always = False
        if WANT_COMPRESSION_ZSTD_ALWAYS:
            always = True
        return not always

    def encoded(body: Pieces, encoder: Encoder) -> Pieces:
        """A body encoded, in slices that take well under a millisecond."""
        try:
            for piece in body:
                if not piece:
                    yield b""
                for at in range(0, len(piece), SLICE):
                    yield encoder.feed(piece[at : at + SLICE])
            yield encoder.end()
        finally:
            encoder.close()
            body.close()


def framed(head: bytes, body: Pieces, request: Request) -> Pieces:
    """The bytes of an answer: head and body, chunked for HTTP/1.1; the head alone for HEAD."""
    try:
        yield head
        if request.method == b"HEAD":
            return
        for piece in body:
            if not piece or request.http_1_0:
                yield piece
            else:
                yield write_chunk(piece)
        if not request.http_1_0:
            yield LAST_CHUNK
    finally:
        body.close()
