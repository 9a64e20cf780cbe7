import errno
import logging
import socket
import sys
from collections.abc import Callable

import pytest

from opentracker.errors import StartError
from opentracker.server.sockets import (
    RECEIVE_BUFFER,
    answer_at_once,
    ask_destinations,
    bind_patiently,
    describe,
    dropped,
    endpoint_of,
    has_ipv6,
    is_wildcard,
    open_tcp,
    open_udp,
)
from tests.server.live import HOME, PATIENCE, endpoint, family_of, packed
from tests.server.marks import needs_both, needs_ipv4, needs_ipv6

openers = pytest.mark.parametrize("opened", [open_tcp, open_udp], ids=["TCP", "UDP"])
Open = Callable[[bytes, int, bool], socket.socket]
WILDCARD = "::" if HOME == "::1" else "0.0.0.0"


@openers
def test_port_0_is_a_free_port(opened: Open) -> None:
    with opened(packed(HOME), 0, True) as one, opened(packed(HOME), 0, True) as two:
        assert endpoint(one) != endpoint(two)
        assert endpoint_of(one) == (packed(HOME), endpoint(one)[1])
        assert not one.getblocking()


@openers
def test_a_port_in_use_is_named(opened: Open) -> None:
    with opened(packed(HOME), 0, True) as taken:
        port = endpoint(taken)[1]
        with pytest.raises(StartError) as caught:
            opened(packed(HOME), port, True)
        where = f"[{HOME}]:{port}" if ":" in HOME else f"{HOME}:{port}"
        assert where in str(caught.value)
        assert "Address already in use" in str(caught.value)
        assert ("TCP" if opened is open_tcp else "UDP") in str(caught.value)


@needs_ipv4
@openers
def test_an_address_that_is_not_here(opened: Open) -> None:
    with pytest.raises(StartError, match=r"203\.0\.113\.9:6969: Cannot assign requested address"):
        opened(packed("203.0.113.9"), 6969, True)


@needs_ipv6
@openers
def test_ipv6_sockets_are_for_ipv6_alone(opened: Open) -> None:
    with opened(packed("::"), 0, True) as six:
        assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_both
@openers
def test_or_for_both(opened: Open) -> None:
    with opened(packed("::"), 0, False) as both:
        assert both.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
        with pytest.raises(StartError, match="Address already in use"):
            opened(packed("0.0.0.0"), endpoint(both)[1], True)


@needs_both
@openers
def test_both_wildcards_on_one_port(opened: Open) -> None:
    with opened(packed("0.0.0.0"), 0, True) as four, opened(packed("::"), endpoint(four)[1], True) as six:
        assert endpoint(four)[1] == endpoint(six)[1]


def test_what_is_said_of_a_socket() -> None:
    where = f"[{HOME}]" if ":" in HOME else HOME
    with open_tcp(packed(HOME), 0, True) as tcp, open_udp(packed(HOME), 0, True) as udp:
        assert describe(tcp) == f"TCP {where}:{endpoint(tcp)[1]}"
        assert describe(udp) == f"UDP {where}:{endpoint(udp)[1]}"


def test_wildcards_are_known() -> None:
    with open_udp(packed(WILDCARD), 0, True) as wild, open_udp(packed(HOME), 0, True) as tame:
        assert is_wildcard(wild)
        assert not is_wildcard(tame)


def test_the_receive_buffer_is_no_smaller_than_usual() -> None:
    with open_udp(packed(HOME), 0, True) as sock, socket.socket(family_of(HOME), socket.SOCK_DGRAM) as usual:
        size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert size >= min(RECEIVE_BUFFER, usual.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))


def test_tcp_sockets_listen() -> None:
    with open_tcp(packed(HOME), 0, True) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        with socket.create_connection(endpoint(sock), timeout=PATIENCE):
            pass


@pytest.mark.parametrize("host", [WILDCARD, HOME])
def test_datagrams_tell_where_they_were_sent_to(host: str) -> None:
    with (
        open_udp(packed(host), 0, True) as sock,
        socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client,
    ):
        ask_destinations(sock)
        client.sendto(b"x", (HOME, endpoint(sock)[1]))
        sock.settimeout(PATIENCE)
        _, beside, _, _ = sock.recvmsg(10, 64)
        assert [packed(HOME) in data for _, _, data in beside] == [True]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what was dropped")
def test_what_the_kernel_drops_is_told() -> None:
    with open_udp(packed(HOME), 0, True) as sock, socket.socket(family_of(HOME), socket.SOCK_DGRAM) as client:
        assert dropped(sock) == 0
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(100):
            client.sendto(bytes(1000), endpoint(sock))
        assert 0 < dropped(sock) < 100


def test_whether_there_is_ipv6() -> None:
    """As the C library says it: an address of that family can be bound, or not."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        can_bind = True
    except OSError:
        can_bind = False
    assert has_ipv6() is can_bind


class Late(socket.socket):
    """A socket whose address is there at the third attempt, or never."""

    attempts = 0
    there_at = 3

    def bind(self, address: object) -> None:
        self.attempts += 1
        if self.attempts < self.there_at:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")


def test_an_ipv6_address_gets_some_seconds_to_come(caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    with caplog.at_level(logging.INFO), Late(socket.AF_INET6) as late:
        bind_patiently(late, "2001:db8::1", 6969, waits.append)
        assert late.attempts == 3
    assert len(waits) == 2
    assert caplog.messages == ["waiting for the address 2001:db8::1, which is not there yet"]


@pytest.mark.parametrize(("family", "attempts"), [(socket.AF_INET, 1), (socket.AF_INET6, 21)])
def test_but_not_for_ever_and_an_ipv4_address_none(family: socket.AddressFamily, attempts: int) -> None:
    with Late(family) as late:
        late.there_at = 1000
        with pytest.raises(OSError, match="Cannot assign"):
            bind_patiently(late, "address", 6969, lambda seconds: None)
        assert late.attempts == attempts


def test_ipv6_is_probed_by_an_address() -> None:
    assert not has_ipv6("2001:db8:0:dead::1")


def test_a_connection_may_send_small_writes_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer_at_once(listening.fileno())
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_descriptor_that_is_no_tcp_socket_is_left_alone() -> None:
    one, other = socket.socketpair()
    with one, other:
        answer_at_once(one.fileno())
        one.send(b"still open")
