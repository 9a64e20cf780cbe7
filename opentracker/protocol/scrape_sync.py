"""Scrape sync: a tracker tells another one of its cluster how often each torrent was downloaded.

====== ==================== ====================================================================================
type   bytes                packet, behind the head that is common to all of live sync (see `livesync`)
====== ==================== ====================================================================================
1      16 in all            beacon: 8 u64 number of torrents
2      12 in all            inquire: 8 u32 id of the tracker that is asked
3      8 + 32 for a record  tell: info_hash[20] · u32 minutes since the torrent was last touched · u64 downloaded
====== ==================== ====================================================================================

The parsers take packets whose kind `livesync.kind_of` has checked, and cannot fail.
"""

from typing import Final

from librt.strings import read_i32_be, read_i64_be
from mypy_extensions import i64

from opentracker.protocol.livesync import HEADER_SIZE, INFO_HASH, LARGEST, TELL_RECORD, write_head

BEACON_TYPE: Final = 1
INQUIRE_TYPE: Final = 2
TELL_TYPE: Final = 3
MOST_TOLD: Final = (LARGEST - HEADER_SIZE) // TELL_RECORD  # records a packet: 46


def beacon_of(packet: bytes) -> i64:
    """The number of torrents in a beacon; 0 for a negative number, which no tracker can have."""
    torrents = read_i64_be(packet, HEADER_SIZE)
    return torrents if torrents > 0 else 0


def asked_of(packet: bytes) -> bytes:
    """The id (4 bytes) of the tracker that an inquire asks."""
    return packet[HEADER_SIZE : HEADER_SIZE + 4]


def told_count(packet: bytes) -> i64:
    """How many whole records a tell holds."""
    return (len(packet) - HEADER_SIZE) // TELL_RECORD


def parse_told(packet: bytes, index: i64) -> tuple[bytes, i64, i64]:
    """Info_hash, minutes since the torrent was last touched, and downloads of a tell's record; never negative."""
    at = HEADER_SIZE + index * TELL_RECORD
    minutes = i64(read_i32_be(packet, at + INFO_HASH)) & 0xFFFFFFFF
    downloaded = read_i64_be(packet, at + INFO_HASH + 4)
    return packet[at : at + INFO_HASH], minutes, downloaded if downloaded > 0 else 0


def write_beacon(tracker_id: int, torrents: int) -> bytes:
    """A beacon."""
    return write_head(tracker_id, BEACON_TYPE) + torrents.to_bytes(8, "big")


def write_inquire(tracker_id: int, asked: bytes) -> bytes:
    """An inquire of the tracker with the id `asked`."""
    return write_head(tracker_id, INQUIRE_TYPE) + asked


def write_told(info_hash: bytes, minutes: int, downloaded: int) -> bytes:
    """A record of a tell, which follows `write_head(tracker_id, TELL_TYPE)`."""
    return info_hash + minutes.to_bytes(4, "big") + downloaded.to_bytes(8, "big")
