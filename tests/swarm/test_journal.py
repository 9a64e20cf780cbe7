"""The journal: everything that may change a torrent is noted, and all else is as without it."""

from librt.random import Random
from librt.strings import BytesWriter

from opentracker.protocol.messages import EVENT_NONE, EVENT_STOPPED, Announce
from opentracker.swarm.journal import MANY, Journal, unpack_announce
from opentracker.swarm.store.door import Contents, Evictor, Store
from opentracker.swarm.tracker import Tracker
from tests.swarm.filled import announce, filled, known

ABSENT = bytes(20)


def journaled() -> tuple[Tracker, Journal, list[bytes]]:
    """A tracker with some torrents behind a journal, and their info_hashes."""
    tracker = filled(known(20))
    journal = Journal(tracker.store)
    tracker.store = journal
    return tracker, journal, list(known(20))


def test_it_has_every_operation_of_a_store() -> None:
    operations = {name for name, value in vars(Store).items() if callable(value) and not name.startswith("_")}
    assert "announce" in operations
    assert operations - set(vars(Journal)) == set()


def test_a_full_scrape_is_as_without_it() -> None:
    _, journal, _ = journaled()
    while_noted = [journal.rows(4, number) for number in range(16)]
    without = [journal.store.rows(4, number) for number in range(16)]
    for rows in (*while_noted, *without):
        while rows.prepare_some():
            pass
    assert [rows.rows_from(rows.start()) for rows in while_noted] == [
        rows.rows_from(rows.start()) for rows in without
    ]


def test_an_announce_is_noted_once_a_turn() -> None:
    tracker, journal, hashes = journaled()
    a = Announce(both_families=True)
    a.info_hash, a.peer, a.event, a.stored = hashes[0], bytes(6), EVENT_STOPPED, True
    tracker.announce(a, 5)
    tracker.announce(a, 5)
    assert journal.turn() == ([hashes[0]], [])
    assert journal.turn() == ([], [])


def test_every_change_is_noted() -> None:
    _, journal, hashes = journaled()
    first, second, third = hashes[:3]
    journal.raise_downloads(first, 77)
    journal.remove(second)
    journal.put(ABSENT, Contents(3, 1))
    journal.drop_host(third, bytes(6), 5)
    assert set(journal.turn()[0]) == {first, second, third, ABSENT}
    assert journal.downloads(first) == journal.store.downloads(first) == 77
    assert not journal.has(second)
    assert journal.downloads(ABSENT) == 3


def test_reading_is_not_noted_and_is_as_without_it() -> None:
    _, journal, hashes = journaled()
    store = journal.store
    for info_hash in [*hashes, ABSENT]:
        assert journal.has(info_hash) == store.has(info_hash)
        assert journal.scrape(info_hash) == store.scrape(info_hash)
        assert journal.partial_seeds(info_hash) == store.partial_seeds(info_hash)
        assert journal.size_of(info_hash) == store.size_of(info_hash)
        assert journal.downloads(info_hash) == store.downloads(info_hash)
        assert journal.pack(info_hash) == store.pack(info_hash)
        assert journal.shard_of(info_hash) == store.shard_of(info_hash)
        assert journal.knows(info_hash, bytes(6)) == store.knows(info_hash, bytes(6))
    for info_hash in hashes:
        assert journal.touched(info_hash, 9) == store.touched(info_hash, 9)
    assert totals(journal) == totals(store)
    assert journal.weight_of(Contents(0, 0)) == store.weight_of(Contents(0, 0))
    for shard in range(journal.shards):
        assert journal.count(shard) == store.count(shard) == journal.picture(shard).size()
        assert journal.weigh(shard).peers == store.weigh(shard).peers
        for _ in journal.check(shard, 0, 255):
            pass
        for _ in journal.clean(shard, 0, Evictor()):
            pass
        journal.give_back(shard)
    assert journal.turn() == ([], [])


def test_a_datagram_that_the_store_answers_is_noted() -> None:
    """A store of records answers none; one of words answers this one."""
    _, journal, hashes = journaled()
    packet = bytes(16) + hashes[0] + bytes(62)
    out = BytesWriter()
    journal.bring_near([packet], [bytes(4)], 1)
    age = journal.answer_udp(packet, bytes([192, 0, 2, 1]), 50, 1800, 5, False, out)
    assert journal.turn() == ([hashes[0]] if age != -1 else [], [])
    assert (len(out) > 0) == (age != -1)


def totals(store: Store) -> tuple[int, int]:
    """Torrents and peers."""
    return int(store.totals.torrents), int(store.totals.peers)


def test_a_journal_has_the_settings_of_its_store() -> None:
    tracker = Tracker(Random(1))
    tracker.store.counts_ports = True
    assert Journal(tracker.store).counts_ports


def test_announces_of_a_large_torrent_are_noted_one_by_one() -> None:
    tracker = filled({ABSENT: (MANY, 0, 0)})
    journal = Journal(tracker.store)
    tracker.store = journal
    for port in (2000, 2001):
        announce(tracker, ABSENT, port, 7, seeding=port == 2000)
    changed, packed = journal.turn()
    assert changed == []
    assert [int.from_bytes(each[:4], "big") for each in packed] == [7, 7]
    a = Announce(both_families=True)
    assert unpack_announce(packed[0], a) == len(packed[0]) - 27
    assert (a.stored, a.seeding, a.event, packed[0][7:27]) == (True, True, EVENT_NONE, ABSENT)
    announce(tracker, ABSENT, 2002, 7)
    assert journal.given(ABSENT) == journal.store.pack(ABSENT)
    assert journal.turn() == ([], [])
    announce(tracker, ABSENT, 2003, 7)
    journal.raise_downloads(ABSENT, 5)
    assert journal.turn() == ([ABSENT], [])
