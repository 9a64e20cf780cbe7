"""The pages that tell of all torrents, from the parts of all workers: statistics, full scrapes, dumps, the state."""

from collections.abc import Callable, Iterator

from opentracker._features import (
    WANT_AUTH_KEYS,
    WANT_CONTROL,
    WANT_FULLLOG_NETWORKS,
    WANT_FULLSCRAPE,
    WANT_MODEST_FULLSCRAPES,
    WANT_SYNC_LIVE,
    WANT_SYNC_SCRAPE,
    WANT_WEBTORRENT,
)
from opentracker.features.statistics.page import OtherParts, Statistics
from opentracker.protocol.pages import Pieces
from opentracker.server.core import Core
from opentracker.server.workers.mesh import Mesh, StreamLost
from opentracker.server.workers.parts import StreamedParts, pack_snapshot
from opentracker.server.workers.streams import Streams
from opentracker.swarm.surveys.snapshot import StatsSnapshot

if WANT_AUTH_KEYS:
    from opentracker.features.keys.addresses import KeyAddresses
    from opentracker.server.workers import key_addresses
    from opentracker.server.workers.key_addresses import SharedKeyAddresses
if WANT_CONTROL:
    from opentracker.features.control.commands import STREAM as CONTROL
    from opentracker.features.control.commands import Commands
if WANT_FULLLOG_NETWORKS:
    from opentracker.features.statistics.full_log import FullLog
    from opentracker.server.workers import full_log
    from opentracker.server.workers.full_log import SharedFullLog
if WANT_FULLSCRAPE:
    from opentracker.features.fullscrape.page import FullScrape
    from opentracker.features.state.feature import STREAM as STATE
    from opentracker.features.state.state import State
    from opentracker.server.workers import listing
if WANT_SYNC_LIVE:
    from opentracker.features.cluster.livesync import LiveSync
    from opentracker.server.workers import sync
    from opentracker.server.workers.sync import SharedSync
if WANT_SYNC_SCRAPE:
    from opentracker.server.workers import scrape_sync
    from opentracker.server.workers.scrape_sync import SharedScrapeSync
if WANT_WEBTORRENT:
    from opentracker.server.webtorrent.hub import Hub
    from opentracker.server.workers import browsers
    from opentracker.server.workers.browsers import SharedRendezvous

STATISTICS = b"statistics"
LINES = b"lines"
SERVED = b"full-scrape"  # the hearer of addresses that had a full scrape


def share(host: Core, mesh: Mesh, streams: Streams, complete: Callable[[StatsSnapshot], None]) -> None:
    """Let the pages of a worker tell of all workers, and `streams` give its parts to the others.

    `complete` adds the values of the supervisor to a merged snapshot.
    """
    share_statistics(host, mesh, streams, complete)
    if WANT_FULLSCRAPE:
        share_full_scrapes(host, mesh, streams)
        state = host.part(State)
        streams.sources[STATE] = lambda _: state.part()
    if WANT_AUTH_KEYS:
        share_key_addresses(host, mesh, streams)
    if WANT_CONTROL:
        commands = Commands(host)
        streams.sources[CONTROL] = lambda line: in_one_piece(commands.answer, line)
    if WANT_SYNC_LIVE:
        share_sync(host, mesh)
    if WANT_FULLLOG_NETWORKS:
        share_full_log(host, mesh, streams)
    if WANT_WEBTORRENT:
        share_browsers(host, mesh)


def in_one_piece(answer: Callable[[bytes], bytes], question: bytes) -> Pieces:
    """A stream of one answer, which is not asked for before the first piece is."""
    yield answer(question)


def share_statistics(
    host: Core, mesh: Mesh, streams: Streams, complete: Callable[[StatsSnapshot], None]
) -> None:
    """See `share`."""
    statistics = host.part(Statistics)

    def ask(needs: tuple[str, ...]) -> OtherParts:
        argument = ",".join(needs).encode("ascii")
        asked = [mesh.open(each, STATISTICS, argument) for each in mesh.others()]
        return StreamedParts(asked, host.tracker, complete)

    def part(argument: bytes) -> Pieces:
        needs = tuple(argument.decode("ascii").split(",")) if argument else ()
        snapshot = yield from statistics.own_part(needs)
        yield pack_snapshot(snapshot)

    statistics.ask_others = ask
    streams.sources[STATISTICS] = part


