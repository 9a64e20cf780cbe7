"""The door of a process: datagrams and new connections wait, and connections end in order."""

import pytest

from opentracker._features import WANT_KEEPALIVE
from opentracker.server.upgrade.door import MOMENT, Door
from tests.protocol.http_cases import get
from tests.server.live import Live, connect_packet


def test_datagrams_and_connections_wait_until_it_is_open_again() -> None:
    live = Live()
    udp, tcp = live.udp(live.listen_udp()), live.listen_tcp()
    door = Door(live.server)
    door.shut()
    udp.send(connect_packet())
    client = live.tcp(tcp)
    client.send(get(b"/scrape?info_hash=" + b"A" * 20))
    live.settle()
    assert live.counters.udp_datagrams == 0
    assert live.counters.tcp_connections == 0
    assert door.is_quiet()
    assert door.is_empty()
    door.open()
    assert len(udp.receive()) == 16
    assert client.read_answer().status == 200
    live.close()


@pytest.mark.skipif(not WANT_KEEPALIVE, reason="needs a build with WANT_KEEPALIVE=1")
def test_an_idle_connection_is_closed() -> None:
    live = Live()
    to = live.listen_tcp()
    client = live.tcp(to)
    client.send(get(b"/scrape?info_hash=" + b"A" * 20).replace(b"HTTP/1.0", b"HTTP/1.1"))
    assert client.read_answer().headers["Connection"] == "keep-alive"
    door = Door(live.server)
    live.settle()
    door.shut()
    client.read_to_end()
    assert door.is_empty()
    live.close()


def test_a_request_that_has_begun_is_answered_and_is_the_last() -> None:
    live = Live()
    client = live.tcp(live.listen_tcp())
    request = get(b"/scrape?info_hash=" + b"A" * 20).replace(b"HTTP/1.0", b"HTTP/1.1")
    client.send(request[:9])
    live.until(lambda: live.counters.tcp_received == 9, "the begin of a request")
    door = Door(live.server)
    door.shut()
    assert not door.is_quiet()
    client.send(request[9:])
    answer = client.read_answer()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert door.is_quiet()
    live.until(door.is_empty, "the end of the connection")
    live.close()


def test_a_request_that_does_not_end_is_waited_for_a_moment() -> None:
    live = Live()
    client = live.tcp(live.listen_tcp())
    client.send(get(b"/scrape?info_hash=" + b"A" * 20)[:9])
    live.until(lambda: live.counters.tcp_received == 9, "the begin of a request")
    door = Door(live.server)
    door.shut()
    assert not door.is_quiet()
    live.advance(MOMENT)
    assert door.is_quiet()
    client.read_to_end()
    live.close()


def test_a_listener_that_waits_for_slots_stays_shut() -> None:
    """One that has run out of descriptors, too: neither is resumed by a timer."""
    live = Live()
    to = live.listen_tcp()
    (listener,) = live.server.listeners
    listener.pause(live.server.now.seconds + 1.0)
    door = Door(live.server)
    door.shut()
    client = live.tcp(to)
    client.send(get(b"/scrape?info_hash=" + b"A" * 20))
    live.advance(100.0)
    assert live.counters.tcp_connections == 0
    door.open()
    assert client.read_answer().status == 200
    live.close()
