"""A private tracker on real sockets: requests with keys, over HTTP and UDP, and what the logs say of them."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from opentracker.config.settings import Settings
from opentracker.debug import DebugServer
from opentracker.errors import UsageError
from opentracker.features.keys.feature import FILE, KeySettings, KeysFeature
from opentracker.features.keys.key_list import EXPIRED_KEY, NO_KEY, UNKNOWN_KEY, KeyReloader
from tests.protocol.http_cases import (
    STOP,
    announced,
    failure_body,
    get,
    is_like,
    peer_query,
    scrape_body,
    scrape_query,
)
from tests.server.live import (
    HASH_A,
    TRANSACTION,
    Live,
    UdpClient,
    announce_packet,
    scrape_packet,
    sections,
)

KEY, OLD, OTHER = b"0123456789abcdef", b"old-key-of-2020", b"fedcba9876543210"
ERROR = bytes.fromhex("00000003") + TRANSACTION


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A tracker whose keys are KEY, and OLD that has expired."""
    path = tmp_path / "keys"
    path.write_bytes(KEY + b"\n" + OLD + b" 2020-01-01\n")
    tracker = Live(Settings(sections=sections(KeySettings(path))))
    yield tracker
    tracker.close()


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Live]:
    """The same as `opentracker.debug`, which logs refused requests."""
    (tmp_path / "keys").write_bytes(KEY + b"\n")
    tracker = Live(Settings(sections=sections(KeySettings(tmp_path / "keys"))), make=DebugServer)
    yield tracker
    tracker.close()


def options(url_data: bytes) -> bytes:
    """BEP 41's URL data, in pieces of at most 255 bytes."""
    pieces = [url_data[at : at + 255] for at in range(0, len(url_data), 255)]
    return b"".join(bytes([2, len(piece)]) + piece for piece in pieces) + b"\0"


def keyed(client: UdpClient, url_data: bytes, event: int = 2) -> bytes:
    """The answer to an announce with URL data."""
    return client.ask(announce_packet(client.connect(), event=event) + options(url_data))


QUERY = peer_query(6881)
GOOD = [
    b"/" + KEY + b"/announce?" + QUERY,
    b"/announce/" + KEY + b"?" + QUERY,
    b"/announce.php/" + KEY + b"?" + QUERY,
    b"/announce?passkey=" + KEY + b"&" + QUERY,
    b"/announce?" + QUERY + b"&passkey=" + KEY,
    b"/%30" + KEY[1:] + b"/announce?" + QUERY,
    b"//" + KEY + b"/announce?" + QUERY,
]
BAD = [
    (b"/announce?" + QUERY, NO_KEY),
    (b"/announce?key=" + KEY + b"&" + QUERY, NO_KEY),
    (b"/announce/" + OTHER + b"?" + QUERY, UNKNOWN_KEY),
    (b"/" + OTHER + b"/announce?passkey=" + KEY + b"&" + QUERY, UNKNOWN_KEY),
    (b"/" + OLD + b"/announce?" + QUERY, EXPIRED_KEY),
    (b"/announce?" + QUERY + STOP, NO_KEY),
    (b"/a?" + QUERY, NO_KEY),
    (b"/scrape?" + scrape_query([HASH_A]), NO_KEY),
    (b"/" + OTHER + b"/scrape?" + scrape_query([HASH_A]), UNKNOWN_KEY),
]


@pytest.mark.parametrize("target", GOOD)
def test_k01_k02_k03_an_announce_with_a_key(live: Live, target: bytes) -> None:
    answer = live.ask(live.listen_tcp(), get(target))
    assert is_like(answer.body, announced(0, 0, 1, []))


@pytest.mark.parametrize(("target", "reason"), BAD)
def test_k07_an_announce_or_scrape_without_a_valid_key(live: Live, target: bytes, reason: bytes) -> None:
    to = live.listen_tcp()
    answer = live.ask(to, get(target))
    assert answer.status == 200
    assert is_like(answer.body, failure_body(reason))  # with an interval of half an hour
    assert live.server.tracker.store.totals.torrents == 0
    assert live.counters.value("tcp_failures") == 1
    kind = {NO_KEY: "missing", UNKNOWN_KEY: "unknown", EXPIRED_KEY: "expired"}[reason]
    assert live.counters.value(f"refused_key_{kind}") == 1


@pytest.mark.parametrize("form", [b"/%b/scrape?", b"/scrape/%b?", b"/scrape?passkey=%b&"])
def test_k01_k02_k03_a_scrape_with_a_key(live: Live, form: bytes) -> None:
    to = live.listen_tcp()
    live.ask(to, get(GOOD[0]))
    answer = live.ask(to, get(form % KEY + scrape_query([HASH_A])))
    assert answer.body == scrape_body({HASH_A: (0, 0, 1)})


