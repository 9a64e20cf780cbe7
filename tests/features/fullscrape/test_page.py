"""Full scrapes over real connections: who gets one, how it is framed, and that it is the truth."""

import gzip
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker._features import (
    OT_CLIENT_TIMEOUT,
    OT_CLIENT_TIMEOUT_CHECKINTERVAL,
    OT_MODEST_PEER_TIMEOUT,
    WANT_ACCESSLIST_WHITE,
    WANT_COMPRESSION_ZSTD,
)
from opentracker.config.settings import Sections, Settings
from opentracker.errors import HttpError
from opentracker.features.fullscrape.feature import FullScrapeSettings
from opentracker.features.fullscrape.page import FullScrape
from opentracker.features.state.state import State
from opentracker.protocol.bencode import decode
from opentracker.protocol.http import Request, parse_request
from opentracker.server.loop import SLICE
from opentracker.swarm.policy.permissions import EVERYTHING, MAY_FULLSCRAPE, MAY_PROXY, MAY_STAT, Permissions
from opentracker.swarm.policy.slots import Slots
from opentracker.swarm.store.door import Contents
from opentracker.swarm.tracker import Tracker
from tests.server.live import HOME, Answer, Endpoint, Live, TcpClient, packed
from tests.server.marks import needs_ipv4
from tests.swarm.filled import Counts, add, filled, known, open_tracker
from tests.swarm.torrents import all_packed

if WANT_ACCESSLIST_WHITE:
    from opentracker.features.accesslist.accesslist import AccessList
    from opentracker.swarm.tracker import admit_by
if WANT_COMPRESSION_ZSTD:
    if sys.version_info >= (3, 14):
        from compression.zstd import decompress as zstd_decompress
    else:
        from backports.zstd import decompress as zstd_decompress

FULL = b"GET /scrape HTTP/1.1\r\nHost: x\r\n\r\n"
FULL_1_0 = b"GET /scrape HTTP/1.0\r\n\r\n"


def limited(**limits: Any) -> Settings:
    """Settings with these limits on full scrapes."""
    return Settings(sections=Sections(FullScrapeSettings(**limits)))


@pytest.fixture
def live() -> Iterator[Live]:
    tracker = Live()
    yield tracker
    tracker.close()


def page_of(tracker: Tracker) -> FullScrape:
    state = State(tracker, lambda: 0, lambda: 0.0)
    return FullScrape(
        tracker, tracker.counters, Permissions(), False, state, lambda: 0.0, Slots(0, 0, Permissions())
    )


def asked(request: bytes = FULL_1_0) -> Request:
    parsed = parse_request(request)
    assert parsed is not None
    return parsed


def plain(encoding: str | None, body: bytes) -> bytes:
    """A body without its Content-Encoding."""
    if encoding == "gzip":
        return gzip.decompress(body)
    if WANT_COMPRESSION_ZSTD and encoding == "zstd":
        return zstd_decompress(body)
    assert encoding is None
    return body


def parted(whole: bytes) -> tuple[str, bytes]:
    """Head and plain body of an answer that ends with its connection."""
    head, _, body = whole.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return head.decode(), plain(fields.get("Content-Encoding"), body)


def body_in(page: FullScrape, name: str) -> bytes:
    """The whole body in a format, taken from the page itself."""
    return parted(b"".join(page.answer_as(name.encode(), asked(), bytes(4), 0)))[1]


def torrents_in(body: bytes) -> dict[bytes, Counts]:
    """The counts of a bencoded scrape, read by a decoder that accepts only canonical bencoding."""
    whole = decode(body)
    assert isinstance(whole, dict)
    assert list(whole) == [b"files"]
    files = whole[b"files"]
    assert isinstance(files, dict)
    found: dict[bytes, Counts] = {}
    for info_hash, counts in files.items():
        assert isinstance(counts, dict)
        assert list(counts) == [b"complete", b"downloaded", b"incomplete"]
        complete, downloaded, incomplete = counts.values()
        found[info_hash] = complete, downloaded, incomplete  # type: ignore[assignment]
    return found


