"""The store of compiled builds: shards of words, see `layout` and `shard`."""

from collections.abc import Iterator
from typing import Final

from librt.random import Random
from librt.strings import BytesWriter, read_i16_le, read_i32_be, read_i32_le, read_i64_be, read_i64_le
from librt.vecs import vec
from mypy_extensions import i64

from opentracker._features import WANT_V4_ONLY
from opentracker.protocol.messages import EVENT_STOPPED, Announce
from opentracker.protocol.udp import EVENT, INFO_HASH, LEFT, PORT, write_announce_head
from opentracker.swarm.ages import ages_by_stamp
from opentracker.swarm.store.door import NOT_TAKEN, NOT_THERE, Contents, Evictor, Picture, Totals
from opentracker.swarm.store.flat.checks import check_shard
from opentracker.swarm.store.flat.cleaning import clean_shard
from opentracker.swarm.store.flat.keyed import words_of
from opentracker.swarm.store.flat.layout import (
    COUNTS_AT,
    DOWNLOADS,
    EMPTY,
    HEAD,
    LARGE,
    M16,
    M24,
    M32,
    word_of_peer,
)
from opentracker.swarm.store.flat.members import STEP4, STEP6, base_of, find, hand_out
from opentracker.swarm.store.flat.packing import contents_at, hosts_at, info_hash_at, least_age_at, pack_small
from opentracker.swarm.store.flat.pictures import FlatPicture
from opentracker.swarm.store.flat.shard import PLACE, SHARD_BITS, WORD, Shard
from opentracker.swarm.store.flat.torrents import (
    NO_AGE,
    NOBODY,
    SHARDS,
    FlatTorrents,
    is_full,
    members_at,
    size_at,
)
from opentracker.swarm.store.peers import STRIDE4, share_of_family
from opentracker.swarm.store.records import NEGATIVE, SMALL
from opentracker.swarm.store.weights import weight_of_swarm

SHARD_MASK: Final = SHARDS - 1
BATCH: Final = 64  # datagrams
SIZE4: Final = 4  # bytes of an IPv4 address
TORRENT: Final = 88  # bytes of a torrent without peers: its head, its index entry, and unused room


