"""Live sync with sockets; whole clusters are in tests/e2e/test_cluster.py."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opentracker._features import WANT_V6
from opentracker.config.settings import Bind, Left, Sections, Settings
from opentracker.errors import StartError
from opentracker.features.cluster.settings import Endpoint, SyncSettings, describe
from opentracker.protocol.livesync import LONGEST
from opentracker.server import livesync, wiring
from opentracker.server.core import tracker_id_of
from opentracker.server.livesync import open_cluster
from opentracker.server.sockets import has_ipv6
from opentracker.swarm.policy.permissions import MAY_LIVESYNC
from tests.server.conftest import open_descriptors
from tests.server.live import HASH_A, HOME, SEED, Live, announce_packet, packed
from tests.server.process import COMMAND, PATIENCE

OTHER_ID = bytes.fromhex("cafebabe")
OWN_ID = tracker_id_of(SEED).to_bytes(4, "big")
KIND = bytes([0, 0, 0, int(WANT_V6)])
PEER = packed(HOME) + (6881).to_bytes(2, "big")


class Member:
    """A tracker whose loop the test turns, and another member of its cluster: a socket."""

    def __init__(self, host: str = HOME, *, blessed: bool = True, also: bytes = b"") -> None:
        settings = Settings()
        address = packed(host)
        for each in [address] * blessed + [also] * bool(also):
            settings.permissions.bless(each, 8 * len(each), MAY_LIVESYNC)
        self.other = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.other.bind((host, 0))
        self.other.setblocking(False)
        self.live = Live(settings)
        peers = [(address, self.other.getsockname()[1], "")]
        self.cluster = open_cluster(SyncSettings([(address, 0, "")], peers))
        self.live.server.part(livesync.Member).join(self.cluster)
        self.counters = self.live.counters

    @property
    def at(self) -> tuple[str, int]:
        """The address and port of its first socket."""
        name = self.cluster.sockets[0].getsockname()
        return name[0], name[1]

    def announce(self, *, event: int = 2, left: int = 1) -> None:
        """Let a client announce."""
        client = self.live.udp(self.live.listen_udp())
        client.ask(announce_packet(client.connect(), event=event, left=left))

    def heard(self) -> bytes:
        """The next packet that it sends."""
        packets: list[bytes] = []

        def poll() -> bool:
            try:
                packets.append(self.other.recv(65536))
            except BlockingIOError:
                return False
            return True

        self.live.until(poll, "a packet of live sync")
        return packets[0]

    def told(self, packet: bytes, counter: Callable[[], int]) -> None:
        """Send it a packet, and wait until a counter has counted."""
        before = counter()
        self.other.sendto(packet, self.at)
        self.live.until(lambda: counter() > before, "a packet to be counted")

    def counts(self) -> tuple[int, int, int]:
        """(complete, downloaded, incomplete) of torrent A."""
        return self.live.server.tracker.scrape(HASH_A)

    def close(self) -> None:
        self.other.close()
        self.live.close()
        self.cluster.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def member(request: pytest.FixtureRequest) -> Iterator[Member]:
    if request.param == "::1" and not has_ipv6("::1"):
        pytest.skip("this machine has no IPv6")
    before = open_descriptors()
    each = Member(request.param)
    yield each
    each.close()
    assert open_descriptors() == before


def packet_of(flags: int = 0x80) -> bytes:
    return OTHER_ID + KIND + HASH_A + PEER + bytes([flags, 0])


# ---- Packets in and out ------------------------------------------------------------------------------------


def test_y15_an_announce_is_told_exactly_so(member: Member) -> None:
    member.announce()
    member.live.advance(1.0)
    assert member.heard() == OWN_ID + KIND + HASH_A + PEER + b"\x00\x00"
    assert (member.counters.value("sync_packets_sent"), member.counters.value("sync_peers_sent")) == (1, 1)
    assert member.counters.value("sync_unsent") == 0


def test_the_next_packet_leaves_15_seconds_later(member: Member) -> None:
    member.announce()
    member.live.advance(1.0)
    member.heard()
    member.announce(event=3)
    for _ in range(14):
        member.live.advance(1.0)
    assert member.counters.value("sync_packets_sent") == 1
    member.live.advance(1.0)
    assert member.heard() == OWN_ID + KIND + HASH_A + PEER + b"\x20\x00"


def test_a_clean_end_sends_what_is_left(member: Member) -> None:
    member.announce(left=0)
    for ending in member.live.server.endings:
        ending()
    assert member.heard() == OWN_ID + KIND + HASH_A + PEER + b"\x80\x00"


def test_what_another_tells_is_stored_and_removed(member: Member) -> None:
    member.told(packet_of(), lambda: member.counters.value("sync_packets_received"))
    assert member.counts() == (1, 0, 0)
    member.told(packet_of(0x20), lambda: member.counters.value("sync_packets_received"))
    assert member.counts() == (0, 0, 0)
    assert member.counters.value("sync_peers_received") == 2


def test_y09_y10_bad_packets_are_counted(member: Member) -> None:
    for size in (0, 7, LONGEST + 1, 60000):
        member.told(
            packet_of()[:8] + bytes(60000) if size else b"", lambda: member.counters.value("sync_malformed")
        )
    assert member.counts() == (0, 0, 0)


def test_more_packets_than_one_turn_takes(member: Member) -> None:
    for _ in range(100):
        member.other.sendto(packet_of(), member.at)
    member.live.until(lambda: member.counters.value("sync_packets_received") == 100, "all packets")
    assert member.counts() == (1, 0, 0)


def test_y07_a_forged_sender_is_counted_and_dropped() -> None:
    member = Member(blessed=False)
    member.told(packet_of(), lambda: member.counters.value("sync_unblessed"))
    assert member.counts() == (0, 0, 0)
    member.close()


def test_members_are_expected_by_the_address_that_names_them() -> None:
    """Not this tracker's own, which every file of the cluster names as well."""
    absent = packed("2001:db8::9" if ":" in HOME else "203.0.113.9")
    member = Member(also=absent)
    members = member.live.server.part(livesync.Member).sync.members
    assert list(members.by_address) == [absent]
    member.told(packet_of(), lambda: member.counters.value("sync_packets_received"))
    assert members.of(packed(HOME)).packets == 1
    assert members.of(absent).packets == 0
    member.close()


