import gc
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from opentracker._features import OT_CONNECTION_ID_EPOCH, OT_PEER_TIMEOUT, WANT_V4_ONLY, WANT_V6
from opentracker.errors import StartError, UsageError
from opentracker.server import wiring
from opentracker.server.libc import has_mmsg
from opentracker.server.settings import Bind, Settings
from opentracker.server.sockets import has_ipv6
from opentracker.server.udp import UdpPlain, UdpRing
from tests.protocol.http_cases import CASES
from tests.server.conftest import DESCRIPTORS, open_descriptors
from tests.server.live import (
    HASH_A,
    HASH_B,
    HOME,
    SECRET,
    SEED,
    SYNC_BINDS,
    Clock,
    Endpoint,
    Live,
    TcpClient,
    UdpClient,
    announce_packet,
    connect_packet,
    endpoint,
    packed,
    scrape_packet,
)
from tests.server.marks import needs_both, needs_ipv4, needs_ipv6

ANY4, ANY6 = packed("0.0.0.0"), packed("::")


def families_here() -> list[bytes]:
    if WANT_V6:
        return [ANY6]
    return [ANY4] if WANT_V4_ONLY or not has_ipv6() else [ANY4, ANY6]


def test_without_ports_tcp_and_udp_6969() -> None:
    binds = wiring.planned_binds(Settings())
    assert binds == [Bind(udp, address, 6969) for udp in (False, True) for address in families_here()]


def test_without_ports_on_the_latest_address() -> None:
    binds = wiring.planned_binds(Settings(last_address=packed(HOME)))
    assert binds == [Bind(False, packed(HOME), 6969), Bind(True, packed(HOME), 6969)]


def test_ports_without_an_address_are_for_every_family() -> None:
    binds = wiring.planned_binds(Settings([Bind(True, None, 7), Bind(False, packed(HOME), 8)]))
    assert binds == [*[Bind(True, address, 7) for address in families_here()], Bind(False, packed(HOME), 8)]


def free_port() -> int:
    """A port at which nobody listens, TCP or UDP, IPv4 or IPv6."""
    for _ in range(50):
        with (
            socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp,
        ):
            for probe in (tcp, udp):
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            tcp.bind(("::", 0))
            try:
                udp.bind(tcp.getsockname()[:2])
            except OSError:
                continue
            return endpoint(tcp)[1]
    return pytest.fail("no port is free")