def answer_of(live: Live, request: bytes, source: str | None = None) -> tuple[str, bytes]:
    """Head and body of what a connection of its own receives until it ends."""
    client = live.tcp(live.listen_tcp(), source)
    client.send(request)
    whole = client.read_to_end()
    if request.startswith(b"HEAD"):
        assert whole.endswith(b"\r\n\r\n")
        return whole.decode(), b""
    return parted(whole)


def fill(live: Live, torrents: dict[bytes, Counts]) -> None:
    for info_hash, counts in torrents.items():
        add(live.server.tracker, info_hash, counts)


# ---- What it says ------------------------------------------------------------------------------------------


def test_s10_every_torrent_in_valid_bencoding(live: Live) -> None:
    torrents = known(700)
    fill(live, torrents)
    answer = live.ask(live.listen_tcp(), b"GET /scrape HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.status_line == "HTTP/1.1 200 OK"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Connection"] == "close"
    assert torrents_in(decoded(answer)) == torrents


def test_s12_over_http_1_0_there_are_no_chunks(live: Live) -> None:
    torrents = known(300)
    fill(live, torrents)
    head, body = answer_of(live, FULL_1_0)
    assert "Transfer-Encoding" not in head
    assert "Connection: close" in head
    assert torrents_in(body) == torrents


def test_s10_a_tracker_without_torrents(live: Live) -> None:
    assert answer_of(live, FULL_1_0)[1] == b"d5:filesdee"


@pytest.mark.needs("WANT_KEEPALIVE")
def test_a_connection_is_kept_after_the_last_chunk(live: Live) -> None:
    client = live.tcp(live.listen_tcp())
    client.send(FULL + b"GET /scrape?info_hash=x HTTP/1.1\r\nConnection: close\r\n\r\n")
    received = client.read_to_end()
    assert b"\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n" in received
    assert received.count(b"HTTP/1.1 200 OK") == 2


def read_ben(body: bytes) -> dict[bytes, Counts]:
    return torrents_in(body)


def read_bin(body: bytes) -> dict[bytes, Counts]:
    assert len(body) % 28 == 0
    rows = [body[at : at + 28] for at in range(0, len(body), 28)]
    return {
        row[:20]: (int.from_bytes(row[20:24], "big"), -1, int.from_bytes(row[24:], "big")) for row in rows
    }


def read_text(body: bytes) -> dict[bytes, Counts]:
    assert body.endswith(b"\n")
    found: dict[bytes, Counts] = {}
    for line in body.decode().splitlines():
        digits, *counts = line.split(":")
        assert digits == digits.upper()
        numbers = list(map(int, counts))
        found[bytes.fromhex(digits)] = numbers[0], numbers[2] if len(numbers) == 3 else -1, numbers[1]
    return found


def read_url(body: bytes) -> dict[bytes, Counts]:
    found: dict[bytes, Counts] = {}
    for line in body.splitlines():
        key, complete, incomplete = line.split(b":")
        found[unquote_to_bytes(key)] = int(complete), -1, int(incomplete)
    return found


@pytest.mark.parametrize(
    ("name", "read", "tells_downloaded"),
    [
        ("", read_ben, True),
        ("ben", read_ben, True),
        ("bin", read_bin, False),
        ("txt", read_text, False),
        ("txtp", read_text, True),
        ("url", read_url, False),
    ],
)
def test_each_format_tells_every_torrent(
    name: str, read: Callable[[bytes], dict[bytes, Counts]], tells_downloaded: bool
) -> None:
    torrents = known(600)
    expected = {
        info_hash: (complete, downloaded if tells_downloaded else -1, incomplete)
        for info_hash, (complete, downloaded, incomplete) in torrents.items()
    }
    found = read(body_in(page_of(filled(torrents)), name))
    assert found == expected
    assert list(found) == sorted(expected)


def test_an_unknown_format_is_a_bad_request() -> None:
    with pytest.raises(HttpError) as error:
        page_of(open_tracker()).answer_as(b"xml", asked(), bytes(4), 0)
    assert error.value.status == 400


