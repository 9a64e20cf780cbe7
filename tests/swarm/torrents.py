"""The torrents of a tracker, read through the interface of its store."""

from opentracker.swarm.store.records import HEADER_SIZE, LARGE, PEER4, counts
from opentracker.swarm.tracker import Tracker

Peer = tuple[bool, int, int]  # whether it seeds, flags, stamp


def info_hashes(tracker: Tracker) -> set[bytes]:
    """The torrents that there are."""
    store = tracker.store
    return {info_hash for shard in range(store.shards) for info_hash in store.info_hashes(shard)}


def are_there(tracker: Tracker) -> bool:
    """Whether there is any torrent."""
    return bool(info_hashes(tracker))


def all_packed(tracker: Tracker) -> dict[bytes, bytes]:
    """All torrents as a state file has them."""
    return {info_hash: b"".join(tracker.store.pack(info_hash)) for info_hash in info_hashes(tracker)}


def peers_of(tracker: Tracker, info_hash: bytes) -> dict[bytes, Peer]:
    """The peers of a torrent, read from what a state file has of it."""
    text = b"".join(tracker.store.pack(info_hash))
    found: dict[bytes, Peer] = {}
    if not text:
        return found

    def take(planes: bytes, stride: int, leechers: int) -> None:
        n = len(planes) // (stride + 2)
        assert len(planes) == n * (stride + 2)
        for index in range(n):
            peer = planes[index * stride : (index + 1) * stride]
            assert peer not in found
            state = planes[n * stride + index], planes[n * (stride + 1) + index]
            found[peer] = (index >= leechers, *state)

    length = int.from_bytes(text[20:24], "big")
    if length < LARGE:
        record = text[24:]
        assert len(record) == length
        n4, leechers4, _, leechers6 = counts(record)
        middle = HEADER_SIZE + PEER4 * n4
        take(record[HEADER_SIZE:middle], 6, leechers4)
        take(record[middle:], 18, leechers6)
        return found
    at = 24
    for stride, seeding in ((6, False), (6, True), (18, False), (18, True)):
        blocks = int.from_bytes(text[at : at + 4], "big")
        at += 4
        for _ in range(blocks):
            size = int.from_bytes(text[at : at + 4], "big")
            block = text[at + 4 : at + 4 + size]
            take(block, stride, 0 if seeding else len(block))
            at += 4 + size
    assert at == len(text)
    return found
