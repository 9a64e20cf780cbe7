"""A shard: words that hold its torrents, an index of words beside them, and lists of free places.

A place is the number of a torrent's first word. An index entry is 22 bits of the hash and a place of 40 bits. Further
bits of the hash choose the slot at which a search of the index begins (open addressing). The index is never more than
three quarters full: a look-up then sees two and a half entries on average, or eight if the torrent is not there.

A torrent that is removed, or moves to a larger place, leaves its old place for the next torrent of that size. A shard
without room is compacted: its torrents are copied into new words with an eighth more room.
"""

from typing import Final

from librt.vecs import vec
from mypy_extensions import i64, mypyc_attr

from opentracker.swarm.store.flat.keyed import KeyedHash
from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    EMPTY,
    HEAD,
    LARGE,
    M8,
    M32,
    PEERS6_AT,
    ROOM_AT,
    ROOM_MASK,
)

SHARD_BITS: Final = 9  # of the hash: with ten million torrents a shard holds 20,000
PLACE: Final = 0xFFFFFFFFFF
PLACE_BITS: Final = 40
FINGER_AT: Final = 42  # bits of the hash
FINGER: Final = 0x3FFFFF
LEAST_INDEX: Final = 8  # entries
WORD: Final = 8  # bytes
SPARE: Final = 8  # room beyond the need after a compaction: an eighth of the words
LEAST_SPARE: Final = 16  # and these words more, so that a small shard is not compacted for every new torrent
# The sizes of places, in words for peers; 200 IPv6 peers need 600.
ROOMS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 160, 200, 256, 320, 400, 500, 600)


class Rooms:
    """Look-up tables of the sizes of places: the least fitting size for a need, and the number of a size."""

    __slots__ = ("fitting", "kinds")

    def __init__(self) -> None:
        self.fitting = vec[i64](
            [next(room for room in ROOMS if room >= need) for need in range(ROOMS[-1] + 1)]
        )
        self.kinds = vec[i64]([ROOMS.index(room) if room in ROOMS else 0 for room in range(ROOMS[-1] + 1)])


