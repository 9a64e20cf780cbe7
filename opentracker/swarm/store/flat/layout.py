"""The layout of a small torrent in a shard's words of 64 bits.

====== ===================================================================================
word   bits
====== ===================================================================================
0, 1   the first 16 bytes of the info_hash
2      0 to 31: its last four; 32 to 55: IPv4 peers, IPv4 leechers, IPv6 peers, a byte each,
       or the minute in which the last peer left, or the number of a large swarm
3      0 to 30: downloads; 31 to 38: IPv6 leechers; 39 to 48: the number of words for
       peers; 49: EMPTY; 50: LARGE
====== ===================================================================================

The words for peers follow. IPv4 peers, a word each, fill them from the beginning; IPv6 peers, three words each, from
the end backwards. In each family leechers come before seeders. The word of an IPv4 peer, and the last one of an IPv6
peer:

====== ===================================================================================
bits
====== ===================================================================================
0      IPv4: address and port as in a datagram, the first byte lowest; IPv6: the port alone
48     the minute of the peer's last announce, modulo 256
56     COMPLETED, FROM_SYNC, PARTIAL
====== ===================================================================================

Only words of info_hashes and IPv6 addresses may be negative or need more than 62 bits: mypyc makes an object of a
literal that long, and interpreted integers do not wrap around at 64 bits.
"""

from typing import Final

from librt.strings import read_i16_le, read_i32_le, read_i64_le
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.swarm.store.peers import COMPLETED, FROM_SYNC, PARTIAL, STRIDE4

HEAD: Final = 4  # words
M8: Final = 0xFF
M16: Final = 0xFFFF
M24: Final = 0xFFFFFF
M32: Final = 0xFFFFFFFF
M48: Final = 0xFFFFFFFFFFFF
COUNTS_AT: Final = 32  # bits of the second word: a byte each from here on
LEECHERS4_AT: Final = 40
PEERS6_AT: Final = 48
DOWNLOADS: Final = 0x7FFFFFFF  # bits of the third word
LEECHERS6_AT: Final = 31
ROOM_AT: Final = 39
ROOM_MASK: Final = 0x3FF
EMPTY: Final = 0x2000000000000
LARGE: Final = 0x4000000000000
STAMP_AT: Final = 48  # bits of a peer
FLAGS_AT: Final = 56
COMPLETED_BIT: Final = 1  # of the flags there
SYNC_BIT: Final = 2
PARTIAL_BIT: Final = 4
PARTIAL_AT: Final = 58


def word_of_peer(data: bytes, at: i64) -> i64:
    """The IPv4 address and port at an offset, packed for a peer's word."""
    return i64(read_i32_le(data, at)) & M32 | (i64(read_i16_le(data, at + 4)) & M16) << 32


def words_of_peer(peer: bytes) -> tuple[i64, i64, i64]:
    """The words of a peer, for `members.find`; an IPv4 peer is the first one alone."""
    if len(peer) == STRIDE4:
        return word_of_peer(peer, 0), 0, 0
    return read_i64_le(peer, 0), read_i64_le(peer, 8), i64(read_i16_le(peer, 16)) & M16


def byte_of_flags(flags: i64) -> i64:
    """Convert the flags of a word to those of a plane."""
    byte: i64 = (COMPLETED if flags & COMPLETED_BIT else 0) | (FROM_SYNC if flags & SYNC_BIT else 0)
    if WANT_EXTENDED_ANSWERS and flags & PARTIAL_BIT != 0:
        byte |= PARTIAL
    return byte


def flags_of_byte(byte: i64) -> i64:
    """Convert the flags of a plane to those of a word."""
    flags: i64 = (COMPLETED_BIT if byte & COMPLETED else 0) | (SYNC_BIT if byte & FROM_SYNC else 0)
    if WANT_EXTENDED_ANSWERS and byte & PARTIAL != 0:
        flags |= PARTIAL_BIT
    return flags
