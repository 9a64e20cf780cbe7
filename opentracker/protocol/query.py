"""Query strings of announces and scrapes (BEP 3, 48).

A parser fills in or returns the request, or raises TrackerFailure with the text for the client's user, and no other
exception. Fields are separated by `&`, key and value by the first `=`; both are percent-decoded to bytes, and `+`
means itself. Any other byte stands for itself. Unknown keys are skipped. A broken escape anywhere fails, and so do
more than MOST_FIELDS fields.
"""

import re
from binascii import a2b_qp
from typing import Final

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_MULTISCRAPE,
    OT_MAX_PEERS_HTTP,
    OT_MAX_REQUEST,
    WANT_IP_FROM_QUERY_STRING,
    WANT_V4_ONLY,
    WANT_V6,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.addresses import HIGHEST_PORT, parse_ip
from opentracker.protocol.messages import (
    EVENT_COMPLETED,
    EVENT_NONE,
    EVENT_PAUSED,
    EVENT_STARTED,
    EVENT_STOPPED,
    Announce,
)

NO_INFO_HASH: Final = b"Your client forgot to send your torrent's info_hash. Please upgrade your client."
INVALID_INFO_HASH: Final = b"invalid info_hash"
REPEATED_INFO_HASH: Final = b"more than one info_hash"
INVALID_PORT: Final = b"invalid port"
INVALID_IP: Final = b"invalid ip"
INVALID_ESCAPE: Final = b"invalid percent escape"
TOO_MANY_FIELDS: Final = b"too many parameters"

