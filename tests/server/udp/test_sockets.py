"""The UDP cases that take real sockets: addresses, families, sizes, floods, and what comes back from the network."""

import os
import socket
import sys
from pathlib import Path

import pytest
from librt.strings import BytesWriter
from mypy_extensions import i64

from opentracker._features import (
    OT_CLEAN_CYCLE,
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_CONNECTION_ID_EPOCH,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    OT_MAX_SCRAPE_UDP,
    OT_PEER_TIMEOUT,
)
from opentracker.protocol.udp import SCRAPE, action_of
from opentracker.server.loop import READ
from opentracker.server.sockets import open_udp
from opentracker.server.udp.responder import UdpResponder
from opentracker.server.udp.sockets import UdpBatchSocket, UdpSocket
from tests.server.live import (
    HASH_A,
    HASH_B,
    HOME,
    MISMATCH,
    TRANSACTION,
    Live,
    UdpClient,
    announce_packet,
    connect_packet,
    endpoint,
    packed,
    scrape_packet,
)
from tests.server.marks import needs_both, needs_ipv4, needs_ipv6
from tests.server.process import network_of_its_own, run

ANNOUNCED = bytes.fromhex("00000001") + TRANSACTION
SCRAPED = bytes.fromhex("00000002") + TRANSACTION
STRIDE = 18 if ":" in HOME else 6


def counts_of(answer: bytes) -> tuple[int, int]:
    """(leechers, seeders) of an announce answer."""
    assert answer[:8] == ANNOUNCED
    return int.from_bytes(answer[12:16], "big"), int.from_bytes(answer[16:20], "big")


def peers_of(answer: bytes, stride: int = STRIDE) -> list[bytes]:
    assert answer[:8] == ANNOUNCED
    rest = answer[20:]
    assert len(rest) % stride == 0
    return [rest[at : at + stride] for at in range(0, len(rest), stride)]


def scraped(client: UdpClient, info_hash: bytes = HASH_A) -> tuple[int, ...]:
    """(seeders, completed, leechers) as a client sees them."""
    answer = client.ask(scrape_packet(client.connect(), info_hash))
    assert answer[:8] == SCRAPED
    assert len(answer) == 20
    return tuple(int.from_bytes(answer[at : at + 4], "big") for at in (8, 12, 16))


def crowd(client: UdpClient, size: int) -> list[int]:
    """Announce this many leechers, at ports of their own; gives the ports."""
    connection_id = client.connect()
    ports = list(range(10_000, 10_000 + size))
    for port in ports:
        answer = client.ask(announce_packet(connection_id, port=port, num_want=0))
        assert len(answer) == 20
    return ports


def test_u01_connect(live: Live) -> None:
    answer = live.udp(live.listen_udp()).ask(connect_packet())
    assert answer[:8] == bytes(4) + TRANSACTION
    assert len(answer) == 16


def test_u02_u03_u09_silence(live: Live) -> None:
    client = live.udp(live.listen_udp())
    connect = connect_packet()
    assert client.is_silent_about(connect.replace(b"\x80", b"\x81"))
    assert client.is_silent_about(*[connect[:size] for size in (15, 12, 8, 1, 0)])
    for action in (b"\0\0\0\x04", b"\x01\0\0\0", b"\xff\xff\xff\xff"):
        assert client.is_silent_about(connect[:8] + action + TRANSACTION)


@pytest.mark.parametrize("extra", [1, 1456])
def test_u04_connect_with_more_behind_it(live: Live, extra: int) -> None:
    client = live.udp(live.listen_udp())
    assert len(client.ask(connect_packet() + b"x" * extra)) == 16


@needs_ipv4
def test_u05_u14_ids_are_bound_to_the_source_address(live: Live) -> None:
    to = live.listen_udp()
    first, second = live.udp(to, "127.0.0.1"), live.udp(to, "127.0.0.2")
    id_of_first = first.connect()
    assert id_of_first != second.connect()
    assert second.ask(announce_packet(id_of_first)) == MISMATCH
    assert counts_of(first.ask(announce_packet(id_of_first))) == (1, 0)


