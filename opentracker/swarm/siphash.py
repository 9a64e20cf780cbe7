"""SipHash (Aumasson and Bernstein, 2012) in native arithmetic, for compiled builds alone.

Interpreted, an i64 is a Python integer, which does not wrap around at 64 bits.
"""

from typing import Final

from librt.strings import read_i32_le, read_i64_le
from mypy_extensions import i64

# The two halves of the paper's initial state: mypyc makes a literal of more than 62 bits a boxed object.
_HIGH: Final = (0x736F6D65, 0x646F7261, 0x6C796765, 0x74656462)
_LOW: Final = (0x70736575, 0x6E646F6D, 0x6E657261, 0x79746573)


class SipHash:
    """SipHash-2-4 under one key (16 bytes): a MAC of 64 bits, little-endian as in the paper."""

    __slots__ = ("v0", "v1", "v2", "v3")

    def __init__(self, key: bytes) -> None:
        k0, k1 = read_i64_le(key, 0), read_i64_le(key, 8)
        self.v0: i64 = k0 ^ _initial(0)
        self.v1: i64 = k1 ^ _initial(1)
        self.v2: i64 = k0 ^ _initial(2)
        self.v3: i64 = k1 ^ _initial(3)

    def mac(self, address: bytes) -> i64:
        """The MAC of an address of 4 or 16 bytes."""
        n: i64 = len(address)
        first: i64 = 0
        second: i64 = 0
        last = n << 56
        v0, v1, v2, v3 = self.v0, self.v1, self.v2, self.v3
        # Rounds 0 and 1 take in the first word, 2 and 3 the second, 4 and 5 the last, 6 to 9 finish.
        done: i64 = 0
        if n == 16:
            first = read_i64_le(address, 0)
            second = read_i64_le(address, 8)
            v3 ^= first
        else:
            last |= i64(read_i32_le(address, 0)) & 0xFFFFFFFF
            v3 ^= last
            done = 4
        while True:
            v0 += v1
            v2 += v3
            v1 = (v1 << 13 | (v1 >> 51 & 0x1FFF)) ^ v0
            v3 = (v3 << 16 | (v3 >> 48 & 0xFFFF)) ^ v2
            v0 = v0 << 32 | (v0 >> 32 & 0xFFFFFFFF)
            v2 += v1
            v0 += v3
            v1 = (v1 << 17 | (v1 >> 47 & 0x1FFFF)) ^ v2
            v3 = (v3 << 21 | (v3 >> 43 & 0x1FFFFF)) ^ v0
            v2 = v2 << 32 | (v2 >> 32 & 0xFFFFFFFF)
            done += 1
            if done == 10:
                return v0 ^ v1 ^ v2 ^ v3
            if done == 6:
                v0 ^= last
                v2 ^= 0xFF
            elif done == 2:
                v0 ^= first
                v3 ^= second
            elif done == 4:
                v0 ^= second
                v3 ^= last


def _initial(number: int) -> i64:
    """One of the four words of the initial state."""
    high: i64 = _HIGH[number]
    low: i64 = _LOW[number]
    return high << 32 | low


class Spreader:
    """SipHash-1-3 of 20 bytes, the algorithm of Python's `hash()` too: it spreads info_hashes over tables."""

    __slots__ = ("v0", "v1", "v2", "v3")

    def __init__(self, k0: i64, k1: i64) -> None:
        self.v0: i64 = k0 ^ _initial(0)
        self.v1: i64 = k1 ^ _initial(1)
        self.v2: i64 = k0 ^ _initial(2)
        self.v3: i64 = k1 ^ _initial(3)

    def spread20(self, first: i64, second: i64, tail: i64) -> i64:
        """The hash of two little-endian words and the four bytes of `tail`."""
        # 20 << 56 in two steps: mypyc makes a C int of a constant that it can fold.
        length: i64 = 20 << 32
        last = tail | length << 24
        v0, v1, v2, v3 = self.v0, self.v1, self.v2, self.v3
        done: i64 = 0
        v3 ^= first
        while True:
            v0 += v1
            v2 += v3
            v1 = (v1 << 13 | (v1 >> 51 & 0x1FFF)) ^ v0
            v3 = (v3 << 16 | (v3 >> 48 & 0xFFFF)) ^ v2
            v0 = v0 << 32 | (v0 >> 32 & 0xFFFFFFFF)
            v2 += v1
            v0 += v3
            v1 = (v1 << 17 | (v1 >> 47 & 0x1FFFF)) ^ v2
            v3 = (v3 << 21 | (v3 >> 43 & 0x1FFFFF)) ^ v0
            v2 = v2 << 32 | (v2 >> 32 & 0xFFFFFFFF)
            done += 1
            if done == 6:
                return v0 ^ v1 ^ v2 ^ v3
            if done == 3:
                v0 ^= last
                v2 ^= 0xFF
            elif done == 2:
                v0 ^= second
                v3 ^= last
            elif done == 1:
                v0 ^= first
                v3 ^= second
