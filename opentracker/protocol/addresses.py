"""Addresses and networks: text to packed bytes and back.

Packed is 4 bytes (IPv4) or 16 (IPv6), in network order. An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2)
always becomes the IPv4 address that it stands for, so that one host has one packed form.

Text comes from an operator or, with the features that believe a client, from a stranger. Every parse function raises
ValueError, with a text that names the value and the expected form, and no other exception.
"""

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

DEFAULT_PORT: Final = 6969

_MAPPED: Final = bytes(10) + b"\xff\xff"
_MAPPED_BITS: Final = 96
_LONGEST_TEXT: Final = 45  # ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255
HIGHEST_PORT: Final = 65535


def unmap(packed: bytes) -> bytes:
    """The 4 bytes inside an IPv4-mapped IPv6 address; any other packed address unchanged."""
    if len(packed) == 16 and packed.startswith(_MAPPED):
        return packed[12:]
    return packed


def parse_ip(text: str) -> bytes:
    """Packed form of an address: no brackets, port, zone or white space, no IPv4 part with a leading zero."""
    return unmap(_parse_unmapped(text))


def format_ip(packed: bytes) -> str:
    """Text of 4 or 16 packed bytes, IPv6 in the short form of RFC 5952."""
    if len(packed) == 4:
        return str(IPv4Address(packed))
    return str(IPv6Address(packed))


def parse_endpoint(text: str, default_port: int = DEFAULT_PORT) -> tuple[bytes, int]:
    """Packed address and port (0..65535) of `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`.

    An IPv6 address needs brackets before a port: without them every colon belongs to the address.
    """
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in host or (port and not port.startswith(":")):
            raise ValueError(f"'{text}' is not an address: expected [IPv6] or [IPv6]:port")
        return parse_ip(host), _parse_port(port[1:], text) if port else default_port
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return parse_ip(host), _parse_port(port, text)
    return parse_ip(text), default_port


def format_endpoint(packed: bytes, port: int) -> str:
    """`1.2.3.4:80` or `[::1]:80`."""
    host = format_ip(packed)
    return f"{host}:{port}" if len(packed) == 4 else f"[{host}]:{port}"


def parse_network(text: str) -> tuple[bytes, int]:
    """First address and prefix length of `ip` or `ip/bits`: 0..32 bits for IPv4, 0..128 for IPv6.

    Bits of the address behind the prefix are cleared. An IPv4-mapped network becomes the IPv4 network if its
    prefix covers the mapping.
    """
    host, slash, length = text.partition("/")
    packed = _parse_unmapped(host)
    bits = _parse_bits(length, 8 * len(packed), text) if slash else 8 * len(packed)
    if bits >= _MAPPED_BITS and len(unmap(packed)) == 4 and len(packed) == 16:
        packed = unmap(packed)
        bits -= _MAPPED_BITS
    spare = 8 * len(packed) - bits
    first = int.from_bytes(packed, "big") >> spare << spare
    return first.to_bytes(len(packed), "big"), bits


def format_network(packed: bytes, bits: int) -> str:
    """`10.0.0.0/8`, `2001:db8::/32`."""
    return f"{format_ip(packed)}/{bits}"


def _parse_unmapped(text: str) -> bytes:
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"an address has at most {_LONGEST_TEXT} characters, not {len(text)}")
    if "%" in text:  # ipaddress would take a zone, and packing would lose it
        raise ValueError(f"'{text}' is not an address: a zone cannot be used here")
    try:
        if ":" in text:
            return IPv6Address(text).packed
        return _parse_ipv4(text)
    except AddressValueError as error:
        raise ValueError(f"'{text}' is not an IPv4 or IPv6 address: {error}") from error


def _parse_ipv4(text: str) -> bytes:
    """The result of IPv4Address for an address, at a quarter of the cost; it refuses everything else."""
    try:
        packed = bytes(map(int, text.split(".")))
        if len(packed) == 4 and ".".join(map(str, packed)) == text:
            return packed
    except ValueError:
        pass
    return IPv4Address(text).packed


def _parse_port(digits: str, text: str) -> int:
    if not _is_number(digits, 5) or int(digits) > HIGHEST_PORT:
        raise ValueError(f"'{text}' has a bad port: expected 0..{HIGHEST_PORT}")
    return int(digits)


def _parse_bits(digits: str, most: int, text: str) -> int:
    if not _is_number(digits, 3) or int(digits) > most:
        raise ValueError(f"'{text}' has a bad prefix length: expected 0..{most}")
    return int(digits)


def _is_number(digits: str, longest: int) -> bool:
    """ASCII digits without a leading zero."""
    return (
        len(digits) <= longest
        and digits.isascii()
        and digits.isdigit()
        and (digits == "0" or not digits.startswith("0"))
    )