def test_u06_two_connects_give_ids_that_work(live: Live) -> None:
    client = live.udp(live.listen_udp())
    for connection_id in (client.connect(), client.connect()):
        assert counts_of(client.ask(announce_packet(connection_id))) == (1, 0)


def test_u10_first_peer(live: Live) -> None:
    client = live.udp(live.listen_udp())
    answer = client.ask(announce_packet(client.connect()))
    assert len(answer) == 20
    assert counts_of(answer) == (1, 0)
    assert 300 <= int.from_bytes(answer[8:12], "big") <= 86400


def test_u11_u13_short_or_without_id(live: Live) -> None:
    client = live.udp(live.listen_udp())
    assert client.is_silent_about(announce_packet(client.connect())[:97])
    assert client.is_silent_about(bytes(8) + b"\0\0\0\x01" + TRANSACTION)
    assert client.ask(announce_packet(bytes(8))) == MISMATCH  # U-12


def test_u15_an_id_is_good_from_another_port(live: Live) -> None:
    to = live.listen_udp()
    connection_id = live.udp(to).connect()
    assert counts_of(live.udp(to).ask(announce_packet(connection_id))) == (1, 0)


def test_u16_an_id_is_good_at_another_socket(live: Live) -> None:
    connection_id = live.udp(live.listen_udp()).connect()
    assert counts_of(live.udp(live.listen_udp()).ask(announce_packet(connection_id))) == (1, 0)


def test_u17_ids_last_for_two_epochs(live: Live) -> None:
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    live.advance(119)
    assert counts_of(client.ask(announce_packet(connection_id))) == (1, 0)
    live.advance(OT_CONNECTION_ID_EPOCH - 120)  # +299 s
    assert counts_of(client.ask(announce_packet(connection_id))) == (1, 0)
    live.advance(OT_CONNECTION_ID_EPOCH + 2)  # +601 s
    assert client.ask(announce_packet(connection_id)) == MISMATCH


def test_u18_u19_another_tracker_takes_no_ids_of_this_one(live: Live) -> None:
    connection_id = live.udp(live.listen_udp()).connect()
    other = Live(secret=bytes(32))
    try:
        client = other.udp(other.listen_udp())
        assert client.connect() != connection_id
        assert client.ask(announce_packet(connection_id)) == MISMATCH
    finally:
        other.close()


@needs_ipv4
def test_u30_the_ip_field_is_ignored(live: Live) -> None:
    to = live.listen_udp()
    first, second = live.udp(to, "127.0.0.3"), live.udp(to, "127.0.0.4")
    first.ask(announce_packet(first.connect(), ip=bytes([8, 8, 8, 8])))
    answer = second.ask(announce_packet(second.connect()))
    assert peers_of(answer) == [bytes([127, 0, 0, 3]) + (6881).to_bytes(2, "big")]


def test_u33_numwant(live: Live) -> None:
    client = live.udp(live.listen_udp())
    ports = crowd(client, 300)
    most = OT_MAX_PEERS_UDP6 if ":" in HOME else OT_MAX_PEERS_UDP4
    connection_id = client.connect()
    for num_want, handed_out in (
        (0, 0),
        (1, 1),
        (-1, min(50, most)),
        (0x7FFFFFFF, most),
        (-2, min(50, most)),
    ):
        answer = client.ask(announce_packet(connection_id, port=9, num_want=num_want))
        peers = peers_of(answer)
        assert len(peers) == len(set(peers)) == handed_out
        assert {int.from_bytes(peer[-2:], "big") for peer in peers} <= set(ports)
        assert len(answer) <= 1400  # U-34


def test_u40_the_same_announce_twice_is_one_peer(live: Live) -> None:
    client = live.udp(live.listen_udp())
    packet = announce_packet(client.connect())
    assert client.ask(packet)[12:] == client.ask(packet)[12:]
    assert scraped(client) == (0, 0, 1)


@needs_ipv6
def test_u47_ipv6_peers_take_18_bytes(live: Live) -> None:
    client = live.udp(live.listen_udp("::1"))
    connection_id = client.connect()
    client.ask(announce_packet(connection_id, port=6881))
    answer = client.ask(announce_packet(connection_id, port=6882))
    assert len(answer) == 38
    assert peers_of(answer, 18) == [packed("::1") + (6881).to_bytes(2, "big")]


