"""Raw HTTP requests of chosen networks: `/announce?lognet=NET` adds one, `mode=fulllog` reads and empties the log.

Both need MAY_STAT, in every build. The log keeps the latest mebibyte.
"""

import json
from collections import deque
from collections.abc import Callable, Generator
from typing import ClassVar, Final

from opentracker._features import WANT_AUTH_KEYS, WANT_STATS_JSON
from opentracker.errors import HttpError, TrackerFailure
from opentracker.features.feature import Feature, Host
from opentracker.features.statistics.page import Statistics
from opentracker.protocol.addresses import format_ip, parse_network
from opentracker.protocol.http import Request, write_ok
from opentracker.protocol.pages import Page, Pieces
from opentracker.protocol.query import unquote
from opentracker.swarm.policy.permissions import Permissions

if WANT_AUTH_KEYS:
    from opentracker.protocol.keyed_urls import without_key

MOST_NETWORKS: Final = 64
MOST_BYTES: Final = 1 << 20
LOGNET: Final = b"lognet="
NO_NETWORK: Final = b"-"
LOGGED: Final = 1  # the right to be logged
INVALID_NETWORK: Final = b"invalid lognet"
TOO_MANY: Final = b"too many networks"


def nobody(text: bytes) -> None:
    """Tell no other process of a network."""


class FullLog:
    """The chosen networks and their latest requests; a mode of `statistics`."""

    def __init__(self, statistics: Statistics) -> None:
        self.tracker = statistics.sources.tracker
        self.counters = self.tracker.counters
        self.uptime = statistics.sources.uptime
        self.refuse_unless_blessed = statistics.refuse_unless_blessed
        self.networks = Permissions()
        self.many = 0
        self.entries: deque[bytes] = deque()
        self.size = 0
        # Several workers tell each other the networks, and gather the entries of all: see server.workers.full_log.
        self.chosen: Callable[[bytes], None] = nobody
        self.gather: Callable[[bool], Generator[bytes, None, list[bytes]]] = self.own_entries

    def requested(self, request: Request, address: bytes) -> None:
        """Log a request, if it is from one of the networks, and drop the oldest ones beyond MOST_BYTES."""
        if self.networks.rights(address) != LOGGED:
            return
        ip = format_ip(address).encode("ascii")
        head = request.head
        if WANT_AUTH_KEYS and self.tracker.keys.in_force:
            head = without_key(head)
        entry = b"%08d: %b\n%b*\n\n" % (int(self.uptime()), ip, head)
        self.entries.append(entry)
        self.size += len(entry)
        while self.size > MOST_BYTES:
            self.size -= len(self.entries.popleft())

    def take(self, empties: bool) -> list[bytes]:
        """The entries of this process; with `empties` they are forgotten."""
        entries = list(self.entries)
        if empties:
            self.entries.clear()
            self.size = 0
        return entries

    def own_entries(self, empties: bool) -> Generator[bytes, None, list[bytes]]:
        """See `take`; a generator returns them."""
        yield from ()
        return self.take(empties)

    def choose(self, text: bytes) -> None:
        """Add a network, or remove all of them if `text` is a minus sign. Raises TrackerFailure."""
        if text == NO_NETWORK:
            self.forget_networks()
        else:
            self.add(text)

    def add(self, text: bytes) -> None:
        """Add a network. Raises TrackerFailure."""
        try:
            first, bits = parse_network(text.decode("ascii"))
        except ValueError as error:
            raise TrackerFailure(INVALID_NETWORK) from error
        if self.many >= MOST_NETWORKS:
            raise TrackerFailure(TOO_MANY)
        self.networks.bless(first, bits, LOGGED)
        self.many += 1

    def forget_networks(self) -> None:
        """Remove all networks."""
        self.networks = Permissions()
        self.many = 0

    def read(self, form: bytes, request: Request, address: bytes, minute: int) -> Pieces:
        """`mode=fulllog`: all requests; it empties the log, unless the request is a HEAD. Raises HttpError."""
        self.refuse_unless_blessed(address)
        is_json = WANT_STATS_JSON and form == b"json"
        if form and not is_json:
            raise HttpError(400)
        self.counters.tcp_statistics += 1
        return self.pieces(is_json, request)

    def pieces(self, is_json: bool, request: Request) -> Pieces:
        """The answer with all entries, once they are there."""
        head_only = request.method == b"HEAD"
        entries = yield from self.gather(not head_only)
        body, content_type = b"".join(entries), b"text/plain"
        if is_json:
            body = json.dumps({"requests": [entry.decode("latin-1") for entry in entries]}).encode("ascii")
            content_type = b"application/json"
        yield write_ok(body, request.keep_alive, head_only, content_type)


class LogNet(Page):
    """`/announce?lognet=NET`, and `lognet=-` to remove all networks; other announces are not its business."""

    def __init__(self, log: FullLog) -> None:
        self.log = log

    def takes(self, request: Request) -> bool:
        """See Page."""
        return any(field.startswith(LOGNET) for field in (request.query or b"").split(b"&"))

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """See Page. Raises HttpError and TrackerFailure."""
        self.log.refuse_unless_blessed(address)
        text = b""
        for field in (request.query or b"").split(b"&"):
            if field.startswith(LOGNET):
                text = unquote(field[len(LOGNET) :])
        head_only = request.method == b"HEAD"
        body = b"Successfully removed." if text == NO_NETWORK else b"Successfully added."
        if not head_only:
            self.log.choose(text)
            self.log.chosen(text)
        self.log.counters.tcp_statistics += 1
        return whole(write_ok(body, request.keep_alive, head_only))


def whole(answer: bytes) -> Pieces:
    """An answer in one piece."""
    yield answer


class FullLogFeature(Feature[Host]):
    """`mode=fulllog`, and the announces that choose its networks."""

    in_workers: ClassVar[bool] = True

    def join(self, host: Host) -> None:
        """Add the mode and the page, and watch requests."""
        log = FullLog(host.part(Statistics))
        host.add_part(log)
        host.streams["fulllog"] = log.read
        host.http_answers.pages.setdefault(b"/announce", LogNet(log))  # statistics may be served there
        host.http_answers.watchers.append(log.requested)
