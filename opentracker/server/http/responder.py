"""An HTTP request in, its answer out, without a socket: routes, and the answer of each."""

import logging
from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import (
    WANT_AUTH_KEYS,
    WANT_COMPILED,
    WANT_DENY,
    WANT_EXTENDED_ANSWERS,
    WANT_FULLLOG_NETWORKS,
    WANT_IP_FROM_PROXY,
    WANT_LOG_NUMWANT,
    WANT_WORKERS,
)
from opentracker.errors import HttpError, TrackerFailure
from opentracker.protocol.addresses import format_ip
from opentracker.protocol.bencode import write_announce, write_failure, write_scrape
from opentracker.protocol.foreign import PROXY, TLS, TLS_ALERT, foreign_protocol
from opentracker.protocol.http import Request, write_error, write_ok, write_redirect
from opentracker.protocol.messages import EVENT_NONE, Announce
from opentracker.protocol.pages import Page, Pieces
from opentracker.protocol.query import parse_announce, parse_scrape
from opentracker.server.waiting import Waiting
from opentracker.swarm.counting.counters import Counters
from opentracker.swarm.counting.metric import CAUSE, Family, Metric
from opentracker.swarm.tracker import Tracker

if WANT_AUTH_KEYS:
    from opentracker.protocol.keyed_urls import key_of_query, split_path
if WANT_DENY:
    from opentracker.swarm.policy.denial import NOT_SERVED
if WANT_COMPILED:
    from opentracker.protocol.plain_announce import PlainReader
    from opentracker.protocol.plain_answer import append_announce
else:
    from opentracker.protocol.plain_heads import PlainHeads

log = logging.getLogger("opentracker")

ANNOUNCE_PREFIX: Final = b"/a"  # the C tracker's leniency: /announce.php is an announce
SCRAPE_PREFIX: Final = b"/sc"
FULL_SCRAPE: Final = b"/scrape"  # without a query

# Texts of the log for clients that speak another protocol.
FOREIGN: Final = {
    TLS: "speaks TLS to an HTTP port",
    PROXY: "speaks the PROXY protocol, which is not believed of it: see access.proxy and access.proxy_header",
}
FOREIGN_FAMILY: Final = Family(
    "opentracker_http_foreign_total", "Connections that began with another protocol than HTTP, by protocol."
)
COUNTERS: Final = tuple(
    [
        Metric(
            f"http_foreign_{name.lower()}",
            FOREIGN_FAMILY,
            f'protocol="{name.lower()}"',
            f"Connections that begin with {name}",
            CAUSE,
        )
        for name in FOREIGN
    ]
)


def its_connection(request: Request, address: bytes) -> bytes:
    """The client's address is that of its connection, without trusted proxies."""
    return address


def is_no_proxy(address: bytes) -> bool:
    """There are no trusted proxies."""
    return False


