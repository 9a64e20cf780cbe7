"""Requests between workers as bytes: a parsed announce, and the counts of scraped torrents.

====== =====================================================================
offset field of an announce
====== =====================================================================
0      info_hash
20     u8 of flags: STORED, SEEDING, KEEP_ALIVE, HEAD_ONLY
21     u8 event
22     u16 numwant, little-endian
24     u8 size of the peer, 6 or 18
25     u8 size of the peer_id, 20 or 0
26     peer · peer_id
====== =====================================================================

Counts are those of a UDP scrape: complete, downloaded, incomplete as i32, big-endian. Builds with BEP 21 have the
number of partial seeds behind them.
"""

from typing import Final

from librt.strings import BytesWriter, read_i32_be, write_i16_le, write_i32_be
from mypy_extensions import i16, i32, i64, u8

from opentracker._features import WANT_EXTENDED_ANSWERS
from opentracker.protocol.messages import Announce
from opentracker.protocol.udp import write_scrape_entry
from opentracker.swarm.tracker import Tracker

STORED: Final = 1
SEEDING: Final = 2
KEEP_ALIVE: Final = 4  # the answer's head says that the connection stays
HEAD_ONLY: Final = 8  # the answer has no body
HEAD: Final = 26
KEY: Final = 20
UDP_ENTRY: Final = 12
ENTRY: Final = 16 if WANT_EXTENDED_ANSWERS else UDP_ENTRY
MOST_EVENTS: Final = 4  # unknown ones of UDP have no effect

Counts = tuple[int, int, int]  # complete, downloaded, incomplete


def pack_announce(out: BytesWriter, a: Announce, form: i64) -> None:
    """Append the request fields of an announce over HTTP; `form` are KEEP_ALIVE and HEAD_ONLY."""
    out.write(a.info_hash)
    out.append(u8(form | (STORED if a.stored else 0) | (SEEDING if a.seeding else 0)))
    out.append(u8(a.event))
    write_i16_le(out, i16(a.numwant))
    out.append(u8(len(a.peer)))
    out.append(u8(len(a.peer_id)))
    out.write(a.peer)
    out.write(a.peer_id)


def unpack_announce(payload: bytes, a: Announce) -> i64:
    """Fill in the request fields of an announce; returns KEEP_ALIVE and HEAD_ONLY."""
    a.info_hash = payload[:KEY]
    flags: i64 = payload[20]
    a.stored = flags & STORED != 0
    a.seeding = flags & SEEDING != 0
    a.event = payload[21]
    a.numwant = payload[22] | payload[23] << 8
    middle = HEAD + payload[24]
    a.peer = payload[HEAD:middle]
    a.peer_id = payload[middle : middle + payload[25]]
    a.url_data = b""
    return flags & (KEEP_ALIVE | HEAD_ONLY)


def pack_datagram(address: bytes, packet: bytes) -> bytes:
    """A datagram with the address that it came from."""
    return bytes([len(address)]) + address + packet


def unpack_datagram(payload: bytes) -> tuple[bytes, bytes]:
    """The address and the datagram."""
    size = payload[0]
    return payload[1 : 1 + size], payload[1 + size :]


def scraped(tracker: Tracker, info_hashes: bytes) -> bytes:
    """The counts of joined info_hashes."""
    out = BytesWriter()
    at: i64 = 0
    while at < len(info_hashes):
        write_scrape_entry(out, *tracker.scrape(info_hashes[at : at + KEY]))
        if WANT_EXTENDED_ANSWERS:
            write_i32_be(out, i32(tracker.partial_seeds(info_hashes[at : at + KEY])))
        at += KEY
    return out.getvalue()


def counts_at(entries: bytes, number: i64) -> Counts:
    """The counts of the torrent with this number, from 0 on."""
    at = number * ENTRY
    return read_i32_be(entries, at), read_i32_be(entries, at + 4), read_i32_be(entries, at + 8)


def partial_seeds_in(entry: bytes) -> int:
    """The number of partial seeds of one torrent; 0 in builds without BEP 21."""
    return read_i32_be(entry, UDP_ENTRY) if WANT_EXTENDED_ANSWERS else 0
