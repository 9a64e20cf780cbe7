"""SipHash against the example of its paper, and against what an independent implementation gives."""

import pytest

from opentracker._features import WANT_COMPILED

if WANT_COMPILED:
    from opentracker.swarm.siphash import SipHash

pytestmark = pytest.mark.needs(WANT_COMPILED=True)

KEY = bytes(range(16))
MASK = (1 << 64) - 1


def rotated(word: int, by: int) -> int:
    return (word << by | word >> 64 - by) & MASK


def siphash24(key: bytes, data: bytes) -> int:
    """SipHash-2-4 as the paper defines it, step by step."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v0, v1 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D
    v2, v3 = k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    words = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, len(padded), 8)]
    for word, rounds in [*((word, 2) for word in words), (0, 4)]:
        if rounds == 4:
            v2 ^= 0xFF
        v3 ^= word
        for _ in range(rounds):
            v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
            v1, v3 = rotated(v1, 13) ^ v0, rotated(v3, 16) ^ v2
            v0 = rotated(v0, 32)
            v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
            v1, v3 = rotated(v1, 17) ^ v2, rotated(v3, 21) ^ v0
            v2 = rotated(v2, 32)
        v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def test_the_comparison_gives_the_papers_example() -> None:
    """Appendix A: 15 bytes, 00 to 0e."""
    assert siphash24(KEY, bytes(range(15))) == 0xA129CA6149BE45E5


@pytest.mark.parametrize("size", [4, 16])
def test_addresses_of_both_families(size: int) -> None:
    for number in range(1000):
        key = number.to_bytes(2, "big") * 8
        address = (number * 0x9E3779B97F4A7C15F39CC0605CEDC834).to_bytes(32, "big")[-size:]
        assert SipHash(key).mac(address) & MASK == siphash24(key, address)


def test_the_reference_vectors() -> None:
    """Of the authors' implementation, for the key 00 to 0f and the bytes 00, 01 and so on."""
    assert SipHash(KEY).mac(bytes(range(4))) & MASK == 0xCF2794E0277187B7
    assert SipHash(KEY).mac(bytes(range(16))) & MASK == 0x3F2ACC7F57C29BDB