@pytest.mark.needs(WANT_RESTRICT_STATS=False)
def test_the_statistics_mode_tpbs_gives_any_format(live: Live) -> None:
    torrents = known(40)
    fill(live, torrents)
    to = live.listen_tcp()
    for form, expected in ((b"", b"d5:files"), (b"&format=ben", b"d5:files"), (b"&format=txt", b"")):
        live.advance(OT_MODEST_PEER_TIMEOUT)
        client = live.tcp(to)
        client.send(b"GET /stats?mode=tpbs" + form + b" HTTP/1.0\r\n\r\n")
        head, body = parted(client.read_to_end())
        assert "Content-Type: application/octet-stream\r\n" in head
        assert body.startswith(expected or min(torrents).hex().upper().encode())
    assert live.ask(to, b"GET /stats?mode=tpbs&format=xml HTTP/1.0\r\n\r\n").status == 400
    assert (live.counters.value("full_scrapes"), live.counters.tcp_statistics) == (3, 0)
    assert live.counters.value("http_400_parameter") == 1


@given(
    st.dictionaries(
        st.binary(min_size=20, max_size=20),
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3)),
        max_size=20,
    )
)
def test_any_torrents_make_valid_bencoding(torrents: dict[bytes, Counts]) -> None:
    assert torrents_in(body_in(page_of(filled(torrents)), "ben")) == torrents


def test_s16_a_full_scrape_changes_nothing(live: Live) -> None:
    fill(live, known(100))
    before = all_packed(live.server.tracker)
    answer_of(live, FULL_1_0)
    assert before == all_packed(live.server.tracker)


@pytest.mark.needs("WANT_ACCESSLIST_WHITE")
def test_a09_refused_torrents_are_left_out() -> None:
    torrents = known(50)
    tracker = filled(torrents)
    kept = dict(list(torrents.items())[:20])
    admit_by(tracker, AccessList(frozenset(kept)))
    assert torrents_in(body_in(page_of(tracker), "ben")) == kept


# ---- Who gets one ------------------------------------------------------------------------------------------


def restricted(*networks: tuple[str, int, int]) -> Settings:
    settings = limited(restricted=True)
    for address, bits, rights in networks:
        settings.permissions.bless(packed(address), bits, rights)
    return settings


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[Live]:
    live = Live(request.param)
    yield live
    live.close()


@needs_ipv4
@pytest.mark.parametrize(
    "opened",
    [restricted(("127.0.0.9", 32, MAY_FULLSCRAPE)), restricted(("127.0.0.9", 32, EVERYTHING & ~MAY_PROXY))],
    indirect=True,
)
def test_with_networks_named_only_those_get_one(opened: Live) -> None:
    to = opened.listen_tcp()
    assert answer_of(opened, FULL_1_0, "127.0.0.9")[1] == b"d5:filesdee"
    assert opened.ask(to, FULL, "127.0.0.8").status == 403
    assert opened.counters.value("full_scrapes") == 1
    assert opened.counters.value("http_403") == 1


@pytest.mark.parametrize("opened", [restricted((HOME, 8, MAY_STAT))], indirect=True)
def test_another_right_is_not_enough(opened: Live) -> None:
    assert opened.ask(opened.listen_tcp(), FULL).status == 403


@needs_ipv4
def test_blessing_an_address_closes_full_scrapes_to_nobody() -> None:
    settings = Settings()
    settings.permissions.bless(packed("127.0.0.9"), 32, EVERYTHING)  # as `-A` does
    live = Live(settings)
    assert answer_of(live, FULL_1_0)[1].startswith(b"d5:files")
    live.close()


# ---- How many at a time ------------------------------------------------------------------------------------

at_a_time = pytest.mark.needs(WANT_MODEST_FULLSCRAPES=False)
DUMP = b"GET /stats?mode=statedump HTTP/1.1\r\nHost: x\r\n\r\n"
TPBS = b"GET /stats?mode=tpbs HTTP/1.1\r\nHost: x\r\n\r\n"


def stalled(live: Live, to: Endpoint, request: bytes = FULL, source: str | None = None) -> TcpClient:
    """A client with a full scrape under way, which it does not read."""
    client = live.tcp(to, source, receive_buffer=4096)
    client.send(request)
    live.settle()
    return client


def room_of(live: Live) -> Slots:
    page = live.server.http_answers.pages[b"/scrape"]
    assert isinstance(page, FullScrape)
    return page.slots