SHORTEST: Final = 31  # bytes of a field with an unescaped info_hash, and its `&`
# All info_hashes that fit into a request are allowed; thousands of other fields would take milliseconds.
MOST_FIELDS: Final = max(300, OT_MAX_REQUEST // SHORTEST + 1)

# Nonzero for the first byte of each key that an announce uses: half the fields that clients send are skipped by it.
_FIRST_BYTES: Final = bytes(byte in b"eilnp" for byte in range(256))

# A query as nearly all clients begin it, without an escape but in its first two values. Its values are read with one
# call; the order of the other fields does not matter. (Compiled builds read most announces by `plain_announce`.)
_USUAL: Final = re.compile(
    rb"info_hash=([^&]*+)&peer_id=([^&]*+)&port=([^&%]*+)&uploaded=[^&%]*+&downloaded=[^&%]*+&left=([^&%]*+)"
    rb"(?:&(?:event=([^&%]*+)|numwant=([^&%]*+)|n(?!umwant)[^&%]*+|[^&%eilnp][^&%]*+)){0,40}+"
)

_EVENTS: Final[dict[bytes, int]] = {
    b"started": EVENT_STARTED,
    b"completed": EVENT_COMPLETED,
    b"stopped": EVENT_STOPPED,
    b"paused": EVENT_PAUSED,
}

# Looking for one byte as a number costs a seventh of looking for it as bytes.
_PERCENT: Final = 0x25
_EQUALS: Final = 0x3D
_CR: Final = 0x0D
_LF: Final = 0x0A
_TO_QUOTED_PRINTABLE: Final = bytes.maketrans(b"%", b"=")
_DEFAULT_NUMWANT: Final = min(OT_DEFAULT_NUMWANT, OT_MAX_PEERS_HTTP)

# Clients that do not know their address claim one of these: the sender's address is meant, as over UDP (BEP 15).
_SENDERS: Final = (bytes(4), bytes(16), b"\xff\xff\xff\xff")

_LONGEST_INTEGER: Final = 9  # digits; longer ones are over every limit here
_SATURATED: Final = 10**9
_LOWEST_STORED_PORT: Final = 2  # clients take 0 and 1 for "cannot be connected to"


def unquote(value: bytes) -> bytes:
    """Percent-decode; a `%` without two hex digits raises TrackerFailure."""
    if _PERCENT not in value:
        return value
    # Quoted-printable (RFC 2045) is the one escape of this shape that the standard library decodes in C, ten
    # times as fast as urllib's loop. The bytes that it treats specially are escaped beforehand.
    if _EQUALS in value or _CR in value or _LF in value:
        value = value.replace(b"=", b"%3D").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    decoded = a2b_qp(value.translate(_TO_QUOTED_PRINTABLE))
    # The decoder leaves broken escapes in, so the result is longer than it should be.
    if len(decoded) != len(value) - 2 * value.count(b"%"):
        raise TrackerFailure(INVALID_ESCAPE)
    return decoded


def fields_of(query: bytes) -> list[bytes]:
    """The fields of a query, still encoded."""
    fields = query.split(b"&", MOST_FIELDS)
    if len(fields) > MOST_FIELDS:
        raise TrackerFailure(TOO_MANY_FIELDS)
    return fields


def parse_announce(query: bytes, address: bytes, announce: Announce) -> None:
    """Fill in all request fields; `address` is the client's, 4 or 16 packed bytes.

    The last value of a repeated key counts, but a second info_hash fails.
    """
    announce.both_families = True
    announce.url_data = b""
    if not _parse_usual(query, address, announce):
        _parse_any(query, address, announce)


def _parse_usual(query: bytes, address: bytes, announce: Announce) -> bool:
    """As `parse_announce`, for a _USUAL query; else False."""
    match = _USUAL.fullmatch(query)
    if match is None:
        return False
    info_hash, peer_id, port, left, event, numwant = match.groups()
    info_hash = unquote(info_hash)
    peer_id = unquote(peer_id)
    announce.peer_id = peer_id if len(peer_id) == 20 else b""
    announce.seeding = _is_zero(left)
    announce.event = EVENT_NONE if event is None else _EVENTS.get(event, EVENT_NONE)
    announce.numwant = _DEFAULT_NUMWANT if numwant is None else _parse_numwant(numwant)
    _check_info_hash(info_hash, 1)
    announce.info_hash = info_hash
    _fill_in_peer(address, port, announce)
    return True


def _parse_any(query: bytes, address: bytes, announce: Announce) -> None:
    """As `parse_announce`, field by field."""
    announce.peer_id = b""
    announce.seeding = False
    announce.event = EVENT_NONE
    announce.numwant = _DEFAULT_NUMWANT
    hashes = 0
    info_hash = b""
    port = b"0"
    ip: bytes | None = None
    for field in fields_of(query):
        if _PERCENT in field:
            key, _, value = field.partition(b"=")
            key = unquote(key)
            value = unquote(value)
        elif not field or _FIRST_BYTES[field[0]] == 0:
            continue
        else:
            key, _, value = field.partition(b"=")
        if key == b"info_hash":
            info_hash = value
            hashes += 1
        elif key == b"peer_id":
            announce.peer_id = value if len(value) == 20 else b""
        elif key == b"port":
            port = value
        elif key == b"left":
            announce.seeding = _is_zero(value)
        elif key == b"event":
            announce.event = _EVENTS.get(value, EVENT_NONE)
        elif key == b"numwant":
            announce.numwant = _parse_numwant(value)
        elif WANT_IP_FROM_QUERY_STRING and key == b"ip":
            ip = value

    _check_info_hash(info_hash, hashes)
    announce.info_hash = info_hash
    if WANT_IP_FROM_QUERY_STRING and ip:
        address = _claimed_address(ip, address)
    _fill_in_peer(address, port, announce)


def parse_scrape(query: bytes) -> list[bytes]:
    """The first OT_MAX_MULTISCRAPE info_hashes of a query, in their order, repeated ones too."""
    info_hashes = _info_hashes(fields_of(query), OT_MAX_MULTISCRAPE)
    if not info_hashes:
        raise TrackerFailure(NO_INFO_HASH)
    for info_hash in info_hashes:
        if len(info_hash) != 20:
            raise TrackerFailure(INVALID_INFO_HASH)
    return info_hashes


def _info_hashes(fields: list[bytes], most: int) -> list[bytes]:
    """The first values of the key info_hash, of whatever length."""
    info_hashes: list[bytes] = []
    for field in fields:
        key, _, value = field.partition(b"=")
        if _PERCENT in field:
            key = unquote(key)
            value = unquote(value)
        if key == b"info_hash" and len(info_hashes) < most:
            info_hashes.append(value)
    return info_hashes


def _check_info_hash(info_hash: bytes, hashes: int) -> None:
    if hashes != 1:
        raise TrackerFailure(REPEATED_INFO_HASH if hashes else NO_INFO_HASH)
    if len(info_hash) != 20:
        raise TrackerFailure(INVALID_INFO_HASH)


def _fill_in_peer(address: bytes, digits: bytes, announce: Announce) -> None:
    port = _parse_integer(digits)
    if not 0 <= port <= HIGHEST_PORT:
        raise TrackerFailure(INVALID_PORT)
    announce.peer = address + port.to_bytes(2, "big")
    announce.stored = port >= _LOWEST_STORED_PORT


def _is_zero(digits: bytes) -> bool:
    """Whether these are ASCII digits, all of them 0."""
    return digits.isdigit() and not digits.strip(b"0")


def _parse_numwant(digits: bytes) -> int:
    numwant = _parse_integer(digits)
    return min(numwant, OT_MAX_PEERS_HTTP) if numwant >= 0 else _DEFAULT_NUMWANT


def _parse_integer(digits: bytes) -> int:
    """The value of ASCII digits, leading zeros allowed: 0 to a billion, which stands for more; else -1."""
    if not digits.isdigit():
        return -1
    if len(digits) > _LONGEST_INTEGER:
        digits = digits.lstrip(b"0")
        if len(digits) > _LONGEST_INTEGER:
            return _SATURATED
        digits = digits or b"0"
    return int(digits)


def _claimed_address(text: bytes, sender: bytes) -> bytes:
    """Packed form of the value of `ip`; fails for a family that is not built in. See _SENDERS."""
    try:
        packed = parse_ip(text.decode("ascii"))
    except ValueError as error:  # not ASCII, or no address
        raise TrackerFailure(INVALID_IP) from error
    if packed in _SENDERS:
        return sender
    if (WANT_V4_ONLY and len(packed) != 4) or (WANT_V6 and len(packed) != 16):
        raise TrackerFailure(INVALID_IP)
    return packed