@mypyc_attr(acyclic=True)  # 16 bytes less: no head for the garbage collector
class Shard:
    """A shard of the store. A place is valid until a torrent is created or moved."""

    __slots__ = ("count", "free", "index", "keyed", "live", "mask", "rooms", "used", "words")

    def __init__(self, keyed: KeyedHash, rooms: Rooms) -> None:
        # A search reads the first three, which are neighbours in memory in this order.
        self.words = vec[i64]([0])  # no torrent is at 0
        self.index = vec[i64]([0] * LEAST_INDEX)
        self.mask: i64 = LEAST_INDEX - 1
        self.used: i64 = 1  # words up to the end of the last place
        self.live: i64 = 1  # words in use
        self.count: i64 = 0
        self.free = vec[i64]([0] * len(ROOMS))  # places by size, each with the next one in its first word
        self.keyed = keyed
        self.rooms = rooms

    def weight(self) -> i64:
        """Bytes of memory that the shard has allocated."""
        return (len(self.words) - 1 + self.mask + 1 - LEAST_INDEX) * WORD

    def find(self, h: i64, a0: i64, a1: i64, a2: i64) -> i64:
        """The place of an info_hash with this hash, or 0."""
        index = self.index
        words = self.words
        mask = self.mask
        finger = h >> FINGER_AT & FINGER
        slot = h >> SHARD_BITS & mask
        while True:
            entry = index[slot]
            if entry == 0:
                return 0
            if entry >> PLACE_BITS == finger:
                at = entry & PLACE
                if words[at] == a0 and words[at + 1] == a1 and words[at + 2] & M32 == a2:
                    return at
            slot = (slot + 1) & mask

    def hash_at(self, at: i64) -> i64:
        """The hash of the torrent at a place."""
        words = self.words
        return self.keyed.of(words[at], words[at + 1], words[at + 2] & M32)

    def slot_of(self, h: i64, at: i64) -> i64:
        """The slot whose entry has this place."""
        index = self.index
        slot = h >> SHARD_BITS & self.mask
        while index[slot] & PLACE != at:
            slot = (slot + 1) & self.mask
        return slot

    def enter(self, h: i64, at: i64) -> None:
        """Add an entry to the index, which has room for it."""
        index = self.index
        mask = self.mask
        slot = h >> SHARD_BITS & mask
        while index[slot] != 0:
            slot = (slot + 1) & mask
        index[slot] = (h >> FINGER_AT & FINGER) << PLACE_BITS | at

    def resize_index(self, size: i64) -> None:
        """Make the index anew with `size` slots, a power of two."""
        old = self.index
        last = self.mask
        self.index = vec[i64]([0] * size)
        self.mask = size - 1
        i: i64 = 0
        while i <= last:
            if old[i] != 0:
                at = old[i] & PLACE
                self.enter(self.hash_at(at), at)
            i += 1

    def room_at(self, at: i64) -> i64:
        """The number of words for peers at a place."""
        return self.words[at + 3] >> ROOM_AT & ROOM_MASK

    def places(self) -> list[i64]:
        """The places of all torrents."""
        found: list[i64] = []
        index = self.index
        i: i64 = 0
        while i <= self.mask:
            if index[i] != 0:
                found.append(index[i] & PLACE)
            i += 1
        return found

    # ---- Places ----

    def allot(self, room: i64) -> i64:
        """Allocate a place with `room` words for peers; this may compact the shard."""
        kind = self.rooms.kinds[room]
        self.live += HEAD + room
        at = self.free[kind]
        if at != 0:
            self.free[kind] = self.words[at]
            return at
        if self.used + HEAD + room > len(self.words):
            self.compact(HEAD + room, 0, 0)
        at = self.used
        self.used = at + HEAD + room
        return at

    def release(self, at: i64) -> None:
        """Put a place on the list of free ones."""
        room = self.room_at(at)
        kind = self.rooms.kinds[room]
        self.live -= HEAD + room
        self.words[at] = self.free[kind]
        self.free[kind] = at

    def create(self, h: i64, a0: i64, a1: i64, a2: i64, need: i64) -> i64:
        """Create an EMPTY torrent with at least `need` words for peers, and return its place."""
        if (self.count + 1) * 4 > (self.mask + 1) * 3:
            self.resize_index((self.mask + 1) * 2)
        room = self.rooms.fitting[need]
        at = self.allot(room)
        words = self.words
        words[at] = a0
        words[at + 1] = a1
        words[at + 2] = a2
        words[at + 3] = room << ROOM_AT | EMPTY
        self.enter(h, at)
        self.count += 1
        return at

    def move(self, h: i64, at: i64, need: i64) -> i64:
        """Move a torrent to a place with at least `need` words for peers; its IPv6 peers stay at the end."""
        room = self.rooms.fitting[need]
        if self.free[self.rooms.kinds[room]] == 0 and self.used + HEAD + room > len(self.words):
            return self.compact(0, at, room)
        new = self.allot(room)
        words = self.words
        slot = self.slot_of(h, at)
        copy_torrent(words, at, words, new, room)
        self.index[slot] = self.index[slot] & ~PLACE | new
        self.release(at)
        return new

    def remove(self, h: i64, at: i64) -> None:
        """Remove a torrent. Entries behind its own move up, if that brings them nearer to their first slots."""
        index = self.index
        mask = self.mask
        hole = self.slot_of(h, at)
        self.release(at)
        slot = hole
        while True:
            slot = (slot + 1) & mask
            entry = index[slot]
            if entry == 0:
                break
            home = self.hash_at(entry & PLACE) >> SHARD_BITS & mask
            if (slot - home) & mask >= (slot - hole) & mask:
                index[hole] = entry
                hole = slot
        index[hole] = 0
        self.count -= 1

    # ---- Compaction ----

    def is_wasteful(self) -> bool:
        """Whether a quarter of the words or seven eighths of the index are unused."""
        return len(self.words) > self.live * 4 // 3 + 64 or (
            self.mask + 1 > LEAST_INDEX and self.count * 8 < self.mask + 1
        )

    def give_back(self) -> None:
        """Compact the shard and shrink its index, if much of them is unused."""
        if not self.is_wasteful() and self.count > 0:
            return
        size: i64 = LEAST_INDEX
        while self.count * 2 > size:
            size *= 2
        if size < self.mask + 1:
            self.resize_index(size)
        self.compact(0, 0, 0)

    def compact(self, more: i64, moving: i64, wide: i64) -> i64:
        """Copy all torrents, each to a place of the least fitting size, into words with room for `more` words.

        The torrent at `moving`, if that is not 0, gets a place with `wide` words for peers; returns that place.
        """
        words = self.words
        index = self.index
        fitting = self.rooms.fitting
        live: i64 = 1
        i: i64 = 0
        while i <= self.mask:
            if index[i] != 0:
                at = index[i] & PLACE
                live += HEAD + (wide if at == moving else fitting[words_needed(words, at)])
            i += 1
        room = live + more
        if room > 1:
            room += room // SPARE + LEAST_SPARE
        new = vec[i64]([0] * room)
        used: i64 = 1
        moved: i64 = 0
        i = 0
        while i <= self.mask:
            entry = index[i]
            if entry != 0:
                at = entry & PLACE
                fit = fitting[words_needed(words, at)]
                if at == moving:
                    fit = wide
                    moved = used
                copy_torrent(words, at, new, used, fit)
                index[i] = entry & ~PLACE | used
                used += HEAD + fit
            i += 1
        self.words = new
        self.used = used
        self.live = live + more  # the caller has counted `more` already, and is about to use it
        self.free = vec[i64]([0] * len(ROOMS))
        return moved


def words_needed(words: vec[i64], at: i64) -> i64:
    """The number of words that a torrent's peers take."""
    if words[at + 3] & (EMPTY | LARGE) != 0:
        return 0
    counts = words[at + 2] >> COUNTS_AT
    return (counts & M8) + 3 * (counts >> PEERS6_AT - COUNTS_AT & M8)


def copy_torrent(words: vec[i64], at: i64, to: vec[i64], place: i64, room: i64) -> None:
    """Copy a torrent to a place with `room` words for peers."""
    old = words[at + 3] >> ROOM_AT & ROOM_MASK
    n4: i64 = 0
    n6: i64 = 0
    if words[at + 3] & (EMPTY | LARGE) == 0:
        n4 = words[at + 2] >> COUNTS_AT & M8
        n6 = 3 * (words[at + 2] >> PEERS6_AT & M8)
    n = HEAD + n4
    i: i64 = 0
    while i < n:
        to[place + i] = words[at + i]
        i += 1
    to[place + 3] = words[at + 3] & ~(ROOM_MASK << ROOM_AT) | room << ROOM_AT
    source = at + HEAD + old - n6
    target = place + HEAD + room - n6
    i = 0
    while i < n6:
        to[target + i] = words[source + i]
        i += 1
