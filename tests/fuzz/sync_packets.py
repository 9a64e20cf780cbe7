"""Live sync packets, from a member of the cluster: peers are taken in or dropped, and all are counted.

The first byte of an input chooses the minute; the rest is the packet.
"""

from librt.random import Random

from opentracker._features import WANT_SYNC_SCRAPE, WANT_V6
from opentracker.features.cluster.livesync import LiveSync
from opentracker.protocol.livesync import (
    HEADER_SIZE,
    MALFORMED,
    PEERS6,
    RECORD4,
    flags_of,
    kind_of,
    parse_record,
    record_count,
    record_size,
    tracker_id_of,
    write_record,
)
from opentracker.protocol.messages import Announce
from opentracker.swarm.policy.permissions import MAY_LIVESYNC, Permissions
from opentracker.swarm.tracker import Tracker

if WANT_SYNC_SCRAPE:
    from opentracker.protocol.scrape_sync import asked_of, beacon_of, parse_told, told_count

WORDS = [*(bytes([0, 0, 0, kind]) for kind in range(5)), b"A" * 20, b"\x01\x02\x03\x04\x1a\xe1\x80\0"]
WORDS += [
    b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01",
    bytes(10) + b"\xff\xff\x01\x02\x03\x04",
    b"\xc0\0",
    b"\x20\xfa",
]
LONGEST_INPUT = 320  # bytes: eleven records, which is enough for what one does to another
OWN_ID = 0x0A0B0C0D
SOURCE = bytes(15) + b"\x01" if WANT_V6 else b"\x7f\0\0\x01"
permissions = Permissions()
permissions.bless(bytes(len(SOURCE)), 0, MAY_LIVESYNC)


def check(data: bytes) -> None:
    """One packet, to a member that knows nothing yet."""
    if not data:
        return
    packet = data[1:]
    member = LiveSync(Tracker(Random(1)), permissions, OWN_ID)
    member.tracker.watchers.append(member)
    member.received(packet, SOURCE, data[0])
    counters = member.tracker.counters
    kind = kind_of(packet)
    if kind == MALFORMED:
        assert counters.value("sync_malformed") == 1
    elif tracker_id_of(packet) == member.own_id:
        assert counters.value("sync_packets_received") == 0
    elif kind <= PEERS6:
        size = record_size(kind)
        count = record_count(packet, size)
        assert counters.value("sync_peers_received") + counters.value("sync_peers_dropped") == count
        for at in range(HEADER_SIZE, HEADER_SIZE + count * size, size):
            check_record(packet, at, size)
    assert member.tracker.store.totals.torrents <= max(counters.value("sync_peers_received"), 0)
    if WANT_SYNC_SCRAPE:
        check_scrape_sync(kind, packet)


def check_record(packet: bytes, at: int, size: int) -> None:
    """A record that is read and written is the same again, but for flags that only a sender's clients can cause."""
    a = Announce(both_families=False)
    parse_record(packet, at, size, a)
    assert len(a.info_hash) == 20 and len(a.peer) in (6, 18)
    again = write_record(a.info_hash, a.peer, flags_of(a), a.sync_age)
    if len(again) == size:
        assert again[:-2] == packet[at : at + size - 2]
        assert again[-1] == packet[at + size - 1]
    else:
        assert len(again) == RECORD4, "only a mapped peer changes its size"


def check_scrape_sync(kind: int, packet: bytes) -> None:
    """The parsers of scrape sync take whatever has been named theirs."""
    if kind == 2:
        assert len(asked_of(packet)) == 4
    elif kind == 3:
        for index in range(told_count(packet)):
            info_hash, minutes, downloaded = parse_told(packet, index)
            assert len(info_hash) == 20 and minutes >= 0 and downloaded >= 0
    elif kind == 4:
        assert beacon_of(packet) >= 0