@needs_both
@pytest.mark.parametrize("udp", [False, True])
def test_an_explicit_ipv6_wildcard_takes_ipv4_too(udp: bool) -> None:
    (sock,) = wiring.open_sockets([Bind(udp, ANY6, 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


@needs_both
@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_unless_the_ipv4_wildcard_is_bound_to_the_port_too(udp: bool, order: int) -> None:
    port = free_port()
    sockets = wiring.open_sockets([Bind(udp, ANY4, port), Bind(udp, ANY6, port)][::order])
    assert {endpoint(sock) for sock in sockets} == {("0.0.0.0", port), ("::", port)}
    for sock in sockets:
        sock.close()


@needs_both
def test_the_ipv4_wildcard_of_another_kind_or_port_does_not_count() -> None:
    first, second = free_port(), free_port()
    binds = [Bind(True, ANY6, first), Bind(False, ANY4, first), Bind(True, ANY4, second)]
    six, *others = wiring.open_sockets(binds)
    assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
    for sock in [six, *others]:
        sock.close()


@needs_ipv6
def test_other_ipv6_sockets_are_for_ipv6_alone() -> None:
    (sock,) = wiring.open_sockets([Bind(True, packed("::1"), 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_ipv6
@pytest.mark.needs("WANT_V6")
def test_the_wildcard_of_an_ipv6_build_is_for_ipv6_alone() -> None:
    (sock,) = wiring.open_sockets([Bind(True, ANY6, 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_all_sockets_or_none() -> None:
    before = open_descriptors()
    (taken,) = wiring.open_sockets([Bind(True, packed(HOME), 0)])
    port = endpoint(taken)[1]
    with taken, pytest.raises(StartError, match=f":{port}: Address already in use"):
        wiring.open_sockets([Bind(False, packed(HOME), 0), Bind(True, packed(HOME), port)])
    assert open_descriptors() == before


def stay(settings: Settings) -> None:
    """In place of `privileges.confine`: these tests have more to do in their process."""


def start(*binds: Bind, confine: Callable[[Settings], None] = stay, **settings: object) -> wiring.Server:
    return wiring.start(Settings(list(binds), sync_binds=SYNC_BINDS, **settings), confine)  # type: ignore[arg-type]


def test_a_tracker_that_is_started_serves_and_closes() -> None:
    before = open_descriptors()
    server = start(Bind(False, packed(HOME), 0), Bind(True, packed(HOME), 0))
    tcp, udp = server.sockets
    with (
        socket.socket(udp.family, socket.SOCK_DGRAM) as client,
        socket.socket(tcp.family, socket.SOCK_STREAM) as web,
    ):
        client.sendto(connect_packet(), endpoint(udp))
        web.connect(endpoint(tcp))
        web.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
        for _ in range(3):
            server.loop.turn(0.0)
        assert len(client.recv(100, socket.MSG_DONTWAIT)) == 16
        assert web.recv(1000, socket.MSG_DONTWAIT).startswith(b"HTTP/1.1 404 ")
    server.close()
    assert open_descriptors() == before


def test_u18_two_trackers_started_together_give_different_ids() -> None:
    first, second = start(Bind(True, packed(HOME), 0)), start(Bind(True, packed(HOME), 0))
    assert first.ids.make(packed(HOME)) != second.ids.make(packed(HOME))
    first.close()
    second.close()


def test_a_start_that_fails_leaves_nothing_open() -> None:
    def refuse(settings: Settings) -> None:
        raise StartError("no")

    before = open_descriptors()
    with pytest.raises(StartError, match="no"):
        wiring.start(Settings([Bind(True, packed(HOME), 0)]), refuse)
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "build",
    [
        pytest.param("black", marks=pytest.mark.needs("WANT_ACCESSLIST_BLACK")),
        pytest.param("white", marks=pytest.mark.needs("WANT_ACCESSLIST_WHITE")),
    ],
)
def test_a05_a_list_that_is_missing_at_the_start(build: str, tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(UsageError, match=f"{tmp_path}/missing: No such file"):
        start(Bind(True, packed(HOME), 0), accesslist=tmp_path / "missing")
    assert open_descriptors() == before


def test_a_process_is_confined_with_its_sockets_open() -> None:
    """Low ports are root's to bind, and nothing that root could do is done later."""
    opened = []

    def count(settings: Settings) -> None:
        opened.append(open_descriptors() - before)

    before = open_descriptors()
    start(Bind(False, packed(HOME), 0), Bind(True, packed(HOME), 0), confine=count).close()
    assert opened >= [2 if DESCRIPTORS.exists() else 0]


def test_each_kind_of_socket_gets_its_server() -> None:
    sockets = wiring.open_sockets([Bind(True, packed(HOME), 0), Bind(False, packed(HOME), 0)])
    server = wiring.Server(Settings(), sockets, SECRET, SEED, Clock())
    handlers = [key.data for key in server.loop.selector.get_map().values()]
    assert [type(handler) for handler in handlers] == [UdpRing if has_mmsg() else UdpPlain, wiring.Listener]
    server.close()


@needs_ipv4
def test_ids_are_renewed_with_the_epoch() -> None:
    live = Live()
    before = live.server.ids.make(packed("127.0.0.1"))
    live.advance(OT_CONNECTION_ID_EPOCH - 1)
    assert live.server.ids.make(packed("127.0.0.1")) == before
    live.advance(1)
    assert live.server.ids.make(packed("127.0.0.1")) != before
    live.close()


def test_checking_reads_and_binds_nothing(tmp_path: Path) -> None:
    before = open_descriptors()
    confined = []
    settings = Settings([Bind(True, packed(HOME), 0)], directory=tmp_path, sync_binds=SYNC_BINDS)
    wiring.check(settings, confined.append)
    assert open_descriptors() == before
    assert confined == [settings]


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
