"""The one way of a torrent from a state into the tracker: stored, or skipped and counted by its reason."""

from typing import Final

from opentracker.features.state.tally import Tally
from opentracker.swarm.store.door import Contents
from opentracker.swarm.tracker import Tracker

NOT_ALLOWED: Final = "that the access list does not allow"
NO_ROOM: Final = "beyond the limits"
KNOWN: Final = "that were here already"
TOO_OLD: Final = "whose time is up"


def take(tracker: Tracker, info_hash: bytes, contents: Contents, too_old: bool, tally: Tally) -> None:
    """Store one torrent, unless it is another worker's, known, too old, not allowed or beyond the limits."""
    if not tracker.owns(info_hash):
        tally.of_others += 1
        return
    reason = ""
    if tracker.store.has(info_hash):
        reason = KNOWN
    elif too_old:
        reason = TOO_OLD
    elif not tracker.admits(info_hash):
        reason = NOT_ALLOWED
    elif not tracker.has_room(contents):
        reason = NO_ROOM
    if reason:
        tally.skip(reason)
        return
    tracker.put(info_hash, contents)
    tally.loaded += 1
