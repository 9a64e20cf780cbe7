"""The statistics' page: which modes and formats there are, for whom, and that the tracker goes on meanwhile."""

import json
from collections.abc import Iterator

import pytest

from opentracker._features import BUILD_RECORD, WANT_RESTRICT_STATS
from opentracker.config.settings import Settings
from opentracker.errors import HttpError
from opentracker.features.statistics.page import Statistics, parse_query
from opentracker.protocol.http import Request
from opentracker.protocol.pages import Pieces
from opentracker.protocol.query import MOST_FIELDS
from opentracker.swarm.policy.permissions import MAY_FULLSCRAPE, MAY_STAT
from tests.features.stats import blessed, live_with, stats, text
from tests.protocol.http_cases import HASH_A, announce, get, scrape
from tests.server.live import Endpoint, Live
from tests.swarm.crowd import fill, known, tracker
from tests.swarm.torrents import all_packed

FLAGS: dict[str, bool] = json.loads(BUILD_RECORD)["flags"]
Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


@pytest.mark.parametrize(
    ("query", "mode", "form"),
    [
        (b"", "peer", ""),
        (b"mode=conn", "conn", ""),
        (b"mode=conn&format=json", "conn", "json"),
        (b"format=json&mode=%63onn", "conn", "json"),
        (b"mode=conn&mode=torr", "torr", ""),
        (b"x=y&mode=conn&z", "conn", ""),
        (b"mode=", "", ""),
    ],
)
def test_what_is_asked_for(query: bytes, mode: str, form: str) -> None:
    assert parse_query(query) == (mode, form)


@pytest.mark.parametrize(
    "query", [b"info_hash=x", b"mode=%zz", b"mode=%ff", b"mode=conn&format=", b"%", b"&" * MOST_FIELDS]
)
def test_what_cannot_be_asked_for(query: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        parse_query(query)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "query",
    [
        "mode=bogus",
        "mode=",
        "format=bogus",
        "mode=peer&format=ben",
        "mode=peer&info_hash=x",
        "info_hash=" + 20 * "A",
    ],
)
def test_t06_what_there_is_not_is_400(asked: Asked, query: str) -> None:
    live, to = asked
    assert stats(live, to, query).status == 400
    assert live.counters.value("http_400_parameter") == 1
    assert live.counters.tcp_statistics == 0


@pytest.mark.parametrize(
    ("mode", "flag"),
    [
        ("numwants", "WANT_LOG_NUMWANT"),
        ("clients", "WANT_CLIENT_COUNT"),
        ("woodpeckers", "WANT_SPOT_WOODPECKER"),
        ("busy", "WANT_LOG_NETWORKS"),
        ("fulllog", "WANT_FULLLOG_NETWORKS"),
        ("prometheus", "WANT_STATS_PROMETHEUS"),
        ("html", "WANT_STATS_HTML"),
        ("tpbs", "WANT_FULLSCRAPE"),
        ("statedump", "WANT_FULLSCRAPE"),
    ],
)
def test_t07_a_mode_that_is_not_built_in_is_400(asked: Asked, mode: str, flag: str) -> None:
    live, to = asked
    if FLAGS[flag]:
        pytest.skip(f"needs a build with {flag}=0")
    assert stats(live, to, f"mode={mode}").status == 400


def test_t03_the_default_mode(asked: Asked) -> None:
    live, to = asked
    assert live.ask(to, get(b"/stats")).body == text(live, to, "mode=peer").encode()
    assert text(live, to, "") == "15\n4\nopentracker serving 11 torrents\nopentracker"


def test_head_is_answered_without_a_body(asked: Asked) -> None:
    live, to = asked
    for mode in ("peer", "conn", "s24s"):
        body = text(live, to, f"mode={mode}")
        answer = stats(live, to, f"mode={mode}", b"HEAD")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Type"] == "text/plain"
        assert len(body) // 2 <= int(answer.headers["Content-Length"]) <= len(body) * 2


@pytest.mark.needs("WANT_RESTRICT_STATS")
@pytest.mark.parametrize("rights", [0, MAY_FULLSCRAPE])
@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_t01_who_is_not_blessed_is_refused(rights: int, method: bytes) -> None:
    live, to = live_with(None, blessed(rights=rights))
    try:
        for query in ("mode=everything", "", "mode=bogus"):
            answer = stats(live, to, query, method)
            assert answer.status_line == "HTTP/1.1 403 Access Denied"
        assert live.counters.value("http_403") == 3
        assert live.ask(to, scrape(HASH_A)).status == 200  # no statistic
    finally:
        live.close()


@pytest.mark.needs("WANT_RESTRICT_STATS")
def test_t02_who_is_blessed_is_answered() -> None:
    live, to = live_with(None, blessed(rights=MAY_STAT))
    assert stats(live, to, "mode=everything").status == 200
    live.close()


