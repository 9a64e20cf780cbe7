"""Steering, as the kernel does it: thousands of requests, and none of them at another worker than its owner."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Bind
from opentracker.server.sockets import has_ipv6
from opentracker.server.workers.sockets import Group, open_groups
from opentracker.server.workers.steering import SPREAD, attach, program
from opentracker.swarm.ownership import Ownership
from tests.server.live import announce_packet, connect_packet, endpoint, packed, scrape_packet

KEYS = (0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1)
MANY = 2000
BURST = 50
HOMES = [*["127.0.0.1", "0.0.0.0"] * (not WANT_V6), *["::1", "::"] * (not WANT_V4_ONLY and has_ipv6())]


@pytest.fixture(params=[(home, workers) for home in HOMES for workers in (2, 3, 64)], ids=str)
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    """The UDP sockets of one address, with its program."""
    home, workers = request.param
    (found,) = open_groups([Bind(True, packed(home), 0)], workers, KEYS)
    assert found.is_steered
    yield found
    found.close()


def received(group: Group) -> list[tuple[int, bytes]]:
    """The datagrams that wait, each with the number of its socket. Loopback delivers before a send returns."""
    found = []
    for number, sock in enumerate(group.sockets):
        try:
            while True:
                found.append((number, sock.recv(2048)))
        except BlockingIOError:
            pass
    return found


def clients(group: Group, many: int) -> list[socket.socket]:
    """Clients of the group's address."""
    host, port = endpoint(group.sockets[0])
    made = []
    for _ in range(many):
        client = socket.socket(group.sockets[0].family, socket.SOCK_DGRAM)
        client.connect(({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port))
        made.append(client)
    return made


def announce(info_hash: bytes) -> bytes:
    """An announce."""
    return announce_packet(bytes(8), info_hash=info_hash)


def scrape(info_hash: bytes) -> bytes:
    """A scrape, of another torrent as well."""
    return scrape_packet(bytes(8), info_hash, os.urandom(20))


@pytest.mark.parametrize("make", [announce, scrape])
def test_no_request_is_astray(group: Group, make: Callable[[bytes], bytes]) -> None:
    ownership = Ownership(0, len(group.sockets), KEYS)
    several = clients(group, 8)
    steered = 0
    for number in range(MANY):
        several[number % 8].send(make(os.urandom(20)) + bytes(number % 3))
        if number % BURST == 0 or number == MANY - 1:
            datagrams = received(group)
            steered += len(datagrams)
            assert [owner for owner, _ in datagrams] == [
                ownership.owner_at(each, 16) for _, each in datagrams
            ]
    assert steered == MANY
    for client in several:
        client.close()


def test_a_dual_stack_socket_steers_both_families() -> None:
    if WANT_V4_ONLY or WANT_V6 or not has_ipv6():
        pytest.skip("needs a build and a machine with both families")
    (group,) = open_groups([Bind(True, bytes(16), 0)], 3, KEYS)
    ownership = Ownership(0, 3, KEYS)
    port = endpoint(group.sockets[0])[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(200):
            info_hash = os.urandom(20)
            client.sendto(announce_packet(bytes(8), info_hash=info_hash), ("127.0.0.1", port))
            ((owner, _),) = received(group)
            assert owner == ownership.owner_at(info_hash, 0)
    group.close()


@pytest.mark.parametrize(
    "packet", [b"", b"x" * 15, connect_packet(), bytes(36), scrape_packet(bytes(8), bytes(20))[:35]], ids=len
)
def test_other_datagrams_are_spread_by_their_ports(packet: bytes) -> None:
    (group,) = open_groups([Bind(True, packed(HOMES[0]), 0)], 2, KEYS)
    several = clients(group, 64)
    found = set()
    for client in several:
        client.send(packet)
        found |= {number for number, _ in received(group)}
        client.close()
    assert found == {0, 1}
    group.close()


def test_a_program_in_words() -> None:
    """Five checks, the fold and the reduction; the last instruction chooses no socket."""
    code = program(2, KEYS)
    assert len(code) == 8 * (5 + 5 * 2 + 4 * 2 + 4 + 4 + 1)
    assert code[-8:] == bytes.fromhex("06000000") + SPREAD.to_bytes(4, "little")


def test_a_kernel_that_takes_no_program(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_INET6 if WANT_V6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert not attach(sock, b"\xff" * 8)
    assert "announces are not steered to their workers" in caplog.text