def test_nobody_blessed_is_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Member().close()
    assert "node_ip" not in caplog.text
    Member(blessed=False).close()
    assert "no livesync.cluster.node_ip was given" in caplog.text


def test_a_member_that_is_not_there_does_no_harm(member: Member) -> None:
    """The kernel reports it at the next packet that is sent or read."""
    member.other.close()
    for _ in range(3):
        member.announce()
        member.announce(event=3)
        member.live.advance(20.0)
    assert member.counters.value("sync_packets_sent") == 3


# ---- What cannot work --------------------------------------------------------------------------------------


def start(settings: Settings) -> None:
    """Start a tracker without shutting this process into a directory."""
    wiring.start(settings, lambda settings, paths: None)


V4A, V6A = (packed(host) for host in ("127.0.0.1", "::1"))


def binds(*addresses: bytes) -> list[Endpoint]:
    return [(address, 0, "") for address in addresses]


def test_without_an_address_nothing_is_opened() -> None:
    before = open_descriptors()
    with pytest.raises(StartError, match="needs livesync"):
        start(Settings([Bind(True, packed(HOME), 0)]))
    assert open_descriptors() == before


@pytest.mark.parametrize(
    ("addresses", "text"),
    [
        ([], b"opentracker: live sync has no address: this build (WANT_SYNC_LIVE) needs"),
        (
            [b"127.0.0.1:81", b"127.0.0.2:82"],
            b"listen 127.0.0.2:82: one address of a family can be used, and",
        ),
    ],
)
def test_c13_the_program_ends_with_111(addresses: list[bytes], text: bytes, tmp_path: Path) -> None:
    config = tmp_path / "opentracker.conf"
    config.write_bytes(b"".join(b"livesync.cluster.listen %s\n" % address for address in addresses))
    for option, status in ((), 111), (("-t",), 1):
        done = subprocess.run(
            [*COMMAND, "-i", HOME, "-p", "0", "-f", str(config), *option],
            check=False,
            capture_output=True,
            timeout=PATIENCE,
        )
        assert (done.returncode, done.stdout) == (status, b"")
        assert text in done.stderr