@pytest.mark.needs(WANT_RESTRICT_STATS=False)
def test_without_restrictions_everybody_is_answered() -> None:
    live, to = live_with(None, Settings())
    assert not WANT_RESTRICT_STATS
    assert stats(live, to, "mode=everything").status == 200
    live.close()


def test_t09_another_path() -> None:
    live, to = live_with(None, blessed(stats_path="secret"))
    try:
        for path, status in ((b"/secret", 200), (b"/stats", 404), (b"/secretX", 404), (b"/secret/", 404)):
            assert live.ask(to, get(path + b"?mode=peer")).status == status
    finally:
        live.close()


def test_the_statistics_path_is_looked_at_first() -> None:
    live, to = live_with(None, blessed(stats_path="announce"))
    assert live.ask(to, get(b"/announce")).body.endswith(b"opentracker")
    assert b"failure reason" in live.ask(to, get(b"/announce.php")).body
    live.close()


def test_a_mode_with_an_answer_of_its_own(asked: Asked) -> None:
    """As full scrapes are."""
    live, to = asked
    calls = []

    def stream(form: bytes, request: Request, address: bytes, minute: int) -> Pieces:
        calls.append((form, request.path, len(address)))
        if form == b"json":
            raise HttpError(400)
        request.keep_alive = False
        return iter_pieces()

    def iter_pieces() -> Pieces:
        yield b""
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nall"

    live.server.part(Statistics).streams["own"] = stream
    assert stats(live, to, "mode=own").body == b"all"
    assert stats(live, to, "mode=own&format=bin").body == b"all"
    assert stats(live, to, "mode=own&format=json").status == 400
    assert [form for form, _, _ in calls] == [b"", b"bin", b"json"]


def test_announces_are_answered_while_all_torrents_are_walked(asked: Asked) -> None:
    live, to = asked
    content = tracker()
    fill(content, [(number.to_bytes(20, "big"), 0, 1) for number in range(3000)])
    live.server.tracker.store = content.store
    slow = live.tcp(to)
    slow.send(get(b"/stats?mode=everything"))
    live.until(lambda: bool(live.work), "the walk to begin")
    answered = 0
    while live.work and answered < 3:
        client = live.tcp(to)
        client.send(announce(7000 + answered))
        live.iterate()
        client.poll()
        assert client.received.startswith(b"HTTP/1.1 200 OK")
        answered += 1
    assert b"<stats>" in slow.read_answer().body


def test_many_who_ask_at_once_share_one_walk(asked: Asked) -> None:
    live, to = asked
    clients = [live.tcp(to) for _ in range(20)]
    for client in clients:
        client.send(get(b"/stats?mode=peer"))
    for client in clients:
        assert client.read_answer().body.startswith(b"15\n4\n")
    first = live.server.part(Statistics).sources.surveyors["census"].latest
    stats(live, to, "mode=torr")
    assert live.server.part(Statistics).sources.surveyors["census"].latest is first
    live.advance(1)
    stats(live, to, "mode=torr")
    assert live.server.part(Statistics).sources.surveyors["census"].latest is not first


def test_a_client_that_vanishes_costs_nothing(asked: Asked) -> None:
    live, to = asked
    content = tracker()
    fill(content, [(number.to_bytes(20, "big"), 0, 1) for number in range(3000)])
    live.server.tracker.store = content.store
    client = live.tcp(to)
    client.send(get(b"/stats?mode=everything"))
    live.until(lambda: bool(live.work), "the walk to begin")
    client.reset()
    live.until(lambda: not live.work, "the end of the work")
    live.settle()
    assert live.server.http.connections == {}


def test_it_does_not_change_what_it_counts(asked: Asked) -> None:
    live, to = asked
    before = all_packed(live.server.tracker)
    for mode in live.server.part(Statistics).renderings[""]:
        stats(live, to, f"mode={mode}")
    assert all_packed(live.server.tracker) == before
    assert known() is not None
    assert live.counters.tcp_statistics == len(live.server.part(Statistics).renderings[""])


def test_a_mode_that_is_not_there_is_told_which_are(asked: Asked) -> None:
    live, to = asked
    answer = stats(live, to, "mode=bogus")
    assert answer.status == 400
    first, told, _ = answer.body.decode("ascii").split("\n", 2)
    assert first == "<title>400 Invalid Request</title>"
    modes = told.removeprefix("<pre>mode: ").split(", ")
    statistics = live.server.part(Statistics)
    assert set(modes) == {*statistics.renderings[""], *statistics.streams}
    assert stats(live, to, "mode=bogus", b"HEAD").body == b""
    for query in ("mode=peer&format=bogus", "mode=html&format=json", "info_hash=x"):
        assert stats(live, to, query).status == 400
