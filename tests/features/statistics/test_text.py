"""The text of each mode, from a tracker with known content."""

from collections.abc import Iterator

import pytest

from opentracker._features import OT_PEER_TIMEOUT, WANT_V6
from opentracker.features.statistics.page import Statistics
from opentracker.features.statistics.text import block, first_address
from opentracker.swarm.counting.network_count import SIZES, SIZES4, SIZES6
from tests.features.stats import blessed, live_with, stats, text
from tests.protocol.http_cases import HASH_A, announce, get, scrape
from tests.server.live import HOME, Endpoint, Live, announce_packet, scrape_packet
from tests.server.marks import needs_both

Asked = tuple[Live, Endpoint]


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


OF_FEATURES = {"full_scrapes": 73, "full_scrape_bytes": 73_000_000, "sync_peers_received": 555}


def counters_set(live: Live) -> None:
    """Counters that tell each other apart; the uptime is 7300 seconds."""
    counters = live.counters
    counters.tcp_connections = 100_000
    counters.tcp_announces = 50_000
    counters.tcp_scrapes = 9000
    counters.udp_datagrams = 2_000_000
    counters.udp_connects = 600_000
    counters.udp_announces = 900_000
    counters.udp_scrapes = 8000
    counters.completed = 4321
    for row in counters.rows:
        if row.name in OF_FEATURES:
            counters.count_of(row).value = OF_FEATURES[row.name]
    live.server.loop.timers.clear()  # nothing is cleaned: the torrents are older than two hours then
    for _ in range(2):
        live.advance(3600)  # no standstill, after which they would go at once


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("conn", "2100001\n1550000\n{}opentracker connections, 287 conns/s :: 212 success/s."),
        ("tcp4", "100001\n50000\n{}opentracker tcp4 stats, 13 conns/s :: 6 success/s."),
        ("udp4", "2000000\n1500000\n{}opentracker udp4 stats, 273 conns/s :: 205 success/s."),
        ("scrp", "9000\n8000\n{}opentracker scrape stats, 2 scrape/s (tcp and udp)"),
        pytest.param(
            "fscr",
            "73000\n73000000\n{}opentracker full scrape stats, 10 conns/s :: 10000 bytes/s.",
            marks=pytest.mark.needs("WANT_FULLSCRAPE"),
        ),
        pytest.param(
            "syncs",
            "555\n0\n{}opentracker connections, 287 conns/s :: 212 success/s.",
            marks=pytest.mark.needs("WANT_SYNC_LIVE"),
        ),
        ("completed", "4321\n0\n{}opentracker, 2160 completed/h."),
        ("peer", "15\n4\nopentracker serving 11 torrents\nopentracker"),
        ("torr", "11\n0\nopentracker serving 11 torrents\nopentracker"),
    ],
)
def test_t05_modes_for_mrtg(asked: Asked, mode: str, expected: str) -> None:
    live, to = asked
    counters_set(live)
    shown = text(live, to, f"mode={mode}")
    assert shown == expected.format("7300 seconds (2 hours)\n")
    assert shown.count("\n") == 3


@pytest.mark.parametrize("mode", ["conn", "completed"])
def test_rates_of_a_tracker_that_has_just_started(mode: str) -> None:
    live, to = live_with()
    live.server.now.start = live.clock.seconds
    live.iterate()
    live.counters.completed = 3
    live.counters.tcp_connections = 6
    caption = {
        "conn": "opentracker connections, 7 conns/s :: 0 success/s.",
        "completed": "opentracker, 3 completed/h.",
    }
    assert text(live, to, f"mode={mode}").endswith(f"\n0 seconds (0 hours)\n{caption[mode]}")
    live.close()


def test_top10_and_top100(asked: Asked) -> None:
    live, to = asked
    others = [f"\t1\t{number:02X}".ljust(5) for number in range(2, 12)]
    lines = {number: f"\t1\t{f'{number:02X}' * 20}\n" for number in range(2, 12)}
    assert len(others) == len(lines)
    first = "01" * 20
    for size in (10, 100):
        assert text(live, to, f"mode=top{size}") == (
            f"Top {size} torrents by peers:\n\t5\t{first}\n" + "".join(list(lines.values())[: size - 1])
            + f"Top {size} torrents by seeds:\n\t3\t{first}\n" + lines[2]
            + f"Top {size} torrents by leechers:\n\t2\t{first}\n" + "".join(list(lines.values())[1:])
        )  # fmt: skip


def test_t10_s24s(asked: Asked) -> None:
    live, to = asked
    if WANT_V6:
        expected = (
            "Networks, limit /48:\n00000015: 2001:db8::\n\nNetworks, limit /32:\n00000015: 2001:db8::\n\n"
        )
    else:
        expected = "Networks, limit /24:\n00000015: 10.0.0.0\n\nNetworks, limit /16:\n00000015: 10.0.0.0\n\n"
        if SIZES6:
            expected += "Networks, limit /48:\n\nNetworks, limit /32:\n\n"
    assert text(live, to, "mode=s24s") == expected