@needs_both
def test_u48_each_family_gets_its_own_peers(live: Live) -> None:
    four, six = live.udp(live.listen_udp("127.0.0.1")), live.udp(live.listen_udp("::1"))
    four.ask(announce_packet(four.connect(), port=1004))
    six.ask(announce_packet(six.connect(), port=1006))
    to_four = four.ask(announce_packet(four.connect(), port=2004))
    to_six = six.ask(announce_packet(six.connect(), port=1006))
    assert counts_of(to_four) == counts_of(to_six) == (3, 0)
    assert peers_of(to_four, 6) == [packed("127.0.0.1") + (1004).to_bytes(2, "big")]
    assert peers_of(to_six, 18) == []
    assert scraped(four) == scraped(six) == (0, 0, 3)


@needs_both
@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.5"])
def test_u49_ipv4_clients_of_a_dual_stack_socket(live: Live, asked: str) -> None:
    port = live.listen_udp("::", only_v6=False)[1]
    through_dual, through_four = live.udp((asked, port)), live.udp(live.listen_udp("127.0.0.1"), asked)
    connection_id = through_dual.connect()
    assert connection_id == through_four.connect()
    through_dual.ask(announce_packet(connection_id, port=1000))
    answer = through_dual.ask(announce_packet(connection_id, port=2000))
    assert peers_of(answer, 6) == [packed(asked) + (1000).to_bytes(2, "big")]
    assert peers_of(through_four.ask(announce_packet(connection_id, port=2000)), 6) == peers_of(answer, 6)


@needs_both
def test_u49_ipv6_clients_of_a_dual_stack_socket(live: Live) -> None:
    port = live.listen_udp("::", only_v6=False)[1]
    four, six = live.udp(("127.0.0.1", port)), live.udp(("::1", port))
    four.ask(announce_packet(four.connect()))
    answer = six.ask(announce_packet(six.connect()))
    assert counts_of(answer) == (2, 0)
    assert peers_of(answer, 18) == []


@needs_ipv4
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.5", "127.0.0.6"])
def test_u50_a_wildcard_socket_answers_from_the_address_asked(live: Live, source: str) -> None:
    port = live.listen_udp("0.0.0.0")[1]
    client = live.udp(("127.0.0.5", port), source)  # which takes answers from there alone
    assert counts_of(client.ask(announce_packet(client.connect()))) == (1, 0)


@needs_ipv4
def test_u50_many_addresses_of_a_wildcard_socket_in_one_batch(live: Live) -> None:
    port = live.listen_udp("0.0.0.0")[1]
    clients = [live.udp((f"127.0.1.{last}", port), "127.0.0.1") for last in range(1, 101)]
    for number, client in enumerate(clients):
        client.send(connect_packet(number.to_bytes(4, "big")))
        client.send(b"not for an answer")
    answers = [client.receive() for client in clients]
    assert [int.from_bytes(answer[4:8], "big") for answer in answers] == list(range(100))


@needs_ipv6
def test_u50_ipv6_wildcard(live: Live) -> None:
    port = live.listen_udp("::")[1]
    client = live.udp(("::1", port))
    assert counts_of(client.ask(announce_packet(client.connect()))) == (1, 0)


ASK_EVERY_ADDRESS = """
import select
import socket
import time
from opentracker.server import wiring
from opentracker._features import WANT_SYNC_LIVE
from opentracker.config.settings import Bind, Settings

settings = Settings([Bind(True, bytes(16), 0)])
if WANT_SYNC_LIVE:
    from opentracker.features.cluster.settings import SyncSettings
    settings.of(SyncSettings).binds.append((bytes(15) + b"\1", 0, ""))
server = wiring.start(settings, lambda settings, paths: None)
for asked in ("fd00::5", "::1", "fd00::6"):
    client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.bind(("::1", 0))  # to which the kernel itself would answer from ::1
    client.sendto(bytes.fromhex("000004172710198000000000") + b"abcd", (asked, server.sockets[0].getsockname()[1]))
    ends = time.monotonic() + 30
    while not select.select([client], [], [], 0)[0] and time.monotonic() < ends:
        server.loop.iterate(0.1)  # a busy machine may deliver the datagram late
    client.setblocking(False)
    print(client.recvfrom(100)[1][0])
"""


