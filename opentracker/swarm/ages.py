"""Ages: of peers, by stamps, which are minutes in one byte, and of torrents without peers."""

from typing import Final

from mypy_extensions import i64

from opentracker._features import OT_CLEAN_CYCLE, OT_PEER_TIMEOUT, OT_TORRENT_TIMEOUT_HOURS

# Minutes. An age above this means that the stamp is newer than `minute`: the clock advanced during the walk over the
# torrents. The cleaner runs often enough that no real peer gets this old; the cutoff is midway between both cases.
OLDEST: Final = (OT_PEER_TIMEOUT + OT_CLEAN_CYCLE + 255) // 2


def ages_by_stamp(minute: i64) -> bytes:
    """A `bytes.translate` table from stamp to age in `minute`; 0 for a stamp that is newer than `minute`."""
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
    """The age in minutes of the newest stamp, by a table of ages; 255 if there are no stamps."""
    if len(stamps) == 1:
        return ages[stamps[0]]
    return min(stamps.translate(ages), default=255)


def is_over(downloaded: i64, left_at: i64, minute: i64) -> bool:
    """Whether a torrent without peers can be dropped: it has no downloads to keep, or has reached its timeout."""
    return downloaded == 0 or minute - left_at > OT_TORRENT_TIMEOUT_HOURS * 60
