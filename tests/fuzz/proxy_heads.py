"""Heads of the PROXY protocol and the simple head of datagrams: the same result in any split and whatever follows."""

from opentracker.errors import HttpError
from opentracker.protocol.proxied import ProxyHead, parse_proxy_head, simple_client

WORDS = [
    b"PROXY ",
    b"TCP4 ",
    b"TCP6 ",
    b"UNKNOWN",
    b"192.0.2.1 ",
    b"2001:db8::1 ",
    b"::ffff:192.0.2.1 ",
    b"443 ",
    b"6969\r\n",
    b"\r\n",
]
WORDS += [
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\x20",
    b"\x21",
    b"\x11",
    b"\x21\x11\0\x0c",
    b"\x21\x21\0\x24",
    b"\x56\xec",
]


def result(data: bytes) -> ProxyHead | int | None:
    """The head, the status of the refusal, or None."""
    try:
        return parse_proxy_head(data)
    except HttpError as error:
        return error.status


def check(data: bytes) -> None:
    """Bytes of a proxy's connection, and the same as a datagram."""
    assert len(simple_client(data, len(data))) in (0, 4, 16)
    head = result(data)
    if isinstance(head, ProxyHead):
        assert head.size <= len(data)
        assert len(head.client) in (0, 4, 16)
        for size in range(head.size):
            assert result(data[:size]) is None
        for rest in (b"", b"x", b"\r\n"):
            again = result(data[: head.size] + rest)
            assert isinstance(again, ProxyHead)
            assert (again.client, again.size) == (head.client, head.size)
    elif head is None:
        for size in range(len(data)):
            assert result(data[:size]) is None
    else:
        assert head == 400
