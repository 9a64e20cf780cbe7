from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opentracker.protocol.addresses import (
    DEFAULT_PORT,
    format_endpoint,
    format_ip,
    format_network,
    parse_endpoint,
    parse_ip,
    parse_network,
    unmap,
)

LOCALHOST = b"\x7f\x00\x00\x01"
LOCALHOST6 = bytes(15) + b"\x01"
MAPPED = bytes(10) + b"\xff\xff"
V4 = st.binary(min_size=4, max_size=4)
V6 = st.binary(min_size=16, max_size=16)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("127.0.0.1", LOCALHOST),
        ("0.0.0.0", bytes(4)),
        ("255.255.255.255", b"\xff" * 4),
        ("::1", LOCALHOST6),
        ("::", bytes(16)),
        ("2001:DB8:0:0::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("::ffff:127.0.0.1", LOCALHOST),
        ("::FFFF:7f00:1", LOCALHOST),
        ("::127.0.0.1", bytes(12) + LOCALHOST),
    ],
)
def test_parse_ip(text: str, packed: bytes) -> None:
    assert parse_ip(text) == packed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "notanaddr",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.-4",
        "0x7f.0.0.1",
        "2130706433",
        "١.2.3.4",
        "1.2.3.4/8",
        "1.2.3.4:80",
        "[::1]",
        ":::",
        "::1::",
        "1:2:3:4:5:6:7",
        "fe80::1%eth0",
        "::1%",
        "::g",
        "1" * 10000,
    ],
)
def test_what_is_no_ip(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        parse_ip(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("1.2.3.4", (b"\x01\x02\x03\x04", DEFAULT_PORT)),
        ("1.2.3.4:80", (b"\x01\x02\x03\x04", 80)),
        ("1.2.3.4:0", (b"\x01\x02\x03\x04", 0)),
        ("1.2.3.4:65535", (b"\x01\x02\x03\x04", 65535)),
        ("::1", (LOCALHOST6, DEFAULT_PORT)),
        ("[::1]", (LOCALHOST6, DEFAULT_PORT)),
        ("[::1]:80", (LOCALHOST6, 80)),
        ("::1:80", (bytes(13) + b"\x01\x00\x80", DEFAULT_PORT)),
        ("[::ffff:127.0.0.1]:80", (LOCALHOST, 80)),
    ],
)
def test_c03_parse_endpoint(text: str, endpoint: tuple[bytes, int]) -> None:
    assert parse_endpoint(text) == endpoint


def test_default_port_of_the_caller() -> None:
    assert parse_endpoint("::1", 9696) == (LOCALHOST6, 9696)
    assert parse_endpoint("[::1]:80", 9696) == (LOCALHOST6, 80)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "notanaddr",
        "notanaddr:80",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:99999",
        "1.2.3.4:65536",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4: 80",
        "1.2.3.4:080",
        "1.2.3.4:²",
        "1.2.3.4:80:80",
        "[1.2.3.4]:80",
        "[1.2.3.4]",
        "[::1",
        "[]",
        "[]:80",
        "[::1]80",
        "[::1]:",
        "[::1]:x",
        "[::1]]:80",
        "[[::1]]:80",
        "::1]:80",
        "[fe80::1%eth0]:80",
        "1.2.3.4:" + "9" * 10000,
    ],
)
def test_c04_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        parse_endpoint(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("1.2.3.4", (b"\x01\x02\x03\x04", 32)),
        ("1.2.3.4/24", (b"\x01\x02\x03\x00", 24)),
        ("1.2.3.4/0", (bytes(4), 0)),
        ("10.0.0.0/8", (b"\x0a\x00\x00\x00", 8)),
        ("::1", (LOCALHOST6, 128)),
        ("2001:db8:ffff::/32", (bytes.fromhex("20010db8") + bytes(12), 32)),
        ("::/0", (bytes(16), 0)),
        ("::ffff:1.2.3.4", (b"\x01\x02\x03\x04", 32)),
        ("::ffff:1.2.3.4/120", (b"\x01\x02\x03\x00", 24)),
        ("::ffff:0:0/96", (bytes(4), 0)),
        ("::ffff:1.2.3.4/64", (bytes(16), 64)),
    ],
)
def test_c08_parse_network(text: str, network: tuple[bytes, int]) -> None:
    assert parse_network(text) == network


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/8",
        "bogus",
        "1.2.3.4/",
        "1.2.3.4/99",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "1.2.3.4/08",
        "1.2.3.4/8 ",
        "1.2.3.4/8/8",
        "1.2.3.4/255.0.0.0",
        "2001:db8::/129",
        "[::1]/64",
        "1.2.3/8",
    ],
)
def test_c08_what_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|prefix length"):
        parse_network(text)


def test_unmap() -> None:
    assert unmap(MAPPED + LOCALHOST) == LOCALHOST
    assert unmap(LOCALHOST) == LOCALHOST
    assert unmap(LOCALHOST6) == LOCALHOST6
    assert unmap(bytes(12) + LOCALHOST) == bytes(12) + LOCALHOST


@given(V4 | V6.filter(lambda packed: not packed.startswith(MAPPED)), st.integers(0, 65535))
def test_parse_gives_back_what_was_formatted(packed: bytes, port: int) -> None:
    assert parse_ip(format_ip(packed)) == packed
    assert parse_endpoint(format_endpoint(packed, port)) == (packed, port)
    assert parse_network(format_network(packed, 8 * len(packed))) == (packed, 8 * len(packed))


@given(V4)
def test_unmapped_is_what_ipaddress_finds(packed: bytes) -> None:
    mapped = IPv6Address(MAPPED + packed)
    assert mapped.ipv4_mapped is not None
    assert unmap(mapped.packed) == mapped.ipv4_mapped.packed == parse_ip(str(mapped))


@given((V4.map(IPv4Address) | V6.map(IPv6Address)), st.data())
def test_c09_networks_are_those_of_ipaddress(address: IPv4Address | IPv6Address, data: st.DataObject) -> None:
    bits = data.draw(st.integers(0, address.max_prefixlen))
    expected: IPv4Network | IPv6Network = ip_network((address, bits), strict=False)
    packed, found = parse_network(f"{address}/{bits}")
    if len(packed) == 4 and address.version == 6:  # IPv4-mapped
        packed, found = MAPPED + packed, found + 96
    assert (packed, found) == (expected.network_address.packed, bits)


@given(st.text(max_size=60) | st.text("0123456789abcdef:.[]/%", max_size=60))
def test_any_text_parses_or_raises_value_error(text: str) -> None:
    for parse in (parse_ip, parse_endpoint, parse_network):
        try:
            result = parse(text)
        except ValueError:
            continue
        packed = result if isinstance(result, bytes) else result[0]
        assert len(packed) in (4, 16)
