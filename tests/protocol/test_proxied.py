"""Heads of proxies before a client's bytes: whole, byte by byte, cut short, and wrong."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.errors import HttpError
from opentracker.protocol.proxied import SIMPLE_SIZE, V2, parse_proxy_head, simple_client

REST = b"GET / HTTP/1.1\r\n\r\n"
V4, V6 = socket.inet_aton("192.0.2.7"), socket.inet_pton(socket.AF_INET6, "2001:db8::7")
MAPPED = bytes(10) + b"\xff\xff" + V4


def v2(
    command: int = 0x21, family: int = 0x11, body: bytes = V4 + bytes(8), size: int | None = None
) -> bytes:
    """A head of version 2, field by field."""
    return V2 + bytes([command, family]) + (len(body) if size is None else size).to_bytes(2, "big") + body


HEADS = [
    pytest.param(b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", V4, id="X-01 version 1"),
    pytest.param(b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", V6, id="X-01 version 1, IPv6"),
    pytest.param(b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 2\r\n", V4, id="X-01 version 1, mapped"),
    pytest.param(b"PROXY UNKNOWN\r\n", b"", id="X-03 unknown"),
    pytest.param(b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n", b"", id="X-03 unknown with addresses"),
    pytest.param(v2(), V4, id="X-02 version 2"),
    pytest.param(v2(family=0x21, body=V6 + bytes(20)), V6, id="X-02 version 2, IPv6"),
    pytest.param(v2(family=0x21, body=MAPPED + bytes(20)), V4, id="X-02 version 2, mapped"),
    pytest.param(v2(body=V4 + bytes(8) + b"\x04\0\x03abc"), V4, id="X-02 with extensions"),
    pytest.param(v2(command=0x20), b"", id="X-03 local"),
    pytest.param(v2(command=0x20, body=b""), b"", id="X-03 local without addresses"),
    pytest.param(v2(family=0x31, body=bytes(216)), b"", id="X-03 a Unix socket"),
    pytest.param(v2(family=0, body=b""), b"", id="X-03 no family"),
]


@pytest.mark.parametrize(("data", "client"), HEADS)
def test_heads(data: bytes, client: bytes) -> None:
    for rest in (b"", REST):
        head = parse_proxy_head(data + rest)
        assert head is not None
        assert (head.client, head.size) == (client, len(data))
    for size in range(len(data)):
        assert parse_proxy_head(data[:size]) is None


@pytest.mark.parametrize(
    "data",
    [
        REST,
        b"X",
        b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 1 x\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 \xff 192.0.2.1 1 2\r\n",
        b"PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        v2(command=0x11),
        v2(command=0x22),
        v2(body=V4),
        v2(family=0x21, body=V6),
        v2(size=2100),
    ],
)
def test_x04_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(HttpError) as raised:
        parse_proxy_head(data)
    assert raised.value.status == 400


@given(
    st.one_of(
        st.binary(), st.binary().map(lambda more: V2 + more), st.binary().map(lambda more: b"PROXY " + more)
    )
)
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    try:
        head = parse_proxy_head(data)
    except HttpError:
        return
    assert head is None or (len(head.client) in (0, 4, 16) and 0 < head.size <= len(data))


def test_x05_a_datagram_with_the_simple_head() -> None:
    head = b"\x56\xec" + MAPPED + V6 + bytes(4)
    assert len(head) == SIMPLE_SIZE
    assert simple_client(head + b"x" + bytes(100), SIMPLE_SIZE + 1) == V4
    assert simple_client(b"\x56\xec" + V6 + V6 + bytes(4), SIMPLE_SIZE) == V6
    assert simple_client(head, SIMPLE_SIZE - 1) == b""
    assert simple_client(b"\x56\xed" + head[2:], SIMPLE_SIZE) == b""