@pytest.mark.needs("WANT_FULLSCRAPE")
def test_k12_a_full_scrape_needs_a_key_and_other_pages_need_none(live: Live) -> None:
    to = live.listen_tcp()
    assert is_like(live.ask(to, get(b"/scrape")).body, failure_body(NO_KEY))
    assert b"failure" not in live.ask(to, get(b"/" + KEY + b"/scrape")).body
    assert b"failure" not in live.ask(to, get(b"/health")).body
    assert live.ask(to, get(b"/" + KEY + b"/health")).status == 404


@pytest.mark.parametrize(
    "url_data",
    [
        b"/" + KEY + b"/announce",
        b"/announce/" + KEY,
        b"/announce?passkey=" + KEY,
        b"/announce?a=" + b"b" * 300 + b"&passkey=" + KEY,
    ],
)
def test_k04_an_announce_over_udp_with_a_key(live: Live, url_data: bytes) -> None:
    answer = keyed(live.udp(live.listen_udp()), url_data)
    assert answer[:4] == bytes.fromhex("00000001")
    assert live.counters.value("udp_announces") == 1


@pytest.mark.parametrize(
    ("url_data", "reason"),
    [
        (b"", NO_KEY),
        (b"/announce", NO_KEY),
        (b"/%zz/announce", NO_KEY),
        (b"/announce/" + OTHER, UNKNOWN_KEY),
        (b"/announce/" + OLD, EXPIRED_KEY),
    ],
)
@pytest.mark.parametrize("event", [2, 3])
def test_k07_an_announce_over_udp_without_a_valid_key(
    live: Live, url_data: bytes, reason: bytes, event: int
) -> None:
    assert keyed(live.udp(live.listen_udp()), url_data, event) == ERROR + reason
    assert live.server.tracker.store.totals.torrents == 0
    assert live.counters.value("udp_failures") == 1
    assert live.counters.value("udp_announces") == 0


def test_k04_a_scrape_over_udp_has_no_room_for_a_key(live: Live) -> None:
    client = live.udp(live.listen_udp())
    assert client.ask(scrape_packet(client.connect(), HASH_A)) == ERROR + NO_KEY
    assert live.counters.value("udp_scrapes") == 0


def test_without_a_file_no_request_needs_a_key() -> None:
    live = Live()
    assert is_like(live.ask(live.listen_tcp(), get(b"/announce?" + QUERY)).body, announced(0, 0, 1, []))
    live.close()


def test_k10_a_reload_reads_the_keys_again(live: Live, tmp_path: Path) -> None:
    to = live.listen_tcp()
    (tmp_path / "keys").write_bytes(OTHER + b"\n")
    live.server.part(KeyReloader).reload(tmp_path / "keys")
    live.until(lambda: not live.work, "the reload")
    assert is_like(live.ask(to, get(GOOD[0])).body, failure_body(UNKNOWN_KEY))
    assert is_like(live.ask(to, get(GOOD[0].replace(KEY, OTHER))).body, announced(0, 0, 1, []))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    feature = KeysFeature(Settings(sections=sections(KeySettings(tmp_path / "missing"))))
    for attempt in (feature.load, feature.try_load):
        with pytest.raises(UsageError, match=f"cannot read the keys {tmp_path}/missing: No such file"):
            attempt()
    assert list(feature.plan()) == [f"would load the keys from {tmp_path}/missing"]
    assert (FILE.inside, FILE.writes) == (True, False)


def test_k08_no_key_is_in_the_log_of_refused_requests(
    telling: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "opentracker")
    live = telling
    web, client = live.listen_tcp(), live.udp(live.listen_udp())
    for target in (
        b"/announce/" + OTHER + b"?" + QUERY,
        b"/announce?passkey=" + OTHER + b"&" + QUERY,
        b"/" + KEY + b"/announce?port=1",
        b"/" + KEY + b"/nothing",
        b"/" + KEY + b"/announce?pass%6bey=" + OTHER + b"&info_hash=%zz",
        b"/%" + KEY + b"/announce",
    ):
        live.ask(web, get(target))
    live.ask(web, b"PUT /announce/" + KEY + b" HTTP/1.1\r\nReferer: /" + KEY + b"/announce\r\n\r\n")
    keyed(client, b"/announce/" + OTHER)
    client.is_silent_about(announce_packet(bytes(8))[:60] + options(b"/announce/" + OTHER))
    assert caplog.text.count("refused") >= 8
    for key in (KEY, OTHER):
        assert key.decode() not in caplog.text


@pytest.mark.needs("WANT_FULLLOG_NETWORKS")
def test_k08_no_key_is_in_the_log_of_whole_requests(live: Live) -> None:
    from opentracker.features.statistics.full_log import FullLog  # noqa: PLC0415 - absent in other builds
    from opentracker.features.statistics.page import Statistics  # noqa: PLC0415

    log = FullLog(live.server.part(Statistics))
    log.networks.bless(bytes(4), 0, 1)
    log.networks.bless(bytes(16), 0, 1)
    live.server.http_answers.watchers.append(log.requested)
    to = live.listen_tcp()
    for target in GOOD:
        live.ask(to, get(target))
    assert len(log.entries) == len(GOOD)
    assert not [entry for entry in log.entries if KEY[1:] in entry]
