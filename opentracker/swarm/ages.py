"""Ages: what a stamp, the minute in one byte, tells of a peer, and when a torrent's time is up."""

from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS

# Minutes. A stamp that seems to be older than this is of a minute that has begun since the walk over the torrents did.
# The cleaner comes too often to find a peer really so old; half the room that there is goes to either side.
OLDEST: Final = (OT_PEER_TIMEOUT + OT_CLEAN_CYCLE + 255) // 2


def ages_by_stamp(minute: i64) -> bytes:
    """A `bytes.translate` table from stamp to age in `minute`; 0 for a minute that has begun since."""
    ages = bytearray(256)
    for stamp in range(256):
        age = (minute - stamp) & 255
        ages[stamp] = age if age <= OLDEST else 0
    return bytes(ages)


def expired_stamps(minute: i64) -> bytes:
    """A `bytes.translate` table from stamp to 1 if a peer with it has expired, else 0.

    A peer is kept for OT_PEER_TIMEOUT whole minutes.
    """
    return bytes([1 if age > OT_PEER_TIMEOUT else 0 for age in ages_by_stamp(minute)])


def least_age(stamps: bytes, ages: bytes) -> i64:
    """The age of the newest of some stamps, in minutes, by a table of ages; 255 if there are none."""
    if len(stamps) == 1:
        return ages[stamps[0]]
    return min(stamps.translate(ages), default=255)


def is_over(downloaded: i64, left_at: i64, minute: i64) -> bool:
    """Whether a torrent without peers can go: it has no count to keep, or its time is up."""
    return downloaded == 0 or minute - left_at > OT_TORRENT_TIMEOUT_HOURS * 60
