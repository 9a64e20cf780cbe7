"""Partial seeds (BEP 21) on a real socket: `event=paused` in announces, `downloaders` in scrapes."""

import pytest

from tests.protocol.http_cases import get, peer_query, scrape, scrape_body
from tests.server.live import HASH_A, HASH_B, Live, announce_packet

PAUSED = b"&event=paused"


@pytest.mark.needs("WANT_EXTENDED_ANSWERS")
def test_h56_a_scrape_tells_how_many_leechers_download() -> None:
    live = Live()
    to = live.listen_tcp()

    def downloaders() -> tuple[bytes, ...]:
        body = live.ask(to, scrape(HASH_A)).body
        return tuple(body.split(b"11:downloadersi")[1].split(b"e10:incompletei")[:2])

    live.ask(to, get(b"/announce?" + peer_query(6881)))
    live.ask(to, get(b"/announce?" + peer_query(6882) + PAUSED))
    assert downloaders() == (b"1", b"2eeee")
    live.ask(to, get(b"/announce?" + peer_query(6881) + PAUSED))
    assert downloaders() == (b"0", b"2eeee")
    live.ask(to, get(b"/announce?" + peer_query(6882)))
    assert downloaders() == (b"1", b"2eeee")
    live.ask(to, get(b"/announce?" + peer_query(6881).replace(b"left=1", b"left=0") + PAUSED))
    assert downloaders() == (b"1", b"1eeee"), "a seeder is none, whatever it says"
    assert live.ask(to, scrape(HASH_B)).body == scrape_body({HASH_B: (0, 0, 0)})
    live.close()


@pytest.mark.needs("WANT_EXTENDED_ANSWERS")
def test_h56_libtorrent_says_it_over_udp_as_well() -> None:
    live = Live()
    to = live.listen_tcp()
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    client.ask(announce_packet(connection_id, event=4))
    assert b"11:downloadersi0e10:incompletei1e" in live.ask(to, scrape(HASH_A)).body
    client.ask(announce_packet(connection_id, event=0))
    assert b"11:downloadersi1e10:incompletei1e" in live.ask(to, scrape(HASH_A)).body
    live.close()


@pytest.mark.needs(WANT_EXTENDED_ANSWERS=False)
def test_h56_other_builds_answer_as_ever() -> None:
    live = Live()
    to = live.listen_tcp()
    live.ask(to, get(b"/announce?" + peer_query(6881) + PAUSED))
    assert live.ask(to, scrape(HASH_A)).body == scrape_body({HASH_A: (0, 0, 1)})
    live.close()
