"""Live sync, the protocol between the trackers of a cluster: datagrams to records and back.

====== =========================================================================================
offset field
====== =========================================================================================
0      u32 tracker id, random at the start
4      u32 packet type: 0 peers over IPv4, 1 peers over IPv6, 2 and 3 scrape sync (see `scrape_sync`)
8      records: info_hash[20] · ip[4 or 16] · port[2] · flags u8 · age u8 in minutes, 0 when sent
====== =========================================================================================

`kind_of` returns the kind of a datagram, or MALFORMED for one that must not be answered. After that `parse_record`
cannot fail: `record_count` counts whole records only, and bytes after the last whole record are ignored.
"""

from typing import Final

from librt.strings import read_i32_be
from mypy_extensions import i64

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.addresses import unmap
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_PAUSED, EVENT_STOPPED, Announce

DEFAULT_PORT: Final = 9696
GROUP4: Final = bytes([224, 0, 23, 5])
GROUP6: Final = bytes.fromhex("ff15 0000 0000 0000 0000 0000 e000 1705")  # ours: transient, of a site
HOPS: Final = 1  # a cluster is on one network

LARGEST: Final = 1480  # bytes of a packet that we send
LONGEST: Final = 2048  # bytes of a packet that we accept: no node sends longer ones
HEADER_SIZE: Final = 8
INFO_HASH: Final = 20
RECORD4: Final = 28
RECORD6: Final = 40

PEERS4: Final = 0
PEERS6: Final = 1
INQUIRE: Final = 2
TELL: Final = 3
BEACON: Final = 4  # a packet of type 1 with the length of a beacon
MALFORMED: Final = -1

BEACON_SIZE: Final = 16  # too short for an IPv6 record
INQUIRE_SIZE: Final = 12
TELL_RECORD: Final = 32

SEEDING: Final = 0x80
COMPLETED: Final = 0x40
STOPPED: Final = 0x20
FROM_SYNC: Final = 0x10  # the peer came by live sync, not from a client: never sent on
PARTIAL: Final = 0x08  # a partial seed (BEP 21): ours; other trackers have no use for the bit


def kind_of(packet: bytes) -> i64:
    """The kind of a datagram; PEERS4, PEERS6 and TELL mean that it holds at least one whole record."""
    n: i64 = len(packet)
    if n < HEADER_SIZE or n > LONGEST:
        return MALFORMED
    kind = i64(read_i32_be(packet, 4))
    if kind == PEERS4:
        return PEERS4 if n >= HEADER_SIZE + RECORD4 else MALFORMED
    if kind == PEERS6:
        if n == BEACON_SIZE:
            return BEACON
        return PEERS6 if n >= HEADER_SIZE + RECORD6 else MALFORMED
    if kind == INQUIRE:
        return INQUIRE if n == INQUIRE_SIZE else MALFORMED
    if kind == TELL:
        return TELL if n >= HEADER_SIZE + TELL_RECORD else MALFORMED
    return MALFORMED


def tracker_id_of(packet: bytes) -> bytes:
    """The 4 bytes that name the sender."""
    return packet[:4]


def record_size(kind: i64) -> i64:
    """Bytes of a record of PEERS4 or PEERS6."""
    return RECORD4 if kind == PEERS4 else RECORD6


def record_count(packet: bytes, size: i64) -> i64:
    """How many whole records of this size a packet holds."""
    return (len(packet) - HEADER_SIZE) // size


def parse_record(packet: bytes, at: i64, size: i64, a: Announce) -> None:
    """Fill in the request fields of `a` from the record at offset `at`; an IPv4-mapped peer becomes an IPv4 one."""
    end = at + size
    flags: i64 = packet[end - 2]
    a.info_hash = packet[at : at + INFO_HASH]
    if size == RECORD4:
        a.peer = packet[at + INFO_HASH : end - 2]
    else:
        a.peer = unmap(packet[at + INFO_HASH : end - 4]) + packet[end - 4 : end - 2]
    a.stored = packet[end - 4] != 0 or packet[end - 3] > 1
    a.seeding = flags & SEEDING != 0
    a.sync_age = packet[end - 1]
    if flags & STOPPED != 0:
        a.event = EVENT_STOPPED
    elif flags & COMPLETED != 0:
        a.event = EVENT_COMPLETED
    elif WANT_EXTENDED_ANSWERS and flags & PARTIAL != 0:
        a.event = EVENT_PAUSED
    else:
        a.event = EVENT_NONE


def flags_of(a: Announce) -> i64:
    """The flags of the record that tells other trackers of a processed announce."""
    flags: i64 = SEEDING if a.seeding else 0
    if a.has_completed:
        flags |= COMPLETED
    if a.event == EVENT_STOPPED:
        flags |= STOPPED
    if WANT_EXTENDED_ANSWERS and a.event == EVENT_PAUSED and not a.seeding:
        flags |= PARTIAL
    return flags


def write_head(tracker_id: int, kind: int) -> bytes:
    """The first 8 bytes of a packet."""
    return tracker_id.to_bytes(4, "big") + kind.to_bytes(4, "big")


def write_record(info_hash: bytes, peer: bytes, flags: i64, age: i64) -> bytes:
    """A record: of PEERS4 for a `peer` (address and port) of 6 bytes, of PEERS6 for one of 18."""
    return info_hash + peer + bytes([flags, age])
