"""A tracker with its sockets, whatever features it has."""

import gc
import socket
import sys

import pytest

from opentracker._features import OT_CONNECTION_ID_EPOCH, OT_PEER_TIMEOUT
from tests.protocol.http_cases import CASES
from tests.server.live import (
    HASH_A,
    HASH_B,
    Endpoint,
    Live,
    TcpClient,
    UdpClient,
    announce_packet,
    packed,
    scrape_packet,
)
from tests.server.marks import needs_ipv4
from tests.swarm.ids import id_for

ANY4, ANY6 = packed("0.0.0.0"), packed("::")


@needs_ipv4
def test_ids_are_renewed_with_the_epoch() -> None:
    live = Live()
    before = id_for(live.server.ids, packed("127.0.0.1"))
    live.advance(OT_CONNECTION_ID_EPOCH - 1)
    assert id_for(live.server.ids, packed("127.0.0.1")) == before
    live.advance(1)
    assert id_for(live.server.ids, packed("127.0.0.1")) != before
    live.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone counts a socket's drops")
def test_datagrams_that_the_kernel_dropped_are_counted() -> None:
    live = Live()
    try:
        to = live.listen_udp()
        sock = live.server.sockets[0]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.socket(sock.family, socket.SOCK_DGRAM) as client:
            for _ in range(200):
                client.sendto(bytes(100), to)
        live.until(lambda: live.counters.udp_datagrams > 0, "what fitted into the buffer")
        live.settle()
        words = live.server.losses_in_words()
        assert live.counters.udp_dropped > 0
        assert live.counters.udp_dropped + live.counters.udp_datagrams == 200
        assert f"dropped {live.counters.udp_dropped} datagrams" in words
        assert any("receive buffers" in line for line in live.server.sockets_in_words())
    finally:
        live.close()


def traffic(live: Live, web: Endpoint, udp: Endpoint) -> None:
    """Whole, broken and broken-off requests, announces until swarms are large, and their expiry."""
    for case in CASES:
        for rude in (False, True):
            client = TcpClient(live, web)
            client.send(case.request[:50])
            live.settle()
            if rude:
                client.reset()
                live.settle()
                continue
            client.send(case.request[50:])
            client.finish()
            live.until(client.has_ended, "the end of a connection")
            client.close()
    asker = UdpClient(live, udp, None)
    connection_id = asker.connect()
    for port in range(1000, 1300):
        asker.ask(announce_packet(connection_id, port=port))
    asker.ask(announce_packet(bytes(8)))
    asker.ask(scrape_packet(connection_id, HASH_A, HASH_B))
    asker.close()
    live.advance(OT_PEER_TIMEOUT * 60)
    live.clean()


def test_running_makes_no_garbage(live: Live) -> None:
    """The garbage collector is switched off (cli.collect_no_garbage): what is used up has to go without it."""
    web, udp = live.listen_tcp(), live.listen_udp()
    traffic(live, web, udp)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        traffic(live, web, udp)
        assert gc.collect() == 0
    finally:
        gc.enable()
        gc.unfreeze()
