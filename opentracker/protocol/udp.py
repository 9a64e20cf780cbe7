"""The UDP tracker protocol (BEP 15, BEP 41): datagrams to requests, answers to bytes.

A datagram is the first `size` bytes of `packet`, which may be a longer receive buffer. `action_of` returns an action,
or SILENCE for a datagram that must not be answered. After that the parsers cannot fail: `action_of` refuses datagrams
that are too short, and BEP 41 options never fail an announce. Answers are appended to a writer that holds a batch.
"""

from typing import Final

from librt.strings import BytesWriter, read_i32_be, read_i64_be, write_i32_be
from mypy_extensions import i64

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_PEERS_UDP4,
    OT_MAX_PEERS_UDP6,
    OT_MAX_SCRAPE_UDP,
    WANT_CLIENT_APPROVAL,
    WANT_CLIENT_COUNT,
    WANT_SYSLOGS,
)
from opentracker.protocol.messages import Announce

CONNECT: Final = 0
ANNOUNCE: Final = 1
SCRAPE: Final = 2
ERROR: Final = 3
SILENCE: Final = -1

MAGIC: Final[i64] = 0x41727101980  # BEP 15's protocol id
TRANSACTION_ID: Final = 12  # its offset, in every request
INFO_HASH: Final = 16  # offsets in an announce
LEFT: Final = 64
EVENT: Final = 80
NUMWANT: Final = 92
PORT: Final = 96
SHORTEST: Final = 16
SHORTEST_ANNOUNCE: Final = 98
SHORTEST_ANSWERABLE: Final = 36  # a wrong connection id is answered with 33 bytes, never more than came in
MISMATCH: Final = b"Connection ID missmatch.\0"  # the C tracker's spelling, which clients compare

OPTION_END: Final = 0
OPTION_NOP: Final = 1
OPTION_URL_DATA: Final = 2


def action_of(packet: bytes, size: i64) -> i64:
    """The action of a datagram that is long enough for it: CONNECT, ANNOUNCE or SCRAPE; else SILENCE."""
    if size < SHORTEST:
        return SILENCE
    action = read_i32_be(packet, 8)
    if action == ANNOUNCE:
        return ANNOUNCE if size >= SHORTEST_ANNOUNCE else SILENCE
    if action == CONNECT:
        return CONNECT if read_i64_be(packet, 0) == MAGIC else SILENCE
    return SCRAPE if action == SCRAPE else SILENCE


def parse_announce(packet: bytes, size: i64, address: bytes, a: Announce) -> None:
    """Fill in the request fields of `a` from an announce that came from `address` (4 or 16 bytes)."""
    a.info_hash = packet[16:36]
    if WANT_CLIENT_APPROVAL or WANT_CLIENT_COUNT or WANT_SYSLOGS:
        a.peer_id = packet[36:56]
    a.peer = address + packet[96:98]
    a.stored = packet[96] != 0 or packet[97] > 1
    a.seeding = read_i64_be(packet, LEFT) == 0
    a.event = read_i32_be(packet, EVENT)  # unknown events have no effect, as EVENT_NONE has none
    a.numwant = numwant_of(packet, address)
    a.url_data = b"" if size == SHORTEST_ANNOUNCE else parse_url_data(packet, size)


def numwant_of(packet: bytes, address: bytes) -> i64:
    """The number of peers that an announce from `address` (4 or 16 bytes) asks for, up to the family's limit."""
    numwant: int = read_i32_be(packet, NUMWANT)
    most: i64 = OT_MAX_PEERS_UDP4 if len(address) == 4 else OT_MAX_PEERS_UDP6
    if numwant < 0:
        numwant = OT_DEFAULT_NUMWANT
    return numwant if numwant < most else most


def parse_url_data(packet: bytes, size: i64) -> bytes:
    """The joined URL data of an announce's BEP 41 options; unknown ones are skipped, a truncated one ends the list."""
    at: i64 = SHORTEST_ANNOUNCE
    url_data = b""
    while at < size and packet[at] != OPTION_END:
        if packet[at] == OPTION_NOP:
            at += 1
            continue
        if at + 1 >= size or at + 2 + packet[at + 1] > size:
            break
        if packet[at] == OPTION_URL_DATA:
            url_data += packet[at + 2 : at + 2 + packet[at + 1]]
        at += 2 + packet[at + 1]
    return url_data


def write_connect_head(out: BytesWriter, packet: bytes) -> None:
    """Append the first 8 bytes of the answer to a connect; the connection id follows."""
    write_i32_be(out, CONNECT)
    write_i32_be(out, read_i32_be(packet, TRANSACTION_ID))


def write_announce(out: BytesWriter, packet: bytes, a: Announce) -> None:
    """Append the answer to an announce: 20 bytes and the peers of the asker's family."""
    write_announce_head(out, packet, a.interval, a.incomplete, a.complete)
    out.write(a.peers)


def write_announce_head(
    out: BytesWriter, packet: bytes, interval: int, incomplete: int, complete: int
) -> None:
    """Append the first 20 bytes of the answer to an announce; the peers follow."""
    write_i32_be(out, ANNOUNCE)
    write_i32_be(out, read_i32_be(packet, TRANSACTION_ID))
    write_i32_be(out, interval)
    write_i32_be(out, incomplete)
    write_i32_be(out, complete)


def scrape_count(size: i64) -> i64:
    """The number of info_hashes to answer in a scrape of `size` bytes; a partial one at the end does not count."""
    n = (size - 16) // 20
    return n if n < OT_MAX_SCRAPE_UDP else OT_MAX_SCRAPE_UDP


def write_scrape_head(out: BytesWriter, packet: bytes) -> None:
    """Append the first 8 bytes of the answer to a scrape."""
    write_i32_be(out, SCRAPE)
    write_i32_be(out, read_i32_be(packet, TRANSACTION_ID))


def write_scrape_entry(out: BytesWriter, complete: int, downloaded: int, incomplete: int) -> None:
    """Append the 12 bytes of one torrent."""
    write_i32_be(out, complete)
    write_i32_be(out, downloaded)
    write_i32_be(out, incomplete)


def write_error(out: BytesWriter, packet: bytes, text: bytes) -> None:
    """Append an error packet."""
    write_i32_be(out, ERROR)
    write_i32_be(out, read_i32_be(packet, TRANSACTION_ID))
    out.write(text)
