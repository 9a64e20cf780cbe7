"""Query strings of announces: what the parser makes of them is what a slow and plain reading makes of them (P-8)."""

import re
from urllib.parse import unquote_to_bytes

from opentracker._features import (
    OT_DEFAULT_NUMWANT,
    OT_MAX_PEERS_HTTP,
    WANT_IP_FROM_QUERY_STRING,
    WANT_V6,
)
from opentracker.errors import TrackerFailure
from opentracker.protocol.messages import EVENT_COMPLETED, EVENT_NONE, EVENT_STARTED, EVENT_STOPPED, Announce
from opentracker.protocol.query import MOST_FIELDS, parse_announce

WORDS = [
    b"info_hash=",
    b"%41" * 20,
    b"A" * 20,
    b"&peer_id=-XX0001-abcdefghijkl",
    b"&port=",
    b"&port=6881",
    b"&left=0",
    b"&left=",
    b"&event=stopped",
    b"&event=completed",
    b"&event=started",
    b"&numwant=",
    b"&ip=9.9.9.9",
    b"&compact=1",
    b"%",
    b"%zz",
    b"=",
    b"&",
]
LONGEST_INPUT = 1000  # bytes: twice what the wordiest client sends
ADDRESS = bytes(15) + b"\x01" if WANT_V6 else b"\x7f\0\0\x01"
EVENTS = {b"started": EVENT_STARTED, b"completed": EVENT_COMPLETED, b"stopped": EVENT_STOPPED}
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def number_in(digits: bytes) -> int | None:
    """The value of ASCII digits."""
    return int(digits[-4000:]) if re.fullmatch(rb"[0-9]+", digits) else None


def fields_of(query: bytes) -> list[tuple[bytes, bytes]] | None:
    """Decoded keys and values; None if an escape is broken, or if there are too many."""
    if BROKEN_ESCAPE.search(query) or query.count(b"&") >= MOST_FIELDS:
        return None
    pairs = [field.partition(b"=") for field in query.split(b"&")]
    return [(unquote_to_bytes(key), unquote_to_bytes(value)) for key, _, value in pairs]


def expected(query: bytes) -> tuple[object, ...] | None:
    """The fields of an announce; None if it fails."""
    fields = fields_of(query)
    if fields is None:
        return None
    last = dict(fields)
    hashes = [value for key, value in fields if key == b"info_hash"]
    port = number_in(last.get(b"port", b"0"))
    if len(hashes) != 1 or len(hashes[0]) != 20 or port is None or port > 65535:
        return None
    wanted = number_in(last.get(b"numwant", b""))
    numwant = OT_DEFAULT_NUMWANT if wanted is None else wanted
    peer_id = last.get(b"peer_id", b"")
    return (
        hashes[0],
        peer_id if len(peer_id) == 20 else b"",
        port.to_bytes(2, "big"),
        port > 1,
        number_in(last.get(b"left", b"")) == 0,
        EVENTS.get(last.get(b"event", b""), EVENT_NONE),
        min(numwant, OT_MAX_PEERS_HTTP),
    )


def check(query: bytes) -> None:
    """One query."""
    a = Announce(both_families=True)
    wanted = expected(query)
    try:
        parse_announce(query, ADDRESS, a)
    except TrackerFailure as failure:
        claims_ip = WANT_IP_FROM_QUERY_STRING and failure.reason == b"invalid ip"
        assert wanted is None or claims_ip, f"{failure} where {wanted} was expected"
        return
    got = (a.info_hash, a.peer_id, a.peer[-2:], a.stored, a.seeding, a.event, a.numwant)
    assert got == wanted
    assert len(a.peer) in (6, 18)
    assert WANT_IP_FROM_QUERY_STRING or a.peer[:-2] == ADDRESS
