"""Removing the torrents that an access list refuses, in small slices."""

from collections.abc import Iterator
from typing import Final

from opentracker.swarm.tracker import Tracker

SLICE: Final = 64  # torrents asked about between two yields: some tens of microseconds


def purge(tracker: Tracker) -> Iterator[None]:
    """Remove every torrent that the access list refuses; after that announces of stored torrents need no check.

    It ends early if another list is installed meanwhile: that installation starts a purge of its own.
    """
    admission = tracker.admission
    store = tracker.store
    seen = 0
    for shard in range(store.shards):
        info_hashes = store.info_hashes(shard)
        while info_hashes:  # popped one by one: freeing the whole list at once may take milliseconds
            info_hash = info_hashes.pop()
            if not admission.allows(info_hash):
                tracker.remove(info_hash)
            seen += 1
            if seen % SLICE == 0:
                yield
                if tracker.admission is not admission:
                    return
        store.give_back(shard)
    tracker.has_doubtful = False
