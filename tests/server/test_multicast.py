"""Sockets for multicast."""

import socket

from opentracker.protocol.livesync import GROUP4
from opentracker.server.multicast import bound, interface_index, is_own, join_group, set_group_options
from opentracker.server.sockets import has_ipv6
from tests.server.live import packed

V4A, V6A = packed("127.0.0.1"), packed("::1")


def test_interfaces_by_name_number_and_address() -> None:
    lo = socket.if_nametoindex("lo")
    assert interface_index("lo", V6A) == interface_index(str(lo), V6A) == lo
    assert interface_index("", packed("2001:db8::1")) == 0
    if has_ipv6("::1"):
        assert interface_index("", V6A) == lo


def test_an_address_is_own_or_not() -> None:
    assert is_own(V4A)
    assert not is_own(packed("203.0.113.9"))
    assert not is_own(packed("2001:db8::9"))


def test_a_packet_to_the_group_reaches_its_other_members_on_the_interface() -> None:
    sender = bound(V4A, 0, 0)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reader = bound(bytes(4), sender.getsockname()[1], 0, shared=True)
    with sender, reader:
        set_group_options(sender, V4A, 0)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)  # both are on this machine
        join_group(reader, GROUP4, V4A, 0)
        reader.setblocking(True)
        reader.settimeout(20.0)
        sender.sendto(b"hello", (socket.inet_ntoa(GROUP4), reader.getsockname()[1]))
        assert reader.recv(100) == b"hello"
