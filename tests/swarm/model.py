"""A naive tracker, dicts of dicts, and what its answers allow the real one to say.

It knows the rules of an announce, and of peers and torrents that go; how peers are stored, found and chosen is the
business of the package. `Pair` runs both side by side and compares them after every step.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from librt.random import Random

from opentracker._features import (
    OT_CLEAN_CYCLE,
    OT_CLIENT_REQUEST_INTERVAL,
    OT_CLIENT_REQUEST_VARIATION,
    OT_PEER_TIMEOUT,
    OT_TORRENT_TIMEOUT_HOURS,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.expiry import Cleaner
from opentracker.swarm.invariants import ANY_AGE, Checker
from opentracker.swarm.tracker import Tracker
from tests.swarm.torrents import info_hashes

FAMILIES = [size for size in (6, 18) if not (WANT_V4_ONLY and size == 18) and not (WANT_V6 and size == 6)]
FOREVER = OT_TORRENT_TIMEOUT_HOURS * 60


def peer_of(number: int, size: int, port: int = 6881) -> bytes:
    """Address and port of the peer with this number, 6 or 18 bytes; ports differ less than addresses do."""
    network = b"\x0a" if size == 6 else b"\x20\x01\x0d\xb8" + bytes(8)
    return network + number.to_bytes(size - 2 - len(network), "big") + port.to_bytes(2, "big")


def split(packed: bytes, size: int) -> list[bytes]:
    """The peers of a compact list."""
    assert len(packed) % size == 0
    return [packed[at : at + size] for at in range(0, len(packed), size)]


@dataclass
class Peer:
    """The state of one peer."""

    seeding: bool
    minute: int
    completed: bool = False


@dataclass
class Torrent:
    """The state of one torrent; `touched` is the minute in which a peer was last stored or removed."""

    peers: dict[bytes, Peer] = field(default_factory=dict)
    downloaded: int = 0
    touched: int = 0

    def counts(self) -> tuple[int, int, int]:
        """(complete, downloaded, incomplete)."""
        seeders = sum(peer.seeding for peer in self.peers.values())
        return seeders, self.downloaded, len(self.peers) - seeders


class Model:
    """All torrents."""

    def __init__(self) -> None:
        self.torrents: dict[bytes, Torrent] = {}

    def announce(self, a: Announce, minute: int) -> Torrent:
        """Carry out an announce; the torrent that stands afterwards, which may be one that is not kept."""
        torrent = self.torrents.get(a.info_hash, Torrent())
        known = torrent.peers.get(a.peer)
        if a.event == EVENT_STOPPED:
            if known is not None:
                del torrent.peers[a.peer]
                torrent.touched = minute
        elif a.stored:
            peer = torrent.peers.setdefault(a.peer, Peer(a.seeding, minute))
            peer.seeding, peer.minute = a.seeding, minute
            if a.event == EVENT_COMPLETED and a.seeding and not peer.completed:
                peer.completed = True
                torrent.downloaded += 1
            torrent.touched = minute
            self.torrents[a.info_hash] = torrent
        return torrent

    def clean(self, minute: int, there: set[bytes]) -> None:
        """Let go what is over; `there` are the torrents that the tracker kept.

        They settle what is the tracker's to choose: whether a torrent goes with its last peer or one cleaning later,
        and, within a peer timeout, when a torrent without peers was last touched.
        """
        for info_hash, torrent in list(self.torrents.items()):
            empty = not torrent.peers
            for address, peer in list(torrent.peers.items()):
                if minute - peer.minute > OT_PEER_TIMEOUT:
                    del torrent.peers[address]
            if torrent.peers:
                continue
            age = minute - torrent.touched
            may_go = torrent.downloaded == 0 or age > FOREVER - OT_PEER_TIMEOUT
            must_go = torrent.downloaded == 0 or age > FOREVER + OT_PEER_TIMEOUT + OT_CLEAN_CYCLE
            if (must_go and empty) or (may_go and info_hash not in there):
                del self.torrents[info_hash]


class Pair:
    """The tracker and the model, told the same."""

    def __init__(self, seed: int = 1) -> None:
        self.tracker = Tracker(Random(seed))
        self.cleaner = Cleaner(self.tracker)
        self.model = Model()
        self.minute = 0
        self.requests = {both: Announce(both_families=both) for both in (False, True)}

    def announce(
        self,
        info_hash: bytes,
        peer: bytes,
        *,
        seeding: bool = False,
        event: int = EVENT_NONE,
        numwant: int = 50,
        both_families: bool = False,
        stored: bool = True,
    ) -> Announce:
        """Announce to both, and compare."""
        a = self.requests[both_families]
        a.info_hash, a.peer, a.seeding, a.event = info_hash, peer, seeding, event
        a.numwant, a.stored = numwant, stored
        known = self.model.torrents.get(info_hash, Torrent()).peers
        others = {address: other.seeding for address, other in known.items() if address != peer}
        # No client sees the answer to a HEAD request, so one that takes a seeder for a leecher may list that peer.
        confused = not stored and peer in known and known[peer].seeding != seeding
        self.tracker.announce(a, self.minute)
        torrent = self.model.announce(a, self.minute)
        assert (a.complete, a.downloaded, a.incomplete) == torrent.counts()
        assert 2 * abs(a.interval - OT_CLIENT_REQUEST_INTERVAL) <= OT_CLIENT_REQUEST_VARIATION
        if not confused:
            check_peers(a, others)
        return a

    def crowd(self, info_hash: bytes, peers: Iterable[bytes], seeding: bool, event: int = EVENT_NONE) -> None:
        """Announces of many, the same for all, looked at no closer; quick."""
        a = self.requests[False]
        a.info_hash, a.seeding, a.event, a.numwant, a.stored = info_hash, seeding, event, 0, True
        for peer in peers:
            a.peer = peer
            self.tracker.announce(a, self.minute)
            self.model.announce(a, self.minute)

    def check_counts(self) -> None:
        """Compare what a scrape of each torrent says."""
        for info_hash, torrent in self.model.torrents.items():
            assert self.tracker.scrape(info_hash) == torrent.counts()

        self.check_store()

    def check_store(self) -> None:
        """Look at how the tracker keeps them."""
        checker = Checker(self.tracker)
        for _ in range(self.tracker.store.shards):
            for _ in checker.check_next(self.minute, ANY_AGE):
                pass

    def check_members(self) -> None:
        """Compare the peers of each torrent, by asking for all of them; changes nothing."""
        for info_hash in self.model.torrents:
            for size in FAMILIES:
                self.announce(info_hash, peer_of(0, size, 1), numwant=100_000, stored=False)

    def clean(self) -> None:
        """A clean cycle in this minute, undisturbed."""
        for _ in range(self.tracker.store.shards):
            for _ in self.cleaner.clean_next(self.minute):
                pass
        self.model.clean(self.minute, self.known())
        assert self.known() == set(self.model.torrents)

    def wait(self, minutes: int) -> None:
        """Let time pass, with clean cycles no further apart than stamps need, and one at the end."""
        end = self.minute + minutes
        while self.minute < end:
            self.minute = min(end, self.minute + max(OT_CLEAN_CYCLE, (255 - OT_PEER_TIMEOUT) // 4))
            self.clean()

    def known(self) -> set[bytes]:
        """The torrents that the tracker has."""
        return info_hashes(self.tracker)

    def is_large(self, info_hash: bytes) -> bool:
        """Whether the tracker has made it a large swarm; the only look into how it stores torrents."""
        return len(self.tracker.store.pack(info_hash)) > 3


def handed_out(a: Announce) -> dict[int, list[bytes]]:
    """The peers of an answer by the size of their addresses and ports."""
    if a.both_families:
        return {6: split(a.peers, 6), 18: split(a.peers6, 18)}
    return {len(a.peer): split(a.peers, len(a.peer))}


def check_peers(a: Announce, others: dict[bytes, bool]) -> None:
    """Whether the peers handed out may be these; `others` are all but the asker, and whether they are seeding."""
    total = 0
    for size, got in handed_out(a).items():
        there = [address for address in others if len(address) == size]
        assert len(set(got)) == len(got)
        assert set(got) <= set(there), "only peers of this torrent, and never the asker"
        seeding = [others[address] for address in got]
        assert seeding == sorted(seeding), "leechers before seeders"
        total += len(got)
        if a.event == EVENT_STOPPED:
            assert not got
        elif a.seeding:
            leechers = sum(not others[address] for address in there)
            assert seeding.count(False) == min(len(got), leechers), "seeders only to fill up"
        if a.both_families and a.event != EVENT_STOPPED:
            assert len(got) >= min(a.numwant // 4, len(there)), "up to a quarter for each family"
    if a.event != EVENT_STOPPED:
        candidates = [address for address in others if a.both_families or len(address) == len(a.peer)]
        assert total == min(a.numwant, len(candidates))