@needs_ipv6
def test_u50_a_machine_with_several_ipv6_addresses() -> None:
    network = network_of_its_own(
        "ip link set lo up", "ip addr add fd00::5/128 dev lo", "ip addr add fd00::6/128 dev lo"
    )
    status, out, err = run("-c", ASK_EVERY_ADDRESS, command=[*network, sys.executable, "-P"])
    assert status == 0, err
    assert out == "fd00::5\n::1\nfd00::6\n"


@needs_ipv4
def test_u50_a_machine_on_two_networks_with_one_default_route() -> None:
    network = network_of_its_own()
    if os.geteuid() != 0:
        pytest.skip("may not set up network interfaces")
    script = str(Path(__file__).with_name("two_networks.py"))
    status, out, err = run(script, command=[*network, sys.executable, "-P"])
    assert status == 0, err
    assert out == "10.2.0.1\n10.1.0.1\n"


@needs_ipv6
def test_u50_link_local_addresses(live: Live) -> None:
    """Which mean nothing without their interface."""
    addresses = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    local = [(bytes.fromhex(fields[0]), int(fields[1], 16)) for fields in addresses if fields[3] == "20"]
    if not local:
        pytest.skip("this machine has no link-local address")
    address, interface = local[0]
    host = socket.inet_ntop(socket.AF_INET6, address)
    port = live.listen_udp("::")[1]
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.bind((host, 0, 0, interface))
        client.setblocking(False)
        client.sendto(connect_packet(), (host, port, 0, interface))
        other = live.udp(("::1", port))
        assert len(other.ask(connect_packet())) == 16
        answer, source = client.recvfrom(100)
    assert len(answer) == 16
    assert source == (host, port, 0, interface)


def test_u51_the_largest_datagrams(live: Live) -> None:
    client = live.udp(live.listen_udp())
    assert client.is_silent_about(bytes(65_507))
    scrape = scrape_packet(client.connect(), *[HASH_A] * 409)
    answer = client.ask(scrape[:8192])
    assert len(answer) == 8 + 12 * OT_MAX_SCRAPE_UDP
    assert counts_of(client.ask(announce_packet(client.connect()) + bytes(65_507 - 98))) == (1, 0)


def test_u52_clients_that_are_gone(live: Live) -> None:
    to = live.listen_udp()
    client = live.udp(to)
    for _ in range(3):  # their answers come back as ICMP port unreachable
        gone = UdpClient(live, to, None)
        gone.send(connect_packet())
        gone.close()
        live.settle()
    assert counts_of(client.ask(announce_packet(client.connect()))) == (1, 0)


def test_answers_of_a_full_batch_reach_their_own_askers(live: Live) -> None:
    to = live.listen_udp()
    clients = [live.udp(to) for _ in range(150)]  # more than two batches
    for number, client in enumerate(clients):
        client.send(bytes(number % 40))  # nearly all of them too short for an answer
        client.send(connect_packet(number.to_bytes(4, "big")))
    for number, client in enumerate(clients):
        assert client.receive()[:8] == bytes(4) + number.to_bytes(4, "big")
    assert live.counters.udp_datagrams == 300
    assert live.counters.udp_connects == 150


def test_one_turn_serves_several_batches(live: Live) -> None:
    client = live.udp(live.listen_udp())
    for number in range(200):
        client.send(connect_packet(number.to_bytes(4, "big")))
    live.iterate()
    assert [int.from_bytes(client.receive()[4:8], "big") for _ in range(200)] == list(range(200))


def test_batches_with_the_largest_answers(live: Live) -> None:
    client = live.udp(live.listen_udp())
    crowd(client, 300)
    connection_id = client.connect()
    for number in range(64):
        client.send(
            announce_packet(connection_id, num_want=1000, transaction=number.to_bytes(4, "big"), port=9)
        )
    for number in range(64):
        answer = client.receive()
        assert answer[:8] == b"\0\0\0\x01" + number.to_bytes(4, "big")
        assert len(answer) == 20 + STRIDE * (OT_MAX_PEERS_UDP6 if ":" in HOME else OT_MAX_PEERS_UDP4)


