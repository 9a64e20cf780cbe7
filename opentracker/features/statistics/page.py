"""The statistics page: `/stats?mode=...&format=...`, and the sources of its modes. Every build has it.

A mode is a `Renderer`: the surveys that it needs, and a function that makes its text from a snapshot. A mode that
writes its whole answer itself, such as a full scrape, is a function that returns the pieces of that answer.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Final

from mypy_extensions import mypyc_attr

from opentracker._features import WANT_LOG_NUMWANT, WANT_MAX_PEER, WANT_RESTRICT_STATS, WANT_WORKERS
from opentracker.errors import HttpError, TrackerFailure
from opentracker.protocol.http import Request, header_values, write_ok
from opentracker.protocol.pages import Page, Pieces, Stream
from opentracker.protocol.query import fields_of, unquote
from opentracker.swarm.counting.core_gauges import MEMORY_COUNTED, MEMORY_LIMIT, MEMORY_USED
from opentracker.swarm.counting.network_count import NetworkCount
from opentracker.swarm.policy.permissions import MAY_STAT, Permissions
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.networks import Networks, RankedNetworks
from opentracker.swarm.surveys.scan import Scan, ScanCache
from opentracker.swarm.surveys.snapshot import CENSUS, NETWORKS, StatsSnapshot
from opentracker.swarm.tracker import Tracker

DEFAULT_MODE: Final = "peer"


class Renderer:
    """The rendering of a mode: the surveys that it needs, and its type; `headers` are whole header lines."""

    def __init__(self, needs: tuple[str, ...], content_type: bytes, headers: bytes) -> None:
        self.needs = needs
        self.content_type = content_type
        self.headers = headers

    def parts(self, snapshot: StatsSnapshot) -> Iterator[bytes]:
        """The body, in parts that each take little time."""
        raise NotImplementedError


class Rendering(Renderer):
    """A mode that one quick function renders from a snapshot."""

    def __init__(
        self,
        needs: tuple[str, ...],
        render: Callable[[StatsSnapshot], bytes],
        content_type: bytes = b"text/plain",
    ) -> None:
        super().__init__(needs, content_type, b"")
        self.render = render

    def parts(self, snapshot: StatsSnapshot) -> Iterator[bytes]:
        """See Renderer."""
        yield self.render(snapshot)


class Sources:
    """Makes snapshots; `uptime` gives seconds since the start, `complete` adds the values that only a server has."""

    def __init__(
        self,
        tracker: Tracker,
        uptime: Callable[[], float],
        version: str,
        tracker_id: int,
        complete: Callable[[StatsSnapshot], None],
    ) -> None:
        self.tracker = tracker
        self.uptime = uptime
        self.version = version
        self.tracker_id = tracker_id
        self.complete = complete
        self.own: list[Callable[[StatsSnapshot], None]] = []  # functions of modes that add values of gauges
        self.surveyors = {
            CENSUS: ScanCache(lambda: Census(tracker), uptime),
            NETWORKS: ScanCache(lambda: Networks(tracker), uptime),
        }

    def rank(self, mode: str, counts: dict[int, NetworkCount]) -> None:
        """Add a mode with the busiest networks of counts that go on all the time."""
        self.surveyors[mode] = ScanCache(lambda: RankedNetworks(counts), self.uptime)

    def snapshot(self) -> StatsSnapshot:
        """A snapshot of all values but those of surveys."""
        counters = self.tracker.counters
        snapshot = StatsSnapshot(self.version, self.tracker_id, int(self.uptime()), counters.rows)
        snapshot.counters = counters.values()
        snapshot.renewals = list(self.tracker.renewals)
        if WANT_LOG_NUMWANT:
            snapshot.numwants = list(self.tracker.numwants)
        if WANT_MAX_PEER:
            memory = self.tracker.limits.describe_memory()
            snapshot.tell(MEMORY_COUNTED, memory["counted"])
            snapshot.tell(MEMORY_USED, memory["used"])
            snapshot.tell(MEMORY_LIMIT, memory["limit"])
        self.complete(snapshot)
        for source in self.own:
            source(snapshot)
        return snapshot


@mypyc_attr(allow_interpreted_subclasses=True)  # that of several workers is not compiled
class OtherParts:
    """The snapshots of other workers, which have been asked for."""

    def have_come(self) -> bool:
        """Whether all are there."""
        raise NotImplementedError

    def merged(self, own: StatsSnapshot) -> StatsSnapshot:
        """All snapshots in one; `own` stays as it is."""
        raise NotImplementedError

    def close(self) -> None:
        """Ask no further."""
        raise NotImplementedError


class Statistics(Page):
    """Answers with statistics; `renderings` are by format (empty: text) and mode, `streams` by mode."""

    def __init__(self, sources: Sources, permissions: Permissions, streams: dict[str, Stream]) -> None:
        self.sources = sources
        self.permissions = permissions
        self.renderings: dict[str, dict[str, Renderer]] = {}
        self.streams = streams
        self.browser_mode = DEFAULT_MODE  # the mode for a browser's request without a query
        if WANT_WORKERS:
            # Asks other workers for snapshots with surveys of these names; none: there are no others.
            self.ask_others: Callable[[tuple[str, ...]], OtherParts] | None = None

    def answer(self, request: Request, address: bytes, minute: int) -> Pieces:
        """See Page. Raises HttpError: 400 for an unknown mode or format, 403 for a client without the right."""
        if WANT_RESTRICT_STATS:
            self.refuse_unless_blessed(address)
        mode, form = parse_query(request.query or b"")
        if not request.query and wants_html(request):
            mode = self.browser_mode
        stream = self.streams.get(mode)
        if stream is not None:
            return stream(form.encode("ascii"), request, address, minute)
        rendering = self.renderings.get(form, {}).get(mode)
        if rendering is None:
            raise HttpError(400, self.choices(form))
        self.sources.tracker.counters.tcp_statistics += 1
        return self.pieces(rendering, request)

    def choices(self, form: str) -> bytes:
        """The modes and formats of this build, as the text of an error."""
        modes = sorted({*self.renderings.get(form, self.renderings[""]), *self.streams})
        forms = sorted(name for name in self.renderings if name)
        more = f"format: {', '.join(forms)}\n" if forms else ""
        return f"mode: {', '.join(modes)}\n{more}".encode("ascii")

    def refuse_unless_blessed(self, address: bytes) -> None:
        """Raise HttpError for an address without MAY_STAT."""
        if not self.permissions.rights(address) & MAY_STAT:
            raise HttpError(403)

    def pieces(self, rendering: Renderer, request: Request) -> Pieces:
        """The answer; it waits for the surveys that the mode needs."""
        others = None
        if WANT_WORKERS and self.ask_others is not None:
            others = self.ask_others(rendering.needs)
        try:
            snapshot = yield from self.own_part(rendering.needs)
            if WANT_WORKERS and others is not None:
                while not others.have_come():
                    yield b""
                snapshot = others.merged(snapshot)
        finally:
            if WANT_WORKERS and others is not None:
                others.close()
        parts = []
        for part in rendering.parts(snapshot):
            parts.append(part)
            yield b""
        body, head_only = b"".join(parts), request.method == b"HEAD"
        yield write_ok(body, request.keep_alive, head_only, rendering.content_type, rendering.headers)

    def own_part(self, needs: tuple[str, ...]) -> Generator[bytes, None, StatsSnapshot]:
        """A snapshot of this process with surveys of these names."""
        sources = self.sources
        surveys: dict[str, Scan] = {}
        for name in needs:
            under_way = sources.surveyors[name].current()
            while not under_way.is_done:
                under_way.advance(sources.uptime())
                yield b""
            surveys[name] = under_way.survey
        snapshot = sources.snapshot()
        snapshot.surveys = surveys
        return snapshot


def wants_html(request: Request) -> bool:
    """Whether a browser asks: programs accept `*/*` or have no Accept header."""
    return any(b"text/html" in value.lower() for value in header_values(request, b"Accept"))


def parse_query(query: bytes) -> tuple[str, str]:
    """Mode and format; an empty format if none was given. The last of repeated keys counts. Raises HttpError."""
    mode, form = DEFAULT_MODE, ""
    try:
        fields = [field.partition(b"=") for field in fields_of(query)]
        decoded = [(unquote(key), unquote(value).decode("ascii")) for key, _, value in fields]
    except (TrackerFailure, UnicodeDecodeError) as error:
        raise HttpError(400) from error
    for key, text in decoded:
        if key == b"info_hash":
            raise HttpError(400)
        if key == b"mode":
            mode = text
        elif key == b"format":
            form = text
            if not text:
                raise HttpError(400)
    return mode, form
