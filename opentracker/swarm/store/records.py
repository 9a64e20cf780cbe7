"""The record of a small torrent: one `bytes` object; with one peer it costs 48 bytes beside its dict entry.

====== =========================================================================
offset field
====== =========================================================================
0      u32 number of `completed` events (31 bits are used)
4      u8 IPv4 peers · u8 IPv4 leechers · u8 IPv6 leechers
7      planes of the IPv4 peers, planes of the IPv6 peers (see `peers`)
====== =========================================================================

In each plane leechers stand before seeders. A record without peers ends after its head, and its bytes 4 to 6 hold the
minute in which the last peer left.
"""

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from opentracker.swarm.store.door import Contents
from opentracker.swarm.store.peers import STRIDE4, STRIDE6

HEADER_SIZE: Final = 7  # with a longer head, a torrent with one peer would need 16 bytes more of memory
PEER4: Final = STRIDE4 + 2  # bytes of a peer, flags and stamp included
PEER6: Final = STRIDE6 + 2
EMPTY: Final = bytes(HEADER_SIZE)
SMALL: Final = 200  # peers; one more makes the torrent a large swarm. Below 256.
MOST_DOWNLOADED: Final = 0x7FFFFFFF
LARGE: Final = 1 << 31  # in state files: in place of a record's length, with the downloads of a large swarm
NEGATIVE: Final = 1 << 23  # 16 years of minutes


def downloaded(record: bytes) -> i64:
    """The number of `completed` events."""
    count: int = read_i32_be(record, 0)
    return count


def counts(record: bytes) -> tuple[i64, i64, i64, i64]:
    """IPv4 peers, leechers among them, IPv6 peers, leechers among them."""
    if len(record) == HEADER_SIZE:
        return 0, 0, 0, 0
    n4: i64 = record[4]
    return n4, record[5], (len(record) - HEADER_SIZE - PEER4 * n4) // PEER6, record[6]


def left_at(record: bytes) -> i64:
    """The minute in which the last peer of a record without peers left; negative if before the start."""
    minute: i64 = int.from_bytes(record[4:HEADER_SIZE], "big")
    return minute if minute < NEGATIVE else minute - 2 * NEGATIVE


def head(completed: i64, n4: i64, leechers4: i64, leechers6: i64) -> bytes:
    """The head of a record with peers."""
    packed: int = completed << 24 | n4 << 16 | leechers4 << 8 | leechers6
    return packed.to_bytes(HEADER_SIZE, "big")


def without_peers(completed: i64, minute: i64) -> bytes:
    """The record of a torrent whose last peer left in `minute`."""
    packed: int = completed << 24 | (minute & (2 * NEGATIVE - 1))
    return packed.to_bytes(HEADER_SIZE, "big")


def record_of(contents: Contents) -> bytes:
    """The record of a torrent with few peers."""
    if contents.size() == 0:
        return without_peers(contents.downloaded, contents.left_at)
    n4: i64 = len(contents.planes4) // PEER4
    start = head(contents.downloaded, n4, contents.leechers4, contents.leechers6)
    return b"".join([start, contents.planes4, contents.planes6])


def peers_of(record: bytes) -> i64:
    """The number of peers."""
    if len(record) == HEADER_SIZE:
        return 0
    n4: i64 = record[4]
    return n4 + (len(record) - HEADER_SIZE - PEER4 * n4) // PEER6


def stamps_of(record: bytes) -> tuple[bytes, bytes]:
    """The stamps of a record's IPv4 and IPv6 peers."""
    n4, _leechers4, n6, _leechers6 = counts(record)
    start4, start6 = HEADER_SIZE + (STRIDE4 + 1) * n4, HEADER_SIZE + PEER4 * n4 + (STRIDE6 + 1) * n6
    return record[start4 : start4 + n4], record[start6 : start6 + n6]


def plane_of(record: bytes, peer: bytes) -> tuple[i64, i64]:
    """The offset of the addresses of the peer's family in a record, and their number."""
    if len(record) == HEADER_SIZE:
        return HEADER_SIZE, 0
    n4: i64 = record[4]
    if len(peer) == STRIDE4:
        return HEADER_SIZE, n4
    start: i64 = HEADER_SIZE + PEER4 * n4
    return start, (len(record) - start) // PEER6