class HttpResponder:
    """Answers HTTP requests from a tracker; one serves all TCP sockets of a process.

    `pages` are the pages of features, by path: statistics at `/stats`, full scrapes at `/scrape`.
    """

    def __init__(self, tracker: Tracker, counters: Counters, redirect_url: bytes) -> None:
        self.tracker = tracker
        self.counters = counters
        self.redirect_url = redirect_url  # the target of a redirect of `/`; empty: none
        self.request = Announce(both_families=True)
        self.pages: dict[bytes, Page] = {}
        self.foreign = {name: counters.count_of(row) for name, row in zip(FOREIGN, COUNTERS, strict=True)}
        if WANT_COMPILED:
            self.plain = PlainReader()
        else:
            self.heads = PlainHeads()
        self.plain_query = b""
        self.plain_keep_alive = False
        self.plain_forwarded = b""  # see PlainHeads.forwarded
        self.plain_named = b""  # see PlainHeads.client
        self.watchers: list[Callable[[Request, bytes], None]] = []  # see features.feature.Answers
        self.client_of: Callable[[Request, bytes], bytes] = its_connection  # raises TrackerFailure
        self.is_proxy: Callable[[bytes], bool] = is_no_proxy
        self.believes_plain = False
        self.needs_heads = False
        if WANT_WORKERS:
            self.is_put_off = False  # whether another worker has to give the answer to the last request first

    def answer(self, request: Request, address: bytes, minute: int) -> bytes | Pieces:
        """The answer to a request from `address` (4 or 16 bytes): the whole of it, or its pieces. Raises HttpError."""
        key = b""
        if WANT_AUTH_KEYS and self.tracker.keys.in_force:
            request.path, key = split_path(request.path)
        path = request.path
        try:
            if WANT_IP_FROM_PROXY:
                address = self.known_client(request, address)
            if WANT_FULLLOG_NETWORKS:
                for watcher in self.watchers:
                    watcher(request, address)
            is_page = path in self.pages and self.pages[path].takes(request)
            if WANT_DENY:
                self.refuse_denied(address, is_page)
            if WANT_AUTH_KEYS and self.tracker.keys.in_force:
                self.check_key(request, key, address)
            if is_page:
                return self.pages[path].answer(request, address, minute)
            if path.startswith(ANNOUNCE_PREFIX):
                body = self.announce(request.query or b"", request.method == b"HEAD", address, minute)
            elif path.startswith(SCRAPE_PREFIX):
                body = self.scrape(request)
            elif path == b"/" and self.redirect_url:
                self.counters.count_status(302)
                return write_redirect(self.redirect_url, request.keep_alive)
            else:
                raise HttpError(404)
        except TrackerFailure as failure:
            self.counters.tcp_failures += 1
            body = write_failure(failure.reason, self.tracker.interval())
        return write_ok(body, request.keep_alive, request.method == b"HEAD")

    def check_key(self, request: Request, key: bytes, address: bytes) -> None:
        """Raise TrackerFailure for an announce, a scrape or a full scrape without a valid key in its path or query.

        `key` is the one that stood in the path. Other pages need no key.
        """
        if WANT_AUTH_KEYS and request.path.startswith((ANNOUNCE_PREFIX, SCRAPE_PREFIX)):
            page = self.pages.get(request.path)
            if page is None or request.path == FULL_SCRAPE or not page.takes(request):
                self.tracker.keys.check(key or key_of_query(request.query or b""), address)

    def refuse_denied(self, address: bytes, is_page: bool) -> None:
        """Raise TrackerFailure, or HttpError for a page, for a client in a network that is not served."""
        if WANT_DENY:
            denial = self.tracker.denial
            if denial.in_force and denial.holds(address):
                denial.http.value += 1
                if is_page:
                    raise HttpError(403)
                raise TrackerFailure(NOT_SERVED)

    def known_client(self, request: Request, address: bytes) -> bytes:
        """The client's address of a request. Raises TrackerFailure for an announce of an unknown client.

        Other requests store nothing. For them an unknown client has the unspecified address, which has no special
        rights.
        """
        try:
            return self.client_of(request, address)
        except TrackerFailure:
            page = self.pages.get(request.path)
            if request.path.startswith(ANNOUNCE_PREFIX) and (page is None or not page.takes(request)):
                raise
            return bytes(len(address))

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
        """Append the whole answer to the plain announce at `start` of the `size` bytes; False if none begins there.

        `may_stay` tells whether the connection may be kept. PADDING bytes have to follow the `size`.
        """
        a = self.request
        if WANT_COMPILED:
            if WANT_AUTH_KEYS and self.tracker.keys.in_force:
                return False
            if WANT_FULLLOG_NETWORKS and self.watchers:  # they need a Request
                return False
            if not self.plain.read(data, start, size, a):
                return False
            keep_alive = self.plain.keep_alive and may_stay
            try:
                if WANT_IP_FROM_PROXY and self.is_proxy(address):
                    address = self.plain_client(data[start : self.plain.end], address)
                if WANT_DENY:
                    self.refuse_denied(address, False)
                self.plain.place(address, a)
                self.carry_out_plain(a, keep_alive, minute, out)
            except TrackerFailure as failure:
                self.counters.tcp_failures += 1
                body = write_failure(failure.reason, self.tracker.interval())
                out.write(write_ok(body, keep_alive, False))
            return True
        return False

    def carry_out_plain(self, a: Announce, keep_alive: bool, minute: i64, out: BytesWriter) -> None:
        """Carry out a plain announce, and append the whole answer. Raises TrackerFailure."""
        if WANT_COMPILED:
            if WANT_LOG_NUMWANT:
                self.tracker.numwants[a.numwant] += 1
            self.tracker.announce(a, minute)
            self.counters.tcp_announces += 1
            append_announce(out, a, keep_alive)

    def plain_client(self, head: bytes, address: bytes) -> bytes:
        """The client of a trusted proxy's plain announce, which was read. Raises TrackerFailure for an unknown one."""
        if WANT_COMPILED and self.believes_plain and self.plain.forwarded:
            return self.plain.forwarded
        return self.client_of(Request(head, len(head)), address)

    def forwarded_client(self, address: bytes) -> bytes:
        """The client of a trusted proxy's announce in `plain_query`. Raises TrackerFailure for an unknown one."""
        if self.believes_plain and self.plain_named:
            return self.plain_named
        line = self.plain_forwarded
        return self.client_of(Request(line, len(line)), address)

    def reads_plain(self, data: bytes) -> bool:
        """Whether `data` is one whole plain announce, whose parts are in `plain_query` and the fields behind it now."""
        if WANT_AUTH_KEYS and self.tracker.keys.in_force:
            return False
        if WANT_IP_FROM_PROXY and self.needs_heads:
            return False
        if WANT_COMPILED or WANT_FULLLOG_NETWORKS:
            return False
        if not self.heads.read(data):
            return False
        self.plain_query = self.heads.query
        self.plain_keep_alive = self.heads.keep_alive
        self.plain_forwarded = self.heads.forwarded
        self.plain_named = self.heads.client
        return True

    def answer_query(self, query: bytes, keep_alive: bool, address: bytes, minute: int) -> bytes:
        """The whole answer to a plain announce."""
        try:
            if WANT_IP_FROM_PROXY and self.is_proxy(address):
                address = self.forwarded_client(address)
            if WANT_DENY:
                self.refuse_denied(address, False)
            body = self.announce(query, False, address, minute)
        except TrackerFailure as failure:
            self.counters.tcp_failures += 1
            body = write_failure(failure.reason, self.tracker.interval())
        return write_ok(body, keep_alive, False)

    def announce(self, query: bytes, is_safe: bool, address: bytes, minute: int) -> bytes:
        """The body for an announce; with `is_safe` (a HEAD request; RFC 9110, 9.2.1) it changes nothing."""
        a = self.request
        parse_announce(query, address, a)
        if is_safe:
            a.stored = False
            a.event = EVENT_NONE
        return self.carry_out(a, minute)

    def carry_out(self, a: Announce, minute: int) -> bytes:
        """Carry out a parsed announce, and return the body for it."""
        if WANT_LOG_NUMWANT:
            self.tracker.numwants[a.numwant] += 1
        self.tracker.announce(a, minute)
        self.counters.tcp_announces += 1
        return write_announce(a)

    def scrape(self, request: Request) -> bytes:
        """The body for a scrape."""
        entries: dict[bytes, tuple[int, int, int]] = {}
        partial_seeds: dict[bytes, int] = {}
        for info_hash in parse_scrape(request.query or b""):
            entries[info_hash] = self.tracker.scrape(info_hash)
            if WANT_EXTENDED_ANSWERS:
                partial_seeds[info_hash] = self.tracker.partial_seeds(info_hash)
        self.counters.tcp_scrapes += 1
        return write_scrape(entries, partial_seeds)

    def put_off_to(self, connection: Waiting) -> None:
        """Have a connection take the answer that is put off, and was empty; see `server.workers`."""
        raise NotImplementedError

    def refuse(self, status: int, head_only: bool, unread: bytes, address: bytes) -> bytes:
        """The whole answer to bytes from `address` that are not a request."""
        protocol = foreign_protocol(unread)
        if protocol:
            self.foreign[protocol].value += 1
            log.warning("%s %s", format_ip(address), FOREIGN[protocol])
        answer = self.error(status, head_only, False)
        return TLS_ALERT if protocol == TLS else answer

    def error(self, status: int, head_only: bool, was_parsed: bool, detail: bytes = b"") -> bytes:
        """The whole answer for a status other than 200; `was_parsed` tells whether there was a request at all."""
        self.counters.count_status(status, was_parsed)
        return write_error(status, head_only, detail)
