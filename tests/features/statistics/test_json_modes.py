"""`format=json`: every text mode has it, and says the same as the text."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from opentracker._features import OT_PEER_TIMEOUT, WANT_MAX_PEER, WANT_V4_ONLY, WANT_V6
from opentracker.features.statistics.page import Statistics
from tests.features.stats import live_with, stats, text
from tests.protocol.http_cases import announce
from tests.server.live import Endpoint, Live

Asked = tuple[Live, Endpoint]
OWN_FORM = {"html", "prometheus", "tpbs", "statedump"}


@pytest.fixture
def asked() -> Iterator[Asked]:
    live, to = live_with()
    yield live, to
    live.close()


def shape(live: Live, to: Endpoint, mode: str) -> dict[str, Any]:
    answer = stats(live, to, f"mode={mode}&format=json")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    value = json.loads(answer.body)
    assert isinstance(value, dict)
    return value


def test_every_text_mode_has_it(asked: Asked) -> None:
    live, to = asked
    for mode in live.server.part(Statistics).renderings[""]:
        if mode not in OWN_FORM:
            assert shape(live, to, mode)


@pytest.mark.parametrize("mode", sorted(OWN_FORM))
def test_what_has_a_form_of_its_own_has_no_other(asked: Asked, mode: str) -> None:
    live, to = asked
    assert stats(live, to, f"mode={mode}&format=json").status == 400


def test_peers(asked: Asked) -> None:
    live, to = asked
    wanted: dict[str, Any] = {"torrents": 11, "peers": 15, "seeders": 4, "leechers": 11}
    families = {"seeders": 4, "leechers": 11}, {"seeders": 0, "leechers": 0}
    if not WANT_V6:
        wanted["ipv4"] = families[0]
    if not WANT_V4_ONLY:
        wanted["ipv6"] = families[0 if WANT_V6 else 1]
    assert shape(live, to, "peer") == shape(live, to, "torr") == wanted


def test_counters(asked: Asked) -> None:
    live, to = asked
    for port in (7000, 7001):
        live.ask(to, announce(port, 0, b"&event=completed"))
    assert shape(live, to, "completed") == {"uptime": 100, "completed": 2}
    assert shape(live, to, "tcp4")["successes"] == 2
    found = shape(live, to, "conn")
    assert found == {
        "uptime": 100,
        "connections": found["tcp_connections"],
        "successes": 2,
        "connections_per_second": round(found["tcp_connections"] / 100, 3),
        "successes_per_second": 0.02,
        "tcp_connections": live.counters.tcp_connections,
        "udp_datagrams": 0,
    }
    assert shape(live, to, "scrp") == {"uptime": 100, "tcp_scrapes": 0, "udp_scrapes": 0}
    assert shape(live, to, "fscr") == {"uptime": 100, "full_scrapes": 0, "full_scrape_bytes": 0}
    syncs = {name for name in live.counters.values() if name.startswith("sync_")}
    assert set(shape(live, to, "syncs")) == {"uptime", *syncs}


def test_rankings_say_what_the_text_says(asked: Asked) -> None:
    live, to = asked
    found = shape(live, to, "top10")
    assert set(found) == {"peers", "seeders", "leechers"}
    assert found["seeders"] == [{"info_hash": "01" * 20, "count": 3}, {"info_hash": "02" * 20, "count": 1}]
    lines = [f"\t{each['count']}\t{each['info_hash']}" for kind in found.values() for each in kind]
    assert [line for line in text(live, to, "mode=top10").splitlines() if line.startswith("\t")] == lines


def test_networks_say_what_the_text_says(asked: Asked) -> None:
    live, to = asked
    blocks = shape(live, to, "s24s")["blocks"]
    wanted = "2001:db8::/48" if WANT_V6 else "10.0.0.0/24"
    assert blocks[0]["networks"] == [{"network": wanted, "count": 15}]
    assert [block["prefix_length"] for block in blocks] == [
        int(line.removesuffix(":").rpartition("/")[2])
        for line in text(live, to, "mode=s24s").splitlines()
        if line.startswith("Networks")
    ]


def test_everything(asked: Asked) -> None:
    live, to = asked
    found = shape(live, to, "everything")
    assert found["tracker_id"] == live.server.tracker_id
    assert (found["torrents"], found["peers"], found["seeders"]) == (11, 15, 4)
    assert found["counters"].keys() == live.counters.values().keys()
    assert found["counters"]["tcp_statistics"] == 1
    assert len(found["renewals"]) == OT_PEER_TIMEOUT
    assert found["memory"].keys() == ({"counted", "used", "limit"} if WANT_MAX_PEER else set())
    assert shape(live, to, "renew")["renewals"] == found["renewals"]
    assert shape(live, to, "version") == {"version": found["version"]}
    assert shape(live, to, "herr")["http_404"] == 0


@pytest.mark.needs("WANT_LOG_NUMWANT")
def test_numwants(asked: Asked) -> None:
    live, to = asked
    live.ask(to, announce(7000, more=b"&numwant=7"))
    assert shape(live, to, "numwants")["numwants"][7] == 1
