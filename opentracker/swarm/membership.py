"""The peers of one torrent, for an operator: from the bytes that a store packs for a state file."""

from collections.abc import Iterator

from mypy_extensions import i64

from opentracker.swarm.ages import ages_by_stamp
from opentracker.swarm.store.door import Store
from opentracker.swarm.store.peers import STRIDE4, STRIDE6
from opentracker.swarm.store.records import HEADER_SIZE, LARGE, PEER4, counts


class Member:
    """A peer: its address and port, packed, its age in minutes, and whether it is a seeder."""

    __slots__ = ("age", "peer", "seeding")

    def __init__(self, peer: bytes, age: int, seeding: bool) -> None:
        self.peer = peer
        self.age = age
        self.seeding = seeding


class Group:
    """Some peers of one family and one role, in planes (see swarm.store.peers)."""

    __slots__ = ("planes", "seeding", "size", "stride")

    def __init__(self, planes: bytes, stride: i64, seeding: bool) -> None:
        self.planes = planes
        self.stride: int = stride
        self.size: int = len(planes) // (stride + 2)
        self.seeding = seeding

    def ages(self, by_stamp: bytes) -> bytes:
        """The ages of the peers, by a table of ages."""
        return self.planes[self.size * (self.stride + 1) :].translate(by_stamp)


def groups(store: Store, info_hash: bytes) -> Iterator[Group]:
    """All peers of a torrent, in groups; none if it is not there."""
    parts = store.pack(info_hash)
    if not parts:
        return
    if int.from_bytes(parts[1], "big") < LARGE:
        yield from groups_of_record(parts[2])
        return
    at = 2
    for stride in (STRIDE4, STRIDE6):
        for seeding in (False, True):
            blocks = int.from_bytes(parts[at], "big")
            for number in range(blocks):
                if block := parts[at + 2 + 2 * number]:
                    yield Group(block, stride, seeding)
            at += 1 + 2 * blocks


def groups_of_record(record: bytes) -> Iterator[Group]:
    """The peers of a small torrent."""
    n4, leechers4, n6, leechers6 = counts(record)
    middle = HEADER_SIZE + PEER4 * n4
    for planes, stride, size, leechers in (
        (record[HEADER_SIZE:middle], STRIDE4, n4, leechers4),
        (record[middle:], STRIDE6, n6, leechers6),
    ):
        for first, end, seeding in ((0, leechers, False), (leechers, size, True)):
            flags, stamps = size * stride, size * (stride + 1)
            part = planes[first * stride : end * stride]
            part += planes[flags + first : flags + end] + planes[stamps + first : stamps + end]
            if part:
                yield Group(part, stride, seeding)


class Membership:
    """The ages of a torrent's peers in minutes (-1 without peers), and the first `most` of the peers."""

    __slots__ = ("members", "newest", "oldest", "size")

    def __init__(self, store: Store, info_hash: bytes, minute: i64, most: int) -> None:
        by_stamp = ages_by_stamp(minute)
        self.size = 0
        self.newest = -1
        self.oldest = -1
        self.members: list[Member] = []
        for group in groups(store, info_hash):
            ages = group.ages(by_stamp)
            self.size += group.size
            youngest, eldest = min(ages), max(ages)
            self.newest = youngest if self.newest < 0 else min(self.newest, youngest)
            self.oldest = max(self.oldest, eldest)
            for index in range(min(group.size, most - len(self.members))):
                peer = group.planes[index * group.stride : (index + 1) * group.stride]
                self.members.append(Member(peer, ages[index], group.seeding))
