from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentracker._features import OT_MAX_REQUEST
from opentracker.config.settings import Settings
from opentracker.swarm.counting.core_metrics import COUNTERS, OF_HTTP, OF_LIMITS, OF_UDP
from opentracker.swarm.counting.counters import ATTRIBUTES, Counters
from opentracker.swarm.counting.metric import SYNC, TRAFFIC, Family, Metric
from opentracker.swarm.policy.permissions import MAY_STAT
from opentracker.swarm.surveys.snapshot import StatsSnapshot
from tests.protocol.http_cases import HASH_A, HASH_B, announce, get, scrape
from tests.server.live import HOME, Live, announce_packet, connect_packet, packed, scrape_packet

BYTES = {"tcp_received", "tcp_sent", "udp_received", "udp_sent"}
REQUESTS = {row.name for row in Counters().rows if row.part_of == OF_HTTP} | {"full_scrapes"}
DATAGRAMS = {row.name for row in Counters().rows if row.part_of == OF_UDP}


def test_every_counter_begins_at_zero() -> None:
    counters = Counters()
    names = [row.name for row in counters.rows]
    assert counters.values() == dict.fromkeys(names, 0)
    assert len(set(names)) == len(names)


def test_every_attribute_has_its_row() -> None:
    """A row whose name is misspelled would read nothing, an attribute without a row would be in no statistic."""
    counters = Counters()
    counters.bring(OF_LIMITS)
    counted = [name for name in ATTRIBUTES if isinstance(getattr(counters, name), int)]
    assert sorted(counted) == sorted(row.name for row in COUNTERS + OF_LIMITS)
    for number, row in enumerate(COUNTERS + OF_LIMITS):
        setattr(counters, row.name, number)
        assert counters.value(row.name) == number


def row(name: str) -> Metric:
    return Metric(name, Family(f"{name}_total", "A feature's."), "", "A feature's", TRAFFIC)


def test_a_feature_brings_rows() -> None:
    counters = Counters()
    before = len(counters.rows)
    first, second = row("first"), row("second")
    counters.bring((first, second))
    count = counters.count_of(first)
    count.value += 5
    counters.bring((first, second))  # as a second reader of the same table may
    counters.count_of(first).value += 1
    assert [each.name for each in counters.rows[before:]] == ["first", "second"]
    assert (counters.value("first"), counters.value("second")) == (6, 0)


def test_counters_of_absent_features_are_not_there() -> None:
    assert "refused_peers" not in Counters().values()
    assert "sync_lost" not in Counters().values()


def test_rows_of_several_workers_are_summed() -> None:
    """Each counts by itself; their snapshots become one."""
    parts = []
    for worker in (1, 1 << 40):
        counters = Counters()
        own = counters.count_of(row("own"))
        for number, name in enumerate(ATTRIBUTES):
            setattr(counters, name, number * worker)
        own.value = worker
        counters.count_status(404)
        part = StatsSnapshot("opentracker 1", 1, 1, counters.rows)
        part.counters = counters.values()
        parts.append(part)
    one, two = parts
    one.merge(two)
    for number, name in enumerate(ATTRIBUTES):
        if name in one.counters:
            assert one.counters[name] == number + number * 2**40
    assert one.count("own", "http_404") == 1 + 2**40 + 2


@pytest.mark.parametrize("status", [302, 402, 403, 404, 405, 414, 431, 500, 503])
def test_an_error_counts_by_its_status(status: int) -> None:
    counters = Counters()
    counters.count_status(status)
    assert {name: value for name, value in counters.values().items() if value} == {f"http_{status}": 1}


def test_of_400_it_counts_whether_there_was_a_request() -> None:
    counters = Counters()
    counters.count_status(400, was_parsed=False)
    assert (counters.value("http_400_parse"), counters.value("http_400_parameter")) == (1, 0)
    counters.count_status(400)
    assert (counters.value("http_400_parse"), counters.value("http_400_parameter")) == (1, 1)


