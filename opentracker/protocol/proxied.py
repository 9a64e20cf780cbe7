"""Heads that proxies put before a client's bytes: the PROXY protocol of HAProxy (versions 1 and 2) on TCP connections,
and Cloudflare's Simple Proxy Protocol on datagrams.

`parse_proxy_head` returns the head, or None (more bytes are needed), or raises HttpError. A head without a client's
address (UNKNOWN, LOCAL, other families) is the proxy's own, such as a health check.
"""

from typing import Final

from opentracker.errors import HttpError
from opentracker.protocol.addresses import parse_ip, unmap

# https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
V1: Final = b"PROXY "
V1_LONGEST: Final = 107  # bytes, with CRLF
V1_FAMILIES: Final = {b"TCP4": 4, b"TCP6": 16}
V1_WORDS: Final = 5  # family, two addresses, two ports
V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
V2_FIXED: Final = 16  # bytes up to the addresses
V2_LONGEST: Final = 2048  # bytes; more of extensions than any proxy is known to send
V2_VERSION: Final = 0x20
LOCAL, PROXIED = 0, 1
V2_ADDRESSES: Final = {0x11: 4, 0x21: 16}  # TCP over IPv4 and IPv6: bytes of an address
PORTS: Final = 4  # bytes of both ports

# https://developers.cloudflare.com/spectrum/reference/simple-proxy-protocol-header/
SIMPLE_SIZE: Final = 38
SIMPLE_MAGIC: Final = b"\x56\xec"
SIMPLE_CLIENT: Final = 2  # where the address is, IPv4 as a mapped one
SIMPLE_CLIENT_END: Final = 18


class ProxyHead:
    """The client's address (4 or 16 bytes, empty if there is none), and the size of the head in bytes."""

    __slots__ = ("client", "size")

    def __init__(self, client: bytes, size: int) -> None:
        self.client = client
        self.size = size


def parse_proxy_head(data: bytes) -> ProxyHead | None:
    """The head at the beginning of `data`; None if `data` does not hold all of it yet. Raises HttpError (400)."""
    if data.startswith(V2):
        return _parse_v2(data)
    if data.startswith(V1):
        return _parse_v1(data)
    if V2.startswith(data) or V1.startswith(data):
        return None
    raise HttpError(400)


def _parse_v1(data: bytes) -> ProxyHead | None:
    end = data.find(b"\r\n", 0, V1_LONGEST)
    if end < 0:
        if len(data) >= V1_LONGEST:
            raise HttpError(400)
        return None
    words = data[len(V1) : end].split(b" ")
    if words[0] == b"UNKNOWN":
        return ProxyHead(b"", end + 2)
    size = V1_FAMILIES.get(words[0], 0)
    if len(words) != V1_WORDS or not (words[3].isdigit() and words[4].isdigit()):
        raise HttpError(400)
    try:
        client = parse_ip(words[1].decode("ascii"))
    except ValueError as error:  # not ASCII, or no address
        raise HttpError(400) from error
    if len(client) != size and not (size == 16 and words[1].lower().startswith(b"::ffff:")):
        raise HttpError(400)
    return ProxyHead(client, end + 2)


def _parse_v2(data: bytes) -> ProxyHead | None:
    if len(data) < V2_FIXED:
        return None
    size = V2_FIXED + int.from_bytes(data[14:16], "big")
    command = data[12] - V2_VERSION
    if command not in (LOCAL, PROXIED) or size > V2_LONGEST:
        raise HttpError(400)
    if len(data) < size:
        return None
    address = V2_ADDRESSES.get(data[13], 0)
    if command == LOCAL or address == 0:
        return ProxyHead(b"", size)
    if size < V2_FIXED + 2 * address + PORTS:
        raise HttpError(400)
    return ProxyHead(unmap(data[V2_FIXED : V2_FIXED + address]), size)


def simple_client(packet: bytes, size: int) -> bytes:
    """The client's address (4 or 16 bytes) of a datagram with the simple head; empty if it has none."""
    if size < SIMPLE_SIZE or not packet.startswith(SIMPLE_MAGIC):
        return b""
    return unmap(packet[SIMPLE_CLIENT:SIMPLE_CLIENT_END])
