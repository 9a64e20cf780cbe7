"""Taking away the torrents that an access list refuses: all of them in small slices, or one at once."""

from collections.abc import Iterator
from typing import Final

from opentracker.swarm.expiry import give_back
from opentracker.swarm.tracker import SHARDS, Tracker

SLICE: Final = 64  # torrents asked about between two yields: some tens of microseconds


def purge(tracker: Tracker) -> Iterator[None]:
    """Remove every torrent that the access list refuses; after that announces need not ask about those that are here.

    Ends early where another list has taken the place of the one it began with: whoever put it there purges again.
    """
    admission = tracker.admission
    seen = 0
    for number in range(SHARDS):
        shard = tracker.shards[number]
        info_hashes = list(shard)
        while info_hashes:  # taken off one by one, for the cleaner's reason
            info_hash = info_hashes.pop()
            entry = shard.get(info_hash)  # None: the cleaner has been here in between
            if entry is not None and not admission.allows(info_hash):
                tracker.put(shard, info_hash, entry, None)
            seen += 1
            if seen % SLICE == 0:
                yield
                if tracker.admission is not admission:
                    return
        give_back(shard)
    tracker.has_doubtful = False


def forget(tracker: Tracker, info_hash: bytes) -> None:
    """Remove one torrent, if it is there."""
    shard = tracker.shards[hash(info_hash) & (SHARDS - 1)]
    entry = shard.get(info_hash)
    if entry is not None:
        tracker.put(shard, info_hash, entry, None)
