"""The small torrent: one `bytes` object, so that a torrent with one peer costs 64 bytes beside its dict entry.

====== =========================================================================
offset field
====== =========================================================================
0      u32 how often `completed` was reported (31 bits are used)
4      u8 IPv4 peers · u8 IPv4 leechers · u8 IPv6 leechers · u8 0
8      planes of the IPv4 peers, planes of the IPv6 peers (see `peers`)
====== =========================================================================

In each plane leechers stand before seeders. A record without peers ends after its head, and its bytes 4 to 7 hold the
minute in which the last peer left.
"""

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from opentracker.swarm.peers import STRIDE4, STRIDE6

HEAD: Final = 8
PEER4: Final = STRIDE4 + 2  # bytes of a peer, flags and stamp included
PEER6: Final = STRIDE6 + 2
EMPTY: Final = bytes(HEAD)
SMALL: Final = 48  # peers of a family; one more makes the torrent a large one. Below 256.
MOST_DOWNLOADED: Final = 0x7FFFFFFF


def downloaded(record: bytes) -> i64:
    """How often `completed` was reported."""
    return i64(read_i32_be(record, 0))


def peers4(record: bytes) -> i64:
    """How many IPv4 peers there are."""
    return i64(record[4]) if len(record) > HEAD else 0


def peers6(record: bytes) -> i64:
    """How many IPv6 peers there are."""
    return (len(record) - HEAD - PEER4 * i64(record[4])) // PEER6 if len(record) > HEAD else 0


def leechers4(record: bytes) -> i64:
    """How many of the IPv4 peers are leechers."""
    return i64(record[5]) if len(record) > HEAD else 0


def leechers6(record: bytes) -> i64:
    """How many of the IPv6 peers are leechers."""
    return i64(record[6]) if len(record) > HEAD else 0


def start6(record: bytes) -> i64:
    """Where the IPv6 planes begin."""
    return HEAD + PEER4 * peers4(record)


def left_at(record: bytes) -> i64:
    """The minute in which the last peer left; the record has none."""
    return i64(read_i32_be(record, 4))


def head(completed: i64, v4: i64, leeching4: i64, leeching6: i64) -> bytes:
    """The head of a record with peers."""
    packed: int = completed << 32 | v4 << 24 | leeching4 << 16 | leeching6 << 8
    return packed.to_bytes(8, "big")


def without_peers(completed: i64, minute: i64) -> bytes:
    """The record of a torrent whose last peer left in `minute`."""
    packed: int = completed << 32 | minute
    return packed.to_bytes(8, "big")
