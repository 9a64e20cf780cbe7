from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opentracker._features import OT_MAX_REQUEST
from opentracker.config.settings import Settings
from opentracker.swarm.counting.counters import DATAGRAMS, HTTP_REQUESTS, NAMES, SYNC, Counters
from opentracker.swarm.policy.permissions import MAY_STAT
from tests.protocol.http_cases import HASH_A, HASH_B, announce, get, scrape
from tests.server.live import HOME, Live, announce_packet, connect_packet, packed, scrape_packet


def test_every_counter_begins_at_zero() -> None:
    counters = Counters()
    assert [getattr(counters, name) for name in NAMES] == [0] * len(NAMES)
    assert len(set(NAMES)) == len(NAMES)


def test_rows_can_be_summed() -> None:
    """What several workers counted is one row again; none of them shares anything."""
    first, second, total = Counters(), Counters(), Counters()
    for number, name in enumerate(NAMES):
        setattr(first, name, number)
        setattr(second, name, 2**40)
        setattr(total, name, getattr(first, name) + getattr(second, name))
    assert [getattr(total, name) for name in NAMES] == [number + 2**40 for number in range(len(NAMES))]
    assert [getattr(first, name) for name in NAMES] == list(range(len(NAMES)))


def test_each_name_has_its_group() -> None:
    """What sums to the requests, what to the datagrams, and the rest."""
    counters = Counters()
    assert list(counters.values()) == list(NAMES)
    assert set(counters.values().values()) == {0}


@pytest.mark.parametrize("status", [302, 402, 403, 404, 405, 414, 431, 500, 503])
def test_an_error_counts_by_its_status(status: int) -> None:
    counters = Counters()
    counters.count_error(status, was_parsed=True)
    assert {name: value for name, value in counters.values().items() if value} == {f"http_{status}": 1}


def test_of_400_it_counts_whether_there_was_a_request() -> None:
    counters = Counters()
    counters.count_error(400, was_parsed=False)
    assert (counters.http_400_parse, counters.http_400_parameter) == (1, 0)
    counters.count_error(400, was_parsed=True)
    assert (counters.http_400_parse, counters.http_400_parameter) == (1, 1)


# What is asked -> the counter that goes up, and no other of its group does.
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
        told = {name: count for name, count in found.items() if count and name not in SYNC}
        assert told == dict(wanted)
        assert sum(found[name] for name in HTTP_REQUESTS) == found["tcp_connections"]
        assert sum(found[name] for name in DATAGRAMS) == found["udp_datagrams"]
    finally:
        live.close()