if WANT_AUTH_KEYS:

    def share_key_addresses(host: Core, mesh: Mesh, streams: Streams) -> None:
        """See `share`."""
        addresses = host.part(KeyAddresses)
        shared = SharedKeyAddresses(addresses, mesh)
        addresses.tell_others = shared.tell
        host.hearers[key_addresses.HEARER] = addresses.hear
        streams.sources[key_addresses.STREAM] = lambda _: addresses.part()
        host.start_work(shared.catch_up())


if WANT_SYNC_LIVE:

    def share_sync(host: Core, mesh: Mesh) -> None:
        """Have one worker receive the packets of live sync for all of them."""
        live = host.part(LiveSync)
        shared = SharedSync(live, mesh, host.minute)
        live.place = shared.place
        host.hearers[sync.HEARER] = shared.hear
        if WANT_SYNC_SCRAPE:
            scrapes = SharedScrapeSync(host.tracker, host.tracker_id, mesh)
            live.extension = scrapes
            host.hearers[scrape_sync.HEARER] = scrapes.hear
            host.hearers[scrape_sync.TORRENTS] = scrapes.hear_torrents
            host.every(scrape_sync.EVERY, scrapes.tell_torrents)


if WANT_FULLLOG_NETWORKS:

    def share_full_log(host: Core, mesh: Mesh, streams: Streams) -> None:
        """See `share`."""
        log = host.part(FullLog)
        shared = SharedFullLog(log, mesh)
        log.chosen, log.gather = shared.tell, shared.gather
        host.hearers[full_log.HEARER] = log.choose
        streams.sources[full_log.STREAM] = shared.part


if WANT_WEBTORRENT:

    def share_browsers(host: Core, mesh: Mesh) -> None:
        """See `share`."""
        shared = SharedRendezvous(host.tracker, host.tracker.random, mesh, host.now)
        host.part(Hub).rendezvous = shared
        host.hearers[browsers.MESSAGE] = shared.hear_message
        host.hearers[browsers.REPLY] = shared.hear_reply
        host.hearers[browsers.LEFT] = shared.hear_left
        mesh.successions.append(shared.succeeded)


if WANT_FULLSCRAPE:

    def share_full_scrapes(host: Core, mesh: Mesh, streams: Streams) -> None:
        """See `share`."""
        page = host.part(FullScrape)
        own_lines = page.lines

        def merged(minute: int) -> listing.MergedReader:
            return listing.MergedReader(
                page.own_reader(minute), [mesh.open(each, listing.STREAM) for each in mesh.others()]
            )

        def all_lines() -> Pieces:
            yield from own_lines()
            yield from gathered(mesh, LINES)

        page.new_reader = merged
        page.lines = all_lines
        streams.sources[listing.STREAM] = lambda _: listing.stream_rows(page, host.minute())
        streams.sources[LINES] = lambda _: own_lines()
        if WANT_MODEST_FULLSCRAPES:

            def tell(address: bytes) -> None:
                for worker in mesh.others():
                    mesh.tell(worker, SERVED, address)

            page.modesty.tell = tell
            host.hearers[SERVED] = page.modesty.remember


def answers(mesh: Mesh, name: bytes, question: bytes, done: Callable[[list[bytes]], None]) -> Iterator[None]:
    """Call `done` with the answers of all other processes, each a stream; without those that die meanwhile."""
    streams = [mesh.open(worker, name, question) for worker in mesh.others()]
    found: list[bytes] = []
    try:
        for stream in streams:
            answer = b""
            try:
                while not stream.is_over:
                    answer += stream.take()
                    yield
            except StreamLost:
                continue
            found.append(answer)
    finally:
        for stream in streams:
            stream.close()
    done(found)


def gathered(mesh: Mesh, name: bytes) -> Pieces:
    """The pieces of a stream of all other processes, one after the other. Raises StreamLost."""
    for worker in mesh.others():
        stream = mesh.open(worker, name)
        try:
            while not stream.is_over:
                yield stream.take()
        finally:
            stream.close()