def test_networks_are_told_by_their_first_address() -> None:
    shown = [
        first_address(network)
        for network in (b"\x7f\0\0", b"\x7f\0", bytes.fromhex("20010db80001"), b"\x20\x01\x0d\xb8")
    ]
    assert shown == ["127.0.0.0", "127.0.0.0", "2001:db8:1::", "2001:db8::"]
    assert block("/24", [(12, b"\x0a\1\2"), (3, b"\x0a\1\3")]) == (
        "Networks, limit /24:\n00000012: 10.1.2.0\n00000003: 10.1.3.0\n\n"
    )
    assert {len(bytes(size)) for size in SIZES4 + SIZES6} <= {2, 3, 4, 6}


@needs_both
def test_networks_of_both_families(asked: Asked) -> None:
    live, to = asked
    six = live.listen_tcp("::1")
    live.ask(six, announce(7000))
    assert "Networks, limit /48:\n00000001: ::\n\nNetworks, limit /32:\n00000001: ::\n\n" in text(
        live, to, "mode=s24s"
    )


def test_t08_each_error_once_and_by_its_name() -> None:
    live, to = live_with(None, blessed(stats_path="stats"))
    live.server.http_answers.redirect_url = b"http://example.org/"
    live.server.http_answers.counters.count_status(402, was_parsed=True)
    live.server.http_answers.counters.count_status(403, was_parsed=True)
    live.server.http_answers.counters.count_status(503, was_parsed=True)
    for request in (
        get(b"/favicon.ico"),
        get(b"/"),
        get(b"/stats?mode=bogus"),
        b"BOGUS\r\n\r\n",
        b"POST /announce HTTP/1.1\r\n\r\n",
        get(b"/announce?compact=0"),  # a failure, which is a 200
    ):
        live.ask(to, request)
    assert text(live, to, "mode=herr") == (
        "302 RED 1\n400 ... 1\n400 PAR 1\n400 COM 0\n403 IP  1\n404 INV 1\n500 SRV 0\n"
        "402 MOD 1\n405 MET 1\n414 URI 0\n431 HED 0\n503 BSY 1\n"
    )
    live.close()


def test_renew(asked: Asked) -> None:
    live, to = asked
    live.server.tracker.renewals[0] = 4
    live.server.tracker.renewals[30] = 12345
    lines = [f"{age:02d} 0" for age in range(OT_PEER_TIMEOUT)]
    lines[0], lines[30] = "00 4", "30 12345"
    assert text(live, to, "mode=renew") == "\n".join(lines) + "\n"


def test_a_renewal_is_found_at_its_minute(asked: Asked) -> None:
    live, to = asked
    live.ask(to, announce(7000))
    live.advance(7 * 60)
    live.ask(to, announce(7000))
    assert "\n07 1\n" in text(live, to, "mode=renew")


def test_version(asked: Asked) -> None:
    live, to = asked
    shown = text(live, to, "mode=version")
    assert shown.startswith("opentracker 0.")
    assert shown.endswith(")\n")
    assert shown.count("\n") == 1


@pytest.mark.needs("WANT_LOG_NUMWANT")
def test_numwants(asked: Asked) -> None:
    live, to = asked
    for numwant in (b"0", b"7", b"7", b"100000", b"-1"):
        live.ask(to, announce(7000, more=b"&numwant=" + numwant))
    client = live.udp(live.listen_udp())
    client.ask(announce_packet(client.connect(), num_want=7))
    lines = text(live, to, "mode=numwants").splitlines()
    assert len(lines) == 201
    counted = {"000": 1, "007": 3, "050": 1, "200": 1}
    assert lines == [f"{number:03d} => {counted.get(f'{number:03d}', 0)}" for number in range(201)]


def test_t11_what_datagrams_count_as(asked: Asked) -> None:
    live, to = asked
    client = live.udp(live.listen_udp(HOME))
    connection_id = client.connect()
    client.ask(announce_packet(connection_id))
    client.ask(announce_packet(bytes(8)))
    client.ask(scrape_packet(connection_id, HASH_A, b"B" * 20, HASH_A))
    live.ask(to, scrape(HASH_A))
    counters = live.counters
    assert (counters.udp_announces, counters.udp_mismatches, counters.udp_scrapes) == (1, 1, 1)
    assert text(live, to, "mode=udp4").startswith("4\n2\n")
    assert text(live, to, "mode=scrp").startswith("1\n1\n")


def test_text_is_plain(asked: Asked) -> None:
    live, to = asked
    for mode in live.server.part(Statistics).renderings[""]:
        answer = stats(live, to, f"mode={mode}")
        assert answer.status == 200
        if mode not in ("html", "prometheus"):
            assert answer.headers["Content-Type"] == "text/plain"


@pytest.mark.needs("WANT_LOG_NETWORKS")
def test_busy(asked: Asked) -> None:
    live, to = asked
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    client.ask(announce_packet(connection_id))  # no connection
    live.ask(to, announce(7000))
    shown = text(live, to, "mode=busy")
    caption = " and ".join(f"/{8 * size}" for size in SIZES)
    assert shown == f"Networks, limit {caption}:\n00000003: {'::' if WANT_V6 else '127.0.0.0'}\n\n"