def test_an_address_that_is_not_here_opens_nothing() -> None:
    asked = SyncSettings([(packed("203.0.113.9"), 9696, "")])
    settings = Settings([Bind(True, packed(HOME), 0)], sections=Sections(asked))
    before = open_descriptors()
    with pytest.raises(StartError, match=r"cannot bind live sync to UDP 203\.0\.113\.9:9696: "):
        start(settings)
    assert open_descriptors() == before


def test_c14_an_address_that_another_tracker_has() -> None:
    cluster = open_cluster(SyncSettings(binds(V4A)))
    port = cluster.sockets[0].getsockname()[1]
    with pytest.raises(StartError, match=f"cannot bind live sync to UDP 127.0.0.1:{port}: Address already"):
        open_cluster(SyncSettings([(V4A, port, "")]))
    cluster.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_the_sockets_that_another_tracker_has_left_are_taken(host: str) -> None:
    """With its membership of the group, and what waits in them."""
    if ":" in host and not has_ipv6("::1"):
        pytest.skip("this machine has no IPv6")
    before = open_descriptors()
    asked = SyncSettings([(packed(host), 0, "")], [(packed("::1" if ":" in host else "127.0.0.1"), 9, "")])
    first = Left()
    cluster = open_cluster(asked, first)
    names = [sock.getsockname() for sock in cluster.sockets]
    second = Left(named={name: sock.dup() for name, sock in first.own.items()})
    second.named["other"] = cluster.sockets[0].dup()
    with socket.socket(cluster.sockets[0].family, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"waits", ("::1" if ":" in host else "127.0.0.1", names[0][1]))
    cluster.close()
    other = open_cluster(asked, second)
    assert [sock.getsockname() for sock in other.sockets] == names
    assert list(second.named) == ["other"]
    assert second.taken == list(second.own) == list(first.own)
    assert b"waits" in [packet for sock in other.sockets if (packet := packet_in(sock))]
    other.close()
    second.named["other"].close()
    assert open_descriptors() == before


def packet_in(sock: socket.socket) -> bytes:
    """The packet that waits in a socket, if there is one."""
    try:
        return sock.recv(100)
    except BlockingIOError:
        return b""


def test_a_member_that_is_shut_leaves_packets_where_they_are(member: Member) -> None:
    """Peers that wait to be told are told before another process goes on."""
    inlet = member.live.server.part(livesync.Member)
    member.announce()
    member.told(packet_of(), lambda: member.counters.value("sync_packets_received"))
    inlet.shut()
    member.other.sendto(packet_of(), member.at)
    member.live.settle()
    assert member.counters.value("sync_packets_received") == 1
    (words,) = inlet.last_words()
    assert member.heard() == OWN_ID + KIND + HASH_A + PEER + b"\x00\x00"
    inlet.open()
    member.live.until(lambda: member.counters.value("sync_packets_received") == 2, "the packet")
    address = packed(member.at[0])
    assert inlet.sync.members.of(address).packets == 2
    name, _, message = words.partition(b" ")
    member.live.server.hearers[name](message)
    assert inlet.sync.members.of(address).packets == 1


def test_an_interface_that_is_not_there() -> None:
    bind = (packed("fe80::1"), 9696, "nosuch0")
    assert describe(bind) == "[fe80::1%nosuch0]:9696"
    with pytest.raises(StartError, match=r"cannot bind live sync to UDP \[fe80::1%nosuch0\]:9696: "):
        open_cluster(SyncSettings([bind]))