# Request -> the counter that it raises, as the only one of its group.
HTTP = {
    "announce": (announce(7000), "tcp_announces"),
    "stopped": (announce(7000, more=b"&event=stopped"), "tcp_announces"),
    "portless": (announce(0), "tcp_announces"),
    "head": (
        announce(7000).replace(b"GET", b"HEAD"),
        "tcp_announces",
    ),  # answered as one, though nothing is stored
    "failure": (get(b"/announce?info_hash=short"), "tcp_failures"),
    "head of a failure": (get(b"/announce").replace(b"GET", b"HEAD"), "tcp_failures"),
    "scrape": (scrape(HASH_A), "tcp_scrapes"),
    "bad scrape": (get(b"/scrape?x=1"), "tcp_failures"),
    "statistic": (get(b"/stats?mode=conn"), "tcp_statistics"),
    "walk": (get(b"/stats?mode=everything"), "tcp_statistics"),
    "head of a statistic": (get(b"/stats").replace(b"GET", b"HEAD"), "tcp_statistics"),
    "unknown mode": (get(b"/stats?mode=bogus"), "http_400_parameter"),
    "redirect": (get(b"/"), "http_302"),
    "nothing": (get(b"/nothing"), "http_404"),
    "garbage": (b"garbage\r\n\r\n", "http_400_parse"),
    "body": (get(b"/announce", b"Content-Length: 5\r\n"), "http_400_parse"),
    "method": (b"POST / HTTP/1.1\r\n\r\n", "http_405"),
    "long line": (b"GET /" + b"x" * OT_MAX_REQUEST, "http_414"),
    "long head": (b"GET / HTTP/1.1\r\nX: " + b"x" * OT_MAX_REQUEST, "http_431"),
}
UDP = {
    "connect": "udp_connects",
    "UDP announce": "udp_announces",
    "UDP scrape": "udp_scrapes",
    "bad id": "udp_mismatches",
    "bad id, silent": "udp_mismatches",
    "short": "udp_invalid",
    "unknown action": "udp_invalid",
}


def datagram(kind: str, connection_id: bytes) -> bytes:
    return {
        "connect": connect_packet(),
        "UDP announce": announce_packet(connection_id),
        "UDP scrape": scrape_packet(connection_id, HASH_A, HASH_B),
        "bad id": announce_packet(bytes(8)),
        "bad id, silent": scrape_packet(bytes(8)),
        "short": b"short",
        "unknown action": connection_id + b"\0\0\0\x09" + bytes(8),
    }[kind]


@settings(max_examples=40)
@given(
    asked=st.lists(st.sampled_from([*HTTP, *UDP]), max_size=25),
    fast=st.booleans(),
)
def test_every_request_is_counted_once(asked: list[str], fast: bool) -> None:
    mine = Settings(redirect_url="http://example.org/")
    mine.permissions.bless(packed(HOME), 8 * len(packed(HOME)), MAY_STAT)
    live = Live(mine, fast=fast)
    try:
        web, udp = live.listen_tcp(), live.udp(live.listen_udp())
        connection_id = udp.connect()
        wanted = Counter({"udp_connects": 1, "udp_datagrams": 1})
        for name in asked:
            if name in UDP:
                udp.send(datagram(name, connection_id))
                wanted.update([UDP[name], "udp_datagrams"])
                live.until(lambda: live.counters.udp_datagrams == wanted["udp_datagrams"], "a datagram")
            else:
                request, counter = HTTP[name]
                live.ask(web, request)
                wanted.update([counter, "tcp_connections"])
        found = live.counters.values()
        aside = {row.name for row in live.counters.rows if row.group == SYNC} | BYTES
        told = {name: count for name, count in found.items() if count and name not in aside}
        assert told == dict(wanted)
        assert sum(found.get(name, 0) for name in REQUESTS) == found["tcp_connections"]
        assert sum(found[name] for name in DATAGRAMS) == found["udp_datagrams"]
    finally:
        live.close()