def test_a_client_at_port_0_gets_nothing_and_others_do(live: Live) -> None:
    """Datagrams may come from port 0, where nothing can be sent to."""
    to = live.listen_udp()
    client = live.udp(to)
    try:
        raw = socket.socket(client.sock.family, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("needs the right to open raw sockets")
    with raw:
        connect = connect_packet()
        header = b"\0\0" + to[1].to_bytes(2, "big") + (8 + len(connect)).to_bytes(2, "big") + b"\0\0"
        if ":" in HOME:
            raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, 6)
        raw.sendto(header + connect, (to[0], 0))
        assert len(client.ask(connect)) == 16
    assert live.counters.udp_datagrams == 2


def test_stopped_and_completed(live: Live) -> None:
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    client.ask(announce_packet(connection_id, left=0, event=1))
    assert scraped(client) == (1, 1, 0)
    answer = client.ask(announce_packet(connection_id, left=0, event=3))
    assert (len(answer), counts_of(answer)) == (20, (0, 0))
    assert scraped(client) == (0, 1, 0)
    assert scraped(client, HASH_B) == (0, 0, 0)


def test_r12_peers_expire(live: Live) -> None:
    client = live.udp(live.listen_udp())
    client.ask(announce_packet(client.connect()))
    live.advance((OT_PEER_TIMEOUT + 1 - OT_CLEAN_CYCLE) * 60 - 1)
    live.clean()  # the last shard has its turn within the minute of the timeout
    assert scraped(client) == (0, 0, 1)
    live.advance(60)
    live.clean()
    assert scraped(client) == (0, 0, 0)


def test_u53_intervals_are_spread(live: Live) -> None:
    client = live.udp(live.listen_udp())
    connection_id = client.connect()
    intervals = []
    for _ in range(1000):
        intervals.append(int.from_bytes(client.ask(announce_packet(connection_id))[8:12], "big"))
    half = OT_CLIENT_REQUEST_VARIATION // 2
    assert OT_CLIENT_REQUEST_INTERVAL - half <= min(intervals)
    assert max(intervals) <= OT_CLIENT_REQUEST_INTERVAL + half
    if half > 100:
        assert len(set(intervals)) > 50


def test_refused_answers_do_not_stop_the_others(live: Live) -> None:
    """A closed, an open and a closed client in one batch: each answer is sent for itself."""
    to = live.listen_udp()
    client = live.udp(to)
    for number in range(20):
        gone = UdpClient(live, to, None)
        gone.send(connect_packet())
        gone.close()
        client.send(connect_packet(number.to_bytes(4, "big")))
    assert [int.from_bytes(client.receive()[4:8], "big") for _ in range(20)] == list(range(20))


class FailingResponder(UdpResponder):
    """Fails in the middle of its answer to a scrape."""

    def answer(self, packet: bytes, size: i64, address: bytes, minute: i64, out: BytesWriter) -> None:
        super().answer(packet, size, address, minute, out)
        if action_of(packet, size) == SCRAPE:
            raise MemoryError


@pytest.mark.needs(WANT_COMPILED=False)
@pytest.mark.parametrize("kind", [UdpBatchSocket, UdpSocket])
def test_a_datagram_that_cannot_be_answered_harms_no_other(
    live: Live, kind: type[UdpBatchSocket] | type[UdpSocket], caplog: pytest.LogCaptureFixture
) -> None:
    server = live.server
    sock = open_udp(packed(HOME), 0, True)
    responder = FailingResponder(server.tracker, server.ids, server.counters)
    server.loop.watch(sock.fileno(), kind(sock, responder, server.now), READ)
    server.sockets.append(sock)
    client = live.udp(endpoint(sock))
    connection_id = client.connect()
    for packet in (
        announce_packet(connection_id, port=1001),
        scrape_packet(connection_id, HASH_A),
        announce_packet(connection_id, port=1002),
    ):
        client.send(packet)
    assert [counts_of(client.receive()), counts_of(client.receive())] == [(1, 0), (2, 0)]
    assert client.is_silent_about()
    assert f"a datagram of {HOME} is not answered: MemoryError()" in caplog.text
