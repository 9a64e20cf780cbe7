"""Newcomers by client: the counts of a tracker."""

import json

from opentracker._features import WANT_STATS_JSON
from opentracker.protocol.peer_ids import OTHERS, name_of
from tests.features.stats import live_with, stats, text
from tests.protocol.http_cases import announce
from tests.server.live import PEER_ID, announce_packet


def announced(port: int, peer_id: bytes, more: bytes = b"") -> bytes:
    return announce(port, more=b"&peer_id=" + peer_id + more)


def test_newcomers_are_counted_once_and_by_both_protocols() -> None:
    live, to = live_with()
    for _ in range(2):
        live.ask(to, announced(7000, b"-qB4650-abcdefghijkl"))
    live.ask(to, announced(7001, b"-qB4650-abcdefghijkl"))
    live.ask(to, announced(7002, b"-TR4050-abcdefghijkl"))
    live.ask(to, announced(7003, b"-TR4050-abcdefghijkl", b"&event=stopped"))
    live.ask(to, announced(0, b"-TR4050-abcdefghijkl"))  # never listed
    client = live.udp(live.listen_udp())
    client.ask(announce_packet(client.connect()))
    assert name_of(PEER_ID) == OTHERS
    assert (
        text(live, to, "mode=clients") == "00000002: qBittorrent\n00000001: Transmission\n00000001: others\n"
    )
    if WANT_STATS_JSON:
        found = json.loads(stats(live, to, "mode=clients&format=json").body)
        assert found["newcomers"] == {"qBittorrent": 2, "Transmission": 1, "others": 1}
    live.close()
