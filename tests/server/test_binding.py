"""The sockets that a tracker opens."""

import socket

import pytest

from opentracker._features import WANT_V4_ONLY, WANT_V6
from opentracker.config.settings import Bind, Settings
from opentracker.errors import StartError
from opentracker.server import binding
from opentracker.server.sockets import has_ipv6
from tests.server.conftest import open_descriptors
from tests.server.live import (
    HOME,
    endpoint,
    packed,
)
from tests.server.marks import needs_both, needs_ipv6

ANY4, ANY6 = packed("0.0.0.0"), packed("::")


def families_here() -> list[bytes]:
    if WANT_V6:
        return [ANY6]
    return [ANY4] if WANT_V4_ONLY or not has_ipv6() else [ANY4, ANY6]


def test_without_ports_tcp_and_udp_6969() -> None:
    binds = binding.planned_binds(Settings())
    assert binds == [Bind(udp, address, 6969) for udp in (False, True) for address in families_here()]


def test_without_ports_on_the_latest_address() -> None:
    binds = binding.planned_binds(Settings(last_address=packed(HOME)))
    assert binds == [Bind(False, packed(HOME), 6969), Bind(True, packed(HOME), 6969)]


def test_ports_without_an_address_are_for_every_family() -> None:
    binds = binding.planned_binds(Settings([Bind(True, None, 7), Bind(False, packed(HOME), 8)]))
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
    (sock,) = binding.open_sockets([Bind(udp, ANY6, 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0


@needs_both
@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("order", [1, -1])
def test_unless_the_ipv4_wildcard_is_bound_to_the_port_too(udp: bool, order: int) -> None:
    port = free_port()
    sockets = binding.open_sockets([Bind(udp, ANY4, port), Bind(udp, ANY6, port)][::order])
    assert {endpoint(sock) for sock in sockets} == {("0.0.0.0", port), ("::", port)}
    for sock in sockets:
        sock.close()


@needs_both
def test_the_ipv4_wildcard_of_another_kind_or_port_does_not_count() -> None:
    first, second = free_port(), free_port()
    binds = [Bind(True, ANY6, first), Bind(False, ANY4, first), Bind(True, ANY4, second)]
    six, *others = binding.open_sockets(binds)
    assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
    for sock in [six, *others]:
        sock.close()


@needs_ipv6
def test_other_ipv6_sockets_are_for_ipv6_alone() -> None:
    (sock,) = binding.open_sockets([Bind(True, packed("::1"), 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@needs_ipv6
@pytest.mark.needs("WANT_V6")
def test_the_wildcard_of_an_ipv6_build_is_for_ipv6_alone() -> None:
    (sock,) = binding.open_sockets([Bind(True, ANY6, 0)])
    with sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_all_sockets_or_none() -> None:
    before = open_descriptors()
    (taken,) = binding.open_sockets([Bind(True, packed(HOME), 0)])
    port = endpoint(taken)[1]
    with taken, pytest.raises(StartError, match=f":{port}: Address already in use"):
        binding.open_sockets([Bind(False, packed(HOME), 0), Bind(True, packed(HOME), port)])
    assert open_descriptors() == before
