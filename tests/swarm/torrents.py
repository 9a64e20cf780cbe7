"""What a tracker holds, asked by the door of its store."""

from opentracker.swarm.tracker import Tracker


def info_hashes(tracker: Tracker) -> set[bytes]:
    """The torrents that there are."""
    store = tracker.store
    return {info_hash for shard in range(store.shards) for info_hash in store.info_hashes(shard)}


def are_there(tracker: Tracker) -> bool:
    """Whether there is any torrent."""
    return bool(info_hashes(tracker))


def packed(tracker: Tracker) -> dict[bytes, list[bytes]]:
    """All torrents as a state file has them."""
    return {info_hash: tracker.store.pack(info_hash) for info_hash in info_hashes(tracker)}