@at_a_time
def test_the_33rd_of_one_address_has_to_wait_for_another_to_end() -> None:
    live = Live(limited(most_per_address=32))
    many(live)
    to = live.listen_tcp()
    clients = [stalled(live, to) for _ in range(32)]
    refused = live.ask(to, FULL)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
    assert (live.counters.value("http_503"), live.counters.value("full_scrapes")) == (1, 32)
    clients[7].reset()
    live.until(lambda: room_of(live).open == 31, "the end of one")
    assert live.ask(to, FULL).status == 200
    assert room_of(live).open == 31
    live.close()
    assert (room_of(live).open, room_of(live).of_host) == (0, {})


@at_a_time
@needs_ipv4
@pytest.mark.needs(WANT_RESTRICT_STATS=False)
def test_scrapes_and_dumps_of_all_addresses_share_the_places() -> None:
    live = Live(limited(most=3, most_per_address=2))
    many(live)
    to = live.listen_tcp()
    stalled(live, to, TPBS, "127.0.0.2")
    stalled(live, to, DUMP, "127.0.0.2")
    assert [live.ask(to, each, "127.0.0.2").status for each in (FULL, TPBS, DUMP)] == [503] * 3
    stalled(live, to, FULL, "127.0.0.3")
    assert [live.ask(to, each, "127.0.0.4").status for each in (FULL, TPBS, DUMP)] == [503] * 3
    assert live.counters.value("http_503") == 6
    live.close()
    assert room_of(live).open == 0


@at_a_time
@pytest.mark.parametrize(("number", "left"), [(2, 2), (3, 0)])
def test_where_places_are_scarce_who_reads_nothing_loses_his(number: int, left: int) -> None:
    live = Live(limited(most=4))
    many(live)
    to = live.listen_tcp()
    for _ in range(number):
        stalled(live, to)
    live.until(lambda: not live.work, "full sockets")
    live.advance(OT_CLIENT_TIMEOUT - 0.1)
    live.settle()
    assert room_of(live).open == number
    live.advance(OT_CLIENT_TIMEOUT_CHECKINTERVAL)
    live.settle()
    assert room_of(live).open == left
    live.close()


@at_a_time
@needs_ipv4
def test_a_trusted_proxy_may_have_more_at_a_time() -> None:
    settings = limited(most=3, most_per_address=1)
    settings.permissions.bless(packed("127.0.0.2"), 32, MAY_PROXY)
    live = Live(settings)
    many(live)
    to = live.listen_tcp()
    own = FULL.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 127.0.0.2\r\n\r\n")  # of its own machine
    for _ in range(3):
        assert stalled(live, to, own, "127.0.0.2").sock.recv(12) == b"HTTP/1.1 200"
    assert live.ask(to, own, "127.0.0.2").status == 503  # of all together
    live.close()


@at_a_time
def test_what_full_scrapes_take_is_known_while_they_do() -> None:
    page = page_of(filled(known(10)))
    one = bytes([192, 0, 2, 1])
    assert page.weight() == 0
    pieces = page.answer(asked(), one, 0)
    assert page.weight() == page.held > 0
    for _ in pieces:
        if page.listing.segments:
            assert page.weight() >= page.held + 10 * 23
    assert page.weight() == 0


@at_a_time
def test_a_place_is_given_back_however_a_scrape_ends() -> None:
    page = page_of(filled(known(10)))
    page.slots = Slots(1, 1, Permissions())
    one = bytes([192, 0, 2, 1])
    assert list(page.answer(asked(b"HEAD /scrape HTTP/1.1\r\n\r\n"), one, 0))[:-1] == []
    assert page.slots.open == 0
    for steps in (0, 1, 2, 1000):  # before it has begun, in the middle, at the end
        pieces = page.answer(asked(), one, 0)
        assert page.slots.open == 1
        with pytest.raises(HttpError) as error:
            page.dump_as(b"", asked(), one, 0)
        assert error.value.status == 503
        for _ in range(steps):
            next(pieces, None)
        pieces.close()
        assert page.slots.open == 0
    assert page.listing.segments == {}


