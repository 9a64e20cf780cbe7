"""`mode=everything`: well-formed, the C tracker's element names, and the right numbers in them."""

from xml.etree import ElementTree

from opentracker._features import OT_PEER_TIMEOUT
from opentracker.features.statistics.everything import everything
from opentracker.swarm.surveys.census import Census
from opentracker.swarm.surveys.snapshot import CENSUS, StatsSnapshot
from tests.features.stats import live_with, stats
from tests.server.live import SECRET
from tests.swarm.crowd import done, known

NUMBERS = {
    "tracker_id": 4_000_000_000,
    "uptime": 77,
    "torrents/count_mutex": 11,
    "torrents/count_iterator": 11,
    "peers/count": 15,
    "seeds/count": 4,
    "completed/count": 1,
    "connections/tcp/accept": 2,
    "connections/tcp/announce": 3,
    "connections/tcp/scrape": 4,
    "connections/udp/overall": 5,
    "connections/udp/connect": 6,
    "connections/udp/announce": 7,
    "connections/udp/scrape": 8,
    "connections/udp/missmatch": 9,
    "connections/livesync/count": 10,
    "debug/mutex_stall/count": 0,
}
CODES = {
    "302 Redirect": 11,
    "400 Parse Error": 12,
    "400 Invalid Parameter": 13,
    "400 Invalid Parameter (compact=0)": 0,
    "400 Not Modest": 0,
    "402 Payment Required": 14,
    "403 Access Denied": 15,
    "404 Not found": 16,
    "500 Internal Server Error": 17,
    "405 Method Not Allowed": 18,
    "414 URI Too Long": 19,
    "431 Request Header Fields Too Large": 20,
    "503 Service Unavailable": 21,
}
COUNTERS = [
    "completed",
    "tcp_connections",
    "tcp_announces",
    "tcp_scrapes",
    "udp_datagrams",
    "udp_connects",
    "udp_announces",
    "udp_scrapes",
    "udp_mismatches",
    "sync_peers_received",
    "http_302",
    "http_400_parse",
    "http_400_parameter",
    "http_402",
    "http_403",
    "http_404",
    "http_500",
    "http_405",
    "http_414",
    "http_431",
    "http_503",
]


def test_t04_every_element() -> None:
    snapshot = StatsSnapshot("opentracker <0.1> & more", 4_000_000_000, 77)
    snapshot.surveys[CENSUS] = done(Census(known()))
    snapshot.renewals = list(range(256))
    snapshot.counters.update({name: number for number, name in enumerate(COUNTERS, 1)})
    document = everything(snapshot)
    assert document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<stats>\n')
    assert document.endswith(b"</stats>")
    root = ElementTree.fromstring(document)
    assert root.tag == "stats"
    for path, number in NUMBERS.items():
        assert [each.text for each in root.findall(path)] == [str(number)], path
    assert root.findtext("version") == "opentracker <0.1> & more"
    errors = {each.get("code"): each.text for each in root.findall("debug/http_error/count")}
    assert errors == {code: str(number) for code, number in CODES.items()}
    renewals = [(each.get("interval"), each.text) for each in root.findall("debug/renew/count")]
    assert renewals == [(f"{age:02d}", str(age)) for age in range(OT_PEER_TIMEOUT)]
    assert [child.tag for child in root] == (
        ["tracker_id", "version", "uptime", "torrents", "peers", "seeds", "completed", "connections", "debug"]
    )


def test_t04_nothing_of_the_secret_is_told() -> None:
    live, to = live_with()
    body = stats(live, to, "mode=everything").body
    live.close()
    tracker_id = ElementTree.fromstring(body).findtext("tracker_id")
    assert tracker_id == str(live.server.tracker_id)
    assert not [at for at in range(0, 32, 4) if str(int.from_bytes(SECRET[at : at + 4], "big")) == tracker_id]
    assert not [
        at for at in range(0, 32, 4) if str(int.from_bytes(SECRET[at : at + 4], "little")) == tracker_id
    ]
    assert SECRET[:8].hex().encode() not in body.lower()
