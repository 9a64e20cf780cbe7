"""Endpoints and networks as texts: packed or ValueError; what is packed reads the same when it is written out again."""

import ipaddress

from opentracker.protocol.addresses import (
    format_endpoint,
    format_ip,
    format_network,
    parse_endpoint,
    parse_ip,
    parse_network,
)

WORDS = [
    b"127.0.0.1",
    b"::",
    b"::ffff:1.2.3.4",
    b"[::1]",
    b":80",
    b"/8",
    b"/128",
    b"%eth0",
    b"2001:db8::1",
    b"0",
]


def standard(text: str) -> bytes | None:
    """The standard library's result for an address, with a mapped one unmapped; None for a text that is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.packed
    return address.packed


def check(data: bytes) -> None:
    """One text, as each of the three."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        packed = parse_ip(text)
    except ValueError:
        assert len(text) > 45 or standard(text) is None
    else:
        assert packed == standard(text)
        assert parse_ip(format_ip(packed)) == packed
    try:
        address, port = parse_endpoint(text, 7)
    except ValueError:
        pass
    else:
        assert 0 <= port <= 65535
        assert parse_endpoint(format_endpoint(address, port)) == (address, port)
    try:
        first, bits = parse_network(text)
    except ValueError:
        pass
    else:
        assert parse_network(format_network(first, bits)) == (first, bits)
        ipaddress.ip_network((first, bits))  # strict: no bit behind the prefix