@at_a_time
def test_a_place_is_given_back_where_a_scrape_fails() -> None:
    page = page_of(filled(known(10)))
    pieces = page.answer(asked(), bytes([192, 0, 2, 1]), 0)
    while not page.listing.segments:
        next(pieces)
    page.listing.segments.clear()
    with pytest.raises(KeyError):
        list(pieces)
    assert page.slots.open == 0


def test_s09_a_query_makes_it_an_ordinary_scrape(live: Live) -> None:
    to = live.listen_tcp()
    for target in (b"/scrape?", b"/scrape?x=1", b"/scr", b"/scrape.php", b"/scrape/"):
        answer = live.ask(to, b"GET " + target + b" HTTP/1.0\r\n\r\n")
        assert answer.status == 200
        assert b"failure reason" in answer.body
    assert live.counters.value("full_scrapes") == 0


# ---- What it costs -----------------------------------------------------------------------------------------


def test_h41_head_gets_the_head(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    fill(live, known(20))
    with caplog.at_level(logging.INFO):
        head, body = answer_of(live, FULL.replace(b"GET", b"HEAD", 1).replace(b"1.1", b"1.0"))
    assert head.startswith("HTTP/1.1 200 OK")
    assert body == b""
    assert caplog.messages == []


def test_each_is_logged_once(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer_of(live, FULL_1_0)
    assert caplog.messages == [f"{HOME} - FULL SCRAPE"]


def test_what_was_sent_is_counted(live: Live) -> None:
    fill(live, known(500))
    sent = 0
    for _ in range(3):
        live.advance(OT_MODEST_PEER_TIMEOUT)
        client = live.tcp(live.listen_tcp())
        client.send(FULL_1_0)
        sent += len(client.read_to_end())
    assert live.counters.value("full_scrapes") == 3
    assert live.counters.value("full_scrape_bytes") == sent


def many(live: Live) -> int:
    """Torrents for some megabytes of a scrape; gives their number."""
    for number in range(60_000):
        info_hash = number.to_bytes(4, "big")[::-1] + bytes(16)
        live.server.tracker.put(info_hash, Contents(1, 9))
    return 60_000


def test_s15_a_client_that_stalls_is_produced_nothing_for(live: Live) -> None:
    many(live)
    client = live.tcp(live.listen_tcp(), receive_buffer=4096)
    client.send(FULL_1_0)
    counters = live.counters
    live.until(lambda: counters.value("full_scrape_bytes") > 0 and not live.work, "the socket to be full")
    sent = counters.value("full_scrape_bytes")
    live.settle()
    assert counters.value("full_scrape_bytes") == sent < 3_500_000
    client.reset()
    live.until(lambda: not live.server.http.connections, "the end of it")
    page = live.server.http_answers.pages[b"/scrape"]
    assert isinstance(page, FullScrape)
    assert page.listing.segments == {}


@pytest.mark.needs(WANT_MODEST_FULLSCRAPES=False)
def test_several_at_once_share_what_is_read(live: Live) -> None:
    torrents = many(live)
    clients = [live.tcp(live.listen_tcp()) for _ in range(4)]
    for client in clients:
        client.send(FULL_1_0)
    bodies = [parted(client.read_to_end())[1] for client in clients]
    assert len(set(bodies)) == 1
    assert len(torrents_in(bodies[0])) == torrents
    page = live.server.http_answers.pages[b"/scrape"]
    assert isinstance(page, FullScrape)
    assert page.listing.segments == {}


def test_announces_are_answered_between_the_pieces(live: Live) -> None:
    many(live)

    def ticking() -> float:
        live.clock.seconds += SLICE / 4  # a slice of long work ends
        return live.clock.seconds

    live.server.now.clock = ticking
    to = live.listen_tcp()
    client = live.tcp(to)
    client.send(FULL_1_0)
    live.until(lambda: live.counters.value("full_scrapes") == 1, "the request")
    answered_at: list[int] = []
    while not client.has_ended():
        answer = live.ask(to, b"GET /scrape?info_hash=" + b"%00" * 20 + b" HTTP/1.0\r\n\r\n")
        assert answer.status == 200
        answered_at.append(len(client.received))
    assert len(answered_at) > 20


# ---- Compressed --------------------------------------------------------------------------------------------


def decoded(answer: Answer) -> bytes:
    return plain(answer.headers.get("Content-Encoding"), answer.body)


def ask_with(live: Live, header: bytes) -> Answer:
    request = b"GET /scrape HTTP/1.1\r\nConnection: close\r\n%b\r\n" % header
    live.advance(OT_MODEST_PEER_TIMEOUT)
    return live.ask(live.listen_tcp(), request)


HEADERS = [
    b"",
    b"Accept-Encoding: gzip\r\n",
    b"Accept-Encoding: zstd\r\n",
    b"Accept-Encoding: gzip, zstd\r\n",
    b"Accept-Encoding: identity\r\n",
]


@pytest.mark.parametrize("header", HEADERS)
def test_s13_any_encoding_holds_every_torrent(live: Live, header: bytes) -> None:
    torrents = known(600)
    fill(live, torrents)
    assert torrents_in(decoded(ask_with(live, header))) == torrents


def encodings(live: Live) -> list[str | None]:
    return [ask_with(live, header).headers.get("Content-Encoding") for header in HEADERS]


@pytest.mark.needs(WANT_COMPRESSION_GZIP=False, WANT_COMPRESSION_ZSTD=False)
def test_without_them_nothing_is_encoded_and_nothing_varies(live: Live) -> None:
    assert encodings(live) == [None] * 5
    assert "Vary" not in ask_with(live, HEADERS[1]).headers


@pytest.mark.needs("WANT_COMPRESSION_GZIP", WANT_COMPRESSION_GZIP_ALWAYS=False, WANT_COMPRESSION_ZSTD=False)
def test_s13_gzip_alone(live: Live) -> None:
    assert encodings(live) == [None, "gzip", None, "gzip", None]
    assert ask_with(live, b"").headers["Vary"] == "Accept-Encoding"


@pytest.mark.needs("WANT_COMPRESSION_ZSTD", WANT_COMPRESSION_ZSTD_ALWAYS=False, WANT_COMPRESSION_GZIP=False)
def test_zstd_alone(live: Live) -> None:
    assert encodings(live) == [None, None, "zstd", "zstd", None]
    assert ask_with(live, b"").headers["Vary"] == "Accept-Encoding"


@pytest.mark.needs(
    "WANT_COMPRESSION_GZIP",
    "WANT_COMPRESSION_ZSTD",
    WANT_COMPRESSION_GZIP_ALWAYS=False,
    WANT_COMPRESSION_ZSTD_ALWAYS=False,
)
def test_with_both_zstd_wins(live: Live) -> None:
    assert encodings(live) == [None, "gzip", "zstd", "zstd", None]


@pytest.mark.needs("WANT_COMPRESSION_GZIP_ALWAYS", WANT_COMPRESSION_ZSTD=False)
def test_gzip_whatever_the_client_says(live: Live) -> None:
    assert encodings(live) == ["gzip"] * 5
    assert "Vary" not in ask_with(live, b"").headers


@pytest.mark.needs("WANT_COMPRESSION_GZIP_ALWAYS", "WANT_COMPRESSION_ZSTD")
def test_gzip_for_all_that_do_not_take_zstd(live: Live) -> None:
    assert encodings(live) == ["gzip", "gzip", "zstd", "zstd", "gzip"]
    assert ask_with(live, b"").headers["Vary"] == "Accept-Encoding"


@pytest.mark.needs("WANT_COMPRESSION_ZSTD_ALWAYS")
def test_zstd_whatever_the_client_says(live: Live) -> None:
    assert encodings(live) == ["zstd"] * 5
    assert "Vary" not in ask_with(live, b"").headers


@pytest.mark.parametrize("header", HEADERS)
def test_a_client_that_vanishes_leaves_nothing_behind(live: Live, header: bytes) -> None:
    many(live)
    client = live.tcp(live.listen_tcp(), receive_buffer=4096)
    client.send(b"GET /scrape HTTP/1.0\r\n%b\r\n" % header)
    counters = live.counters
    live.until(lambda: counters.value("full_scrape_bytes") > 0 and not live.work, "the socket to be full")
    client.reset()
    live.until(lambda: not live.server.http.connections, "the end of it")
    page = live.server.http_answers.pages[b"/scrape"]
    assert isinstance(page, FullScrape)
    assert page.listing.segments == {}