class FlatStore(FlatTorrents):
    """See Store."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.out = BytesWriter()
        # Of a batch: the hashes of its info_hashes, and their places by the index.
        self.hashes = vec[i64]([0] * BATCH)
        self.places = vec[i64]([0] * BATCH)
        self.seen: i64 = 0  # the result of the reads of `bring_near`, so that a compiler cannot drop them
        self.request = Announce(both_families=False)
        self.minute: i64 = -1  # of the table of ages
        self.ages = b""
        self.h: i64 = 0  # the hash of the last `locate`

    # ---- One torrent ----

    def locate(self, data: bytes, at: i64) -> tuple[Shard, i64]:
        """The shard of an info_hash, and its place there, or 0; sets `h` to its hash."""
        a0, a1, a2 = words_of(data, at)
        h = self.keyed.of(a0, a1, a2)
        self.h = h
        s = self.all[h & SHARD_MASK]
        return s, s.find(h, a0, a1, a2)

    def has(self, info_hash: bytes) -> bool:
        """See Store."""
        _, at = self.locate(info_hash, 0)
        return at != 0

    def announce(self, a: Announce, minute: i64) -> None:
        """See Store."""
        a0, a1, a2 = words_of(a.info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        peer = a.peer
        step: i64 = STEP4 if len(peer) == STRIDE4 else STEP6
        if at == 0:
            if a.event == EVENT_STOPPED or not a.stored:
                a.peers = a.peers6 = b""
                a.complete = a.incomplete = a.downloaded = 0
                return
            at = self.create(s, h, a0, a1, a2, 1 if step == STEP4 else 3)
        swarm = self.swarm_at(s, at)
        if swarm is None and self.outgrows(s, at, step, a):
            swarm = self.swarm_of(contents_at(s, at))
            self.enlarge(s, at, swarm)
        if swarm is not None:
            swarm.announce(a, minute, self.random)
            if a.age < 0:
                self.settle(swarm)
            return
        p0, p1, p2 = words_of_peer(peer, step)
        self.own = NOBODY
        self.age = NO_AGE
        self.has_completed = False
        at = self.carry_out(s, h, at, step, p0, p1, p2, a.seeding, a.event, a.stored, minute, -1)
        a.age = self.age
        a.has_completed = self.has_completed
        a.peers = a.peers6 = b""
        if a.event != EVENT_STOPPED:
            if not WANT_V4_ONLY and a.both_families:
                self.give_both(s, at, step, a)
            else:
                a.peers = self.given(s, at, step, self.own, a.numwant, a.seeding)
        a.complete, a.downloaded, a.incomplete = counts_at(s, at)

    def answer_udp(
        self,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        may_come: bool,
        out: BytesWriter,
    ) -> i64:
        """See Store."""
        a0, a1, a2 = words_of(packet, INFO_HASH)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        event = i64(read_i32_be(packet, EVENT))
        stored = packet[PORT] != 0 or packet[PORT + 1] > 1
        step: i64 = STEP4 if len(address) == SIZE4 else STEP6
        self.has_completed = False
        if at == 0:
            if event == EVENT_STOPPED or not stored:
                write_announce_head(out, packet, interval, 0, 0)
                return -2
            if not may_come:
                return NOT_TAKEN
            at = self.create(s, h, a0, a1, a2, 1 if step == STEP4 else 3)
        elif s.words[at + 3] & LARGE != 0:
            return self.answer_large(s, at, packet, address, numwant, interval, minute, out)
        elif is_full(s, at):
            return NOT_TAKEN
        port = i64(read_i16_le(packet, PORT)) & M16
        p0: i64 = 0
        p1: i64 = 0
        if step == STEP4:
            p0 = i64(read_i32_le(address, 0)) & M32 | port << 32
        else:
            p0 = read_i64_le(address, 0)
            p1 = read_i64_le(address, 8)
        seeding = read_i64_be(packet, LEFT) == 0
        self.own = NOBODY
        self.age = NO_AGE
        at = self.carry_out(s, h, at, step, p0, p1, port, seeding, event, stored, minute, -1)
        complete, _, incomplete = counts_at(s, at)
        write_announce_head(out, packet, interval, incomplete, complete)
        if event != EVENT_STOPPED:
            n, leechers = members_at(s, at, step)
            words = s.words
            base = base_of(words, at, step)
            hand_out(out, words, base, step, n, leechers, self.own, numwant, seeding, self.random)
        return self.age if self.age >= 0 else -2 - complete - incomplete

    def bring_near(self, packets: list[bytes], count: i64) -> None:
        """See Store. The reads do not depend on each other, so the CPU overlaps their cache misses."""
        if count > BATCH:
            count = BATCH
        hashes, places, shards = self.hashes, self.places, self.all
        seen: i64 = 0
        i: i64 = 0
        while i < count:
            a0, a1, a2 = words_of(packets[i], INFO_HASH)
            h = self.keyed.of(a0, a1, a2)
            s = shards[h & SHARD_MASK]
            hashes[i] = h
            places[i] = s.index[h >> SHARD_BITS & s.mask] & PLACE
            i += 1
        i = 0
        while i < count:
            at = places[i]
            words = shards[hashes[i] & SHARD_MASK].words
            if 0 < at < len(words) - HEAD:
                seen ^= words[at] ^ words[at + HEAD]
            i += 1
        self.seen = seen

    def answer_large(
        self,
        s: Shard,
        at: i64,
        packet: bytes,
        address: bytes,
        numwant: i64,
        interval: i64,
        minute: i64,
        out: BytesWriter,
    ) -> i64:
        """As `answer_udp`, for a large swarm."""
        swarm = self.swarm_at(s, at)
        if swarm is None:
            return NOT_TAKEN
        a = self.request
        a.peer = address + packet[PORT : PORT + 2]
        a.stored = packet[PORT] != 0 or packet[PORT + 1] > 1
        a.seeding = read_i64_be(packet, LEFT) == 0
        a.event = read_i32_be(packet, EVENT)
        a.numwant = numwant
        a.age = -1
        a.has_completed = False
        swarm.announce(a, minute, self.random)
        write_announce_head(out, packet, interval, a.incomplete, a.complete)
        out.write(a.peers)
        self.has_completed = a.has_completed
        if a.age >= 0:
            return a.age
        self.settle(swarm)
        return -2 - a.complete - a.incomplete

    def outgrows(self, s: Shard, at: i64, step: i64, a: Announce) -> bool:
        """Whether an announce adds a peer to a full small torrent, which makes it a large swarm."""
        if not is_full(s, at) or a.event == EVENT_STOPPED or not a.stored:
            return False
        return number_of(s, at, step, a.peer) < 0

    def given(self, s: Shard, at: i64, step: i64, own: i64, want: i64, seeding: bool) -> bytes:
        """Up to `want` peers of a family."""
        out = self.out
        out.truncate(0)
        n, leechers = members_at(s, at, step)
        words = s.words
        hand_out(out, words, base_of(words, at, step), step, n, leechers, own, want, seeding, self.random)
        return out.getvalue()

    def give_both(self, s: Shard, at: i64, step: i64, a: Announce) -> None:
        """Fill in peers of both families."""
        n4, _ = members_at(s, at, STEP4)
        n6, _ = members_at(s, at, STEP6)
        own4 = self.own if step == STEP4 else NOBODY
        own6 = self.own if step != STEP4 else NOBODY
        want4 = share_of_family(a.numwant, n4 - 1 if own4 >= 0 else n4, n6 - 1 if own6 >= 0 else n6)
        a.peers = self.given(s, at, STEP4, own4, want4, a.seeding)
        a.peers6 = self.given(s, at, STEP6, own6, a.numwant - want4, a.seeding)

    def sync(self, a: Announce, minute: i64) -> None:
        """See Store."""
        a0, a1, a2 = words_of(a.info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        at = s.find(h, a0, a1, a2)
        step: i64 = STEP4 if len(a.peer) == STRIDE4 else STEP6
        if at == 0:
            a.complete = a.incomplete = 0
            if a.event == EVENT_STOPPED:
                return
            at = self.create(s, h, a0, a1, a2, 1 if step == STEP4 else 3)
        swarm = self.swarm_at(s, at)
        if swarm is None and self.outgrows(s, at, step, a):
            swarm = self.swarm_of(contents_at(s, at))
            self.enlarge(s, at, swarm)
        if swarm is not None:
            swarm.sync(a, minute)
            self.settle(swarm)
            return
        p0, p1, p2 = words_of_peer(a.peer, step)
        self.has_completed = False
        at = self.carry_out(s, h, at, step, p0, p1, p2, a.seeding, a.event, True, minute, a.sync_age)
        a.has_completed = self.has_completed
        a.complete, _, a.incomplete = counts_at(s, at)

    def scrape(self, info_hash: bytes) -> tuple[i64, i64, i64]:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return 0, 0, 0
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return swarm.complete(), swarm.downloaded, swarm.incomplete()
        return counts_at(s, at)

    def size_of(self, info_hash: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return NOT_THERE
        swarm = self.swarm_at(s, at)
        return size_at(s, at) if swarm is None else swarm.size()

    def knows(self, info_hash: bytes, peer: bytes) -> bool:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return False
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return swarm.knows(peer)
        return number_of(s, at, STEP4 if len(peer) == STRIDE4 else STEP6, peer) >= 0

    def ports_of(self, info_hash: bytes, peer: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return 0
        swarm = self.swarm_at(s, at)
        return len(hosts_at(s, at, peer) if swarm is None else swarm.ports_of(peer))

    def drop_host(self, info_hash: bytes, peer: bytes, minute: i64) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            for other in swarm.ports_of(peer):
                swarm.drop(other)
            self.settle(swarm)
            return
        step: i64 = STEP4 if len(peer) == STRIDE4 else STEP6
        for other in hosts_at(s, at, peer):
            n, leechers = members_at(s, at, step)
            self.take(s, at, step, number_of(s, at, step, other), n, leechers, minute)

    def downloads(self, info_hash: bytes) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return NOT_THERE
        swarm = self.swarm_at(s, at)
        return s.words[at + 3] & DOWNLOADS if swarm is None else swarm.downloaded

    def touched(self, info_hash: bytes, minute: i64) -> i64:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return minute
        if s.words[at + 3] & EMPTY != 0:
            return left_at(s, at)
        if minute != self.minute:
            self.ages = ages_by_stamp(minute)
            self.minute = minute
        swarm = self.swarm_at(s, at)
        return minute - (least_age_at(s, at, self.ages) if swarm is None else swarm.least_age(self.ages))

    def raise_downloads(self, info_hash: bytes, count: i64) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            swarm.downloaded = max(swarm.downloaded, count)
        elif s.words[at + 3] & DOWNLOADS < count:
            s.words[at + 3] = s.words[at + 3] & ~DOWNLOADS | count

    def pack(self, info_hash: bytes) -> list[bytes]:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at == 0:
            return []
        swarm = self.swarm_at(s, at)
        if swarm is not None:
            return [info_hash, *swarm.packed()]
        record = pack_small(s, at)
        return [info_hash, len(record).to_bytes(4, "big"), record]

    def put(self, info_hash: bytes, contents: Contents) -> None:
        """See Store."""
        a0, a1, a2 = words_of(info_hash, 0)
        h = self.keyed.of(a0, a1, a2)
        s = self.all[h & SHARD_MASK]
        if contents.size() > SMALL:
            at = self.create(s, h, a0, a1, a2, 0)
            self.enlarge(s, at, self.swarm_of(contents))
        else:
            at = self.create(s, h, a0, a1, a2, contents.words())
            self.fill(s, at, contents)

    def weight_of(self, contents: Contents) -> i64:
        """See Store."""
        if contents.size() > SMALL:
            return TORRENT + weight_of_swarm(self.swarm_of(contents))
        return TORRENT + contents.words() * WORD

    def remove(self, info_hash: bytes) -> None:
        """See Store."""
        s, at = self.locate(info_hash, 0)
        if at != 0:
            self.drop(s, self.h, at)

    # ---- The torrents of a shard ----

    def shard_of(self, info_hash: bytes) -> i64:
        """See Store."""
        a0, a1, a2 = words_of(info_hash, 0)
        return self.keyed.of(a0, a1, a2) & SHARD_MASK

    def count(self, shard: i64) -> i64:
        """See Store."""
        return self.all[shard].count

    def info_hashes(self, shard: i64) -> list[bytes]:
        """See Store."""
        s = self.all[shard]
        return [info_hash_at(s, at) for at in s.places()]

    def picture(self, shard: i64) -> Picture:
        """See Store."""
        return FlatPicture(self, self.all[shard])

    def clean(self, shard: i64, minute: i64, evictor: Evictor) -> Iterator[None]:
        """See Store."""
        return clean_shard(self, shard, minute, evictor)

    def weigh(self, shard: i64) -> Totals:
        """See Store."""
        s = self.all[shard]
        found = Totals()
        found.torrents = s.count
        found.bytes = s.weight()
        for at in s.places():
            swarm = self.swarm_at(s, at)
            found.peers += size_at(s, at) if swarm is None else swarm.size()
            found.bytes += 0 if swarm is None else weight_of_swarm(swarm)
        return found

    def check(self, shard: i64, minute: i64, oldest: i64) -> Iterator[None]:
        """See Store."""
        return check_shard(self, shard, minute, oldest)


def words_of_peer(peer: bytes, step: i64) -> tuple[i64, i64, i64]:
    """The words of a peer, for `find`."""
    if step == STEP4:
        return word_of_peer(peer, 0), 0, 0
    return read_i64_le(peer, 0), read_i64_le(peer, 8), i64(read_i16_le(peer, 16)) & M16


def number_of(s: Shard, at: i64, step: i64, peer: bytes) -> i64:
    """The number of a peer of a small torrent, or -1."""
    p0, p1, p2 = words_of_peer(peer, step)
    n, _ = members_at(s, at, step)
    return find(s.words, base_of(s.words, at, step), step, n, p0, p1, p2)


def counts_at(s: Shard, at: i64) -> tuple[i64, i64, i64]:
    """(complete, downloaded, incomplete) of a small torrent."""
    _, leechers4 = members_at(s, at, STEP4)
    _, leechers6 = members_at(s, at, STEP6)
    incomplete = leechers4 + leechers6
    return size_at(s, at) - incomplete, s.words[at + 3] & DOWNLOADS, incomplete


def left_at(s: Shard, at: i64) -> i64:
    """The minute in which the last peer left."""
    minute = s.words[at + 2] >> COUNTS_AT & M24
    return minute if minute < NEGATIVE else minute - 2 * NEGATIVE
